"""It tells ids of its own making for those by which the support finds a request."""

from __future__ import annotations

import uuid
from typing import Any

from tests.wrong.base import Client

SPEC = "apiyi"
RULE = "advice/request-id"
SCENARIOS = ("plain",)


class Wrong(Client):
    def run(self) -> dict[str, Any]:
        return {**super().run(), "request_ids": [uuid.uuid4().hex]}
