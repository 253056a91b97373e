"""It saves an image of another size than it asked for."""

from __future__ import annotations

from tests.wrong.base import STARTS, Client

SPEC = "reapi"
RULE = "client/bytes"
SCENARIOS = ("result-other-size",)


class Wrong(Client):
    def problem_with(self, data: bytes) -> str:
        return "" if data.startswith(STARTS["png"]) else "no image"
