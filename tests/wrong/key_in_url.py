"""It writes the key into the URL of each request too."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "client/key-in-url"
SCENARIOS = ("plain",)


class Wrong(Client):
    def url(self, path: str) -> str:
        return f"{super().url(path)}?api_key={self.key}"
