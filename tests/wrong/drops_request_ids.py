"""It does not keep the ids by which the support finds a request."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client

SPEC = "apiyi"
RULE = "advice/request-id"
SCENARIOS = ("submit-5xx",)


class Wrong(Client):
    def run(self) -> dict[str, Any]:
        return {**super().run(), "request_ids": []}
