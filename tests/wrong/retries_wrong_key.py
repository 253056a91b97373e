"""It tries the same wrong key again."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "toapis"
RULE = "client/never-retried"
CLOCK = "10x"
SCENARIOS = ("key-refused",)


class Wrong(Client):
    def sends_again(self, reply: Reply, attempt: int) -> bool:
        return (reply.status == 401 and attempt < 3) or super().sends_again(reply, attempt)
