"""It sends again what the moderation has refused."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply, error_in

SPEC = "openai"
RULE = "client/never-retried"
CLOCK = "10x"
SCENARIOS = ("moderated",)


class Wrong(Client):
    def sends_again(self, reply: Reply, attempt: int) -> bool:
        error = error_in(reply)
        moderated = error is not None and error.told["kind"] == "moderation" and attempt < 2
        return moderated or super().sends_again(reply, attempt)
