"""It takes the first partial image of a stream for the image."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client

SPEC = "openai"
RULE = "client/bytes"
SCENARIOS = ("streamed",)


class Wrong(Client):
    def images_of_stream(self, events: list[dict[str, Any]]) -> list[str]:
        return [event["b64_json"] for event in events if "b64_json" in event][:1]
