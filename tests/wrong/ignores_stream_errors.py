"""It passes over an event that tells an error, and takes a partial image for the whole."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client

SPEC = "openai"
RULE = "client/outcome"
SCENARIOS = ("stream-error",)


class Wrong(Client):
    def images_of_stream(self, events: list[dict[str, Any]]) -> list[str]:
        return [event["b64_json"] for event in events if "b64_json" in event][-1:]
