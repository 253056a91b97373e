"""It takes a state that it does not know for the end."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "toapis"
RULE = "client/unknown-state"
SCENARIOS = ("unknown-state",)


class Wrong(Client):
    def is_final(self, reply: Reply) -> bool:
        return super().is_final(reply) or reply.body.get("status") not in ("queued", "in_progress")
