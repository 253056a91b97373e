"""It sends a field that the model of its choice does not have."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "client/requests"
SCENARIOS = ("plain",)


class Wrong(Client):
    def request(self) -> dict[str, Any]:
        return {**super().request(), "quality": "high"}
