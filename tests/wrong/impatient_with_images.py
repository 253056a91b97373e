"""It waits one minute for an image that may take five."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "apiyi"
RULE = "advice/timeout"
SCENARIOS = ("slow-answer",)


class Wrong(Client):
    sync_timeout_s = 60.0

    def timeout(self, purpose: str) -> float:
        return self.sync_timeout_s
