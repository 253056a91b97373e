"""It gives up a job that goes on when one poll is refused for coming too often."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "toapis"
RULE = "client/survives"
SCENARIOS = ("polled-too-fast",)


class Wrong(Client):
    def is_final_error(self, reply: Reply, age: float) -> bool:
        return reply.status == 429 or super().is_final_error(reply, age)
