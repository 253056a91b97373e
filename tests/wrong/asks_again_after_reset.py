"""It asks again for an image whose answer was lost, and pays twice."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import LostError

SPEC = "openai"
RULE = "client/submits-once"
SCENARIOS = ("lost-submit-reset",)


class Wrong(Client):
    def sends_again_lost(self, error: LostError, attempt: int) -> bool:
        return attempt < 2
