"""It polls once in two minutes."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "polling/cadence"
CLOCK = "30x"
SCENARIOS = ("slow-job",)


class Wrong(Client):
    def every(self, age: float) -> float:
        return 120.0
