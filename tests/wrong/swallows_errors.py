"""It ends with exit code 0 and says nothing when a job fails."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client
from tests.wrong.wire import JobError

SPEC = "toapis"
RULE = "client/outcome"
SCENARIOS = ("fails",)


class Wrong(Client):
    def tell_failed(self, error: JobError) -> dict[str, Any]:
        return {"outcome": "done"}
