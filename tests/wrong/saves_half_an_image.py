"""It saves what came of an image, whole or not."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "client/bytes"
SCENARIOS = ("plain",)


class Wrong(Client):
    def download(self, url: str) -> bytes:
        data = super().download(url)
        return data[: len(data) // 2]
