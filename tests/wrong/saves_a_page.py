"""It saves whatever status 200 brings, a page of HTML too."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "toapis"
RULE = "client/bytes"
SCENARIOS = ("result-html",)


class Wrong(Client):
    def problem_with(self, data: bytes) -> str:
        return ""
