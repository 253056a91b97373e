"""It crashes when a field is null."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "reapi"
RULE = "client/ends"
SCENARIOS = ("field-null",)


class Wrong(Client):
    def is_final(self, reply: Reply) -> bool:
        state: Any = reply.body.get("status", "")
        return super().is_final(reply) if state.lower() != "processing" else False
