"""It reads Retry-After as a number only; where a date is told it sends again at once."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "toapis"
RULE = "client/retry-after"
CLOCK = "20x"
SCENARIOS = ("rate-limited-date",)


class Wrong(Client):
    def wait_after_refusal(self, attempt: int, asked: float) -> float:
        return 0.1
