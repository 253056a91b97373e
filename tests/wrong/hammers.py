"""It sends again at once, and again, until it is let in."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "toapis"
RULE = "advice/backoff"
CLOCK = "5x"
SCENARIOS = ("rate-limited-for-ever",)


class Wrong(Client):
    def sends_again(self, reply: Reply, attempt: int) -> bool:
        return reply.status == 429 and attempt < 8

    def wait_after_refusal(self, attempt: int, asked: float) -> float:
        return 0.05
