"""It submits again when the connection was reset, though the job may have been taken."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import LostError

SPEC = "reapi"
RULE = "client/submits-once"
SCENARIOS = ("lost-submit-reset",)


class Wrong(Client):
    def sends_again_lost(self, error: LostError, attempt: int) -> bool:
        return attempt < 3
