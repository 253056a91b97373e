"""It takes the last partial image for the image when a stream ends without one."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client

SPEC = "apiyi"
RULE = "client/outcome"
SCENARIOS = ("stream-incomplete",)


class Wrong(Client):
    def images_of_stream(self, events: list[dict[str, Any]]) -> list[str]:
        partial = [event["b64_json"] for event in events if "b64_json" in event][-1:]
        return super().images_of_stream(events) or partial
