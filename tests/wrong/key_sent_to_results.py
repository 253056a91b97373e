"""It sends the key along when it fetches a result."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "toapis"
RULE = "client/key-to-results"
SCENARIOS = ("plain",)


class Wrong(Client):
    def download_headers(self) -> dict[str, str]:
        return self.headers()
