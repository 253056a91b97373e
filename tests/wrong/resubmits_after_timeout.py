"""It submits again when the answer did not come in time."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import LostError

SPEC = "toapis"
RULE = "client/submits-once"
SCENARIOS = ("lost-submit-silent",)


class Wrong(Client):
    def timeout(self, purpose: str) -> float:
        return 60.0 if purpose == "submit" else super().timeout(purpose)

    def sends_again_lost(self, error: LostError, attempt: int) -> bool:
        return attempt < 2
