"""It never asks for a job, and waits for ever for a call back that does not come."""

from __future__ import annotations

from typing import Any

from tests.wrong.hooks import Called

SPEC = "toapis"
RULE = "client/ends"
TIMEOUT_S = 6.0
SCENARIOS = ("webhook-never",)


class Wrong(Called):
    def poll(self, task_id: str) -> dict[str, Any]:
        return self.told(None) or {}
