"""It keeps the request id of its first try, and not that of the answer that counted."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client

SPEC = "apiyi"
RULE = "advice/request-id"
SCENARIOS = ("rate-limited-once",)


class Wrong(Client):
    def run(self) -> dict[str, Any]:
        told = super().run()
        return {**told, "request_ids": told["request_ids"][:1]}
