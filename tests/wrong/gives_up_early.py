"""It gives up a task that is a minute old."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "client/patience"
SCENARIOS = ("slow-job",)


class Wrong(Client):
    def patience(self) -> float:
        return 60.0
