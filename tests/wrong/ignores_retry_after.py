"""It waits as long as it likes, whatever Retry-After says."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "toapis"
RULE = "client/retry-after"
CLOCK = "5x"
SCENARIOS = ("rate-limited-once",)


class Wrong(Client):
    def wait_after_refusal(self, attempt: int, asked: float) -> float:
        return super().wait_after_refusal(attempt, 0.0)

    def next_wait(self, age: float, troubles: int, asked: float) -> float:
        return super().next_wait(age, troubles, 0.0)
