"""It asks for URLs as of an older model, a field that this one refuses."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client

SPEC = "openai"
RULE = "client/requests"
SCENARIOS = ("plain",)


class Wrong(Client):
    def request(self) -> dict[str, Any]:
        return {**super().request(), "response_format": "url"}
