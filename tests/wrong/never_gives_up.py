"""It polls a task that never ends for ever."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "toapis"
RULE = "client/gives-up"
CLOCK = "120x"
TIMEOUT_S = 6.0
SCENARIOS = ("stuck-running",)


class Wrong(Client):
    def patience(self) -> float:
        return float("inf")
