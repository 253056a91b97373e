"""It crashes when a field is null."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "reapi"
RULE = "client/ends"
SCENARIOS = ("field-null",)


class Wrong(Client):
    def has_ended(self, reply: Reply, age: float) -> bool:
        state: Any = reply.body.get("status", "")
        return super().has_ended(reply, age) and bool(state.lower())
