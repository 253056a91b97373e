"""It ends with an exit code that nobody has agreed on when a job fails."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client

SPEC = "toapis"
RULE = "client/ends"
SCENARIOS = ("fails",)


class Wrong(Client):
    def exit_code(self, told: dict[str, Any]) -> int:
        return 0 if told["outcome"] == "done" else 1
