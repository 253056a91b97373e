"""It delivers the first image in the place of each."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "openai"
RULE = "client/images"
SCENARIOS = ("several-images",)


class Wrong(Client):
    def delivered(self, images: list[bytes]) -> list[bytes]:
        return [images[0] for _ in images]
