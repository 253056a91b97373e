"""It says that a failed job is done."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client
from tests.wrong.wire import JobError

SPEC = "reapi"
RULE = "client/outcome"
SCENARIOS = ("fails",)


class Wrong(Client):
    def tell_failed(self, error: JobError) -> dict[str, Any]:
        return self.tell_done([])

    def exit_code(self, told: dict[str, Any]) -> int:
        return 0
