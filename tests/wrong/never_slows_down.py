"""It polls every four seconds, however old the task is."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "polling/cadence"
CLOCK = "30x"
SCENARIOS = ("very-slow-job",)


class Wrong(Client):
    def every(self, age: float) -> float:
        return 4.0
