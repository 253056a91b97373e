"""It waits for ever for the answer to a poll."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "client/survives"
CLOCK = "120x"
SCENARIOS = ("poll-silent",)


class Wrong(Client):
    def timeout(self, purpose: str) -> float:
        return 1e6
