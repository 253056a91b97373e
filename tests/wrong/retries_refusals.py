"""It sends a request again that was refused for good."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "reapi"
RULE = "client/never-retried"
CLOCK = "10x"
SCENARIOS = ("refused",)


class Wrong(Client):
    def sends_again(self, reply: Reply, attempt: int) -> bool:
        return reply.status >= 400 and attempt < 3
