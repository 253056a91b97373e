"""It takes a state that it does not know for a failure."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import JobError, Reply

SPEC = "reapi"
RULE = "client/unknown-state"
SCENARIOS = ("unknown-state",)


class Wrong(Client):
    def is_final(self, reply: Reply) -> bool:
        state = reply.body.get("status")
        if state not in ("queued", "processing", "in_progress", "completed", "failed"):
            raise JobError("unknown", f"unexpected state {state}")
        return super().is_final(reply)
