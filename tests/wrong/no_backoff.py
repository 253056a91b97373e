"""It waits two seconds after each refusal, always the same."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "client/backoff"
CLOCK = "5x"
SCENARIOS = ("rate-limited-for-ever",)


class Wrong(Client):
    def wait_after_refusal(self, attempt: int, asked: float) -> float:
        return max(2.0, asked)
