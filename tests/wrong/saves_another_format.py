"""It saves an image of a format that it did not ask for."""

from __future__ import annotations

from tests.wrong.base import STARTS, Client

SPEC = "xingchaoyiqing"
RULE = "client/bytes"
SCENARIOS = ("result-other-format",)


class Wrong(Client):
    def problem_with(self, data: bytes) -> str:
        return "" if any(data.startswith(start) for start in STARTS.values()) else "no image"
