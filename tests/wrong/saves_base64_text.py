"""It saves the base64 text of an image in the place of its bytes."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "apiyi"
RULE = "client/bytes"
SCENARIOS = ("plain",)


class Wrong(Client):
    def image_of(self, entry: object) -> bytes:
        return str(entry["b64_json"]).encode() if isinstance(entry, dict) else b""

    def problem_with(self, data: bytes) -> str:
        return ""
