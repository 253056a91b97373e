"""It polls every second."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "toapis"
RULE = "polling/cadence"
CLOCK = "10x"
SCENARIOS = ("plain",)


class Wrong(Client):
    def every(self, age: float) -> float:
        return 1.0
