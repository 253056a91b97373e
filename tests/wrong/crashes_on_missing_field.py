"""It crashes when a field is left out."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "toapis"
RULE = "client/ends"
SCENARIOS = ("poll-internal",)


class Wrong(Client):
    def has_ended(self, reply: Reply, age: float) -> bool:
        return reply.body["status"] in ("completed", "failed") and super().has_ended(reply, age)
