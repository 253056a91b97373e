"""It saves what it is served for a result, whatever the status is."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "client/outcome"
SCENARIOS = ("result-forbidden",)


class Wrong(Client):
    def download(self, url: str) -> bytes:
        return self.send("download", "GET", url).data
