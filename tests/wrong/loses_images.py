"""It delivers the first of several images only."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "openai"
RULE = "client/images"
SCENARIOS = ("several-images",)


class Wrong(Client):
    def delivered(self, images: list[bytes]) -> list[bytes]:
        return images[:1]
