"""It takes a failed task for one that may still succeed."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "toapis"
RULE = "client/after-end"
SCENARIOS = ("fails",)


class Wrong(Client):
    def is_final(self, reply: Reply) -> bool:
        return bool(reply.body.get("status") == "completed")
