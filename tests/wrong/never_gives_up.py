"""It polls a task that never ends for ever."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "toapis"
RULE = "client/gives-up"
SCENARIOS = ("stuck",)


class Wrong(Client):
    def patience(self) -> float:
        return float("inf")
