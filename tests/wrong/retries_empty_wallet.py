"""It sends a request again that was refused as there is no money."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "reapi"
RULE = "client/never-retried"
CLOCK = "10x"
SCENARIOS = ("no-credit",)


class Wrong(Client):
    def sends_again(self, reply: Reply, attempt: int) -> bool:
        return (reply.status == 402 and attempt < 3) or super().sends_again(reply, attempt)
