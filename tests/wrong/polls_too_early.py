"""It polls two seconds after the submit, where half a minute is asked for."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "polling/cadence"
CLOCK = "10x"
SCENARIOS = ("plain",)


class Wrong(Client):
    def first_wait(self) -> float:
        return 2.0
