"""It reads Retry-After as a number only, never as a date."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "toapis"
RULE = "client/retry-after"
SCENARIOS = ("retry-after-date",)


class Wrong(Client):
    def wait_after_refusal(self, attempt: int, asked: float) -> float:
        return super().wait_after_refusal(attempt, 0.0)
