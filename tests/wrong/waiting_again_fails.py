"""It takes a task that waits again, after it ran, for a failed one."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import JobError, Reply

SPEC = "xingchaoyiqing"
RULE = "client/survives"
SCENARIOS = ("goes-back",)


class Wrong(Client):
    seen: str = ""

    def is_final(self, reply: Reply) -> bool:
        state = reply.body.get("status", "")
        if state == "queued" and self.seen == "processing":
            raise JobError("unknown", "the task goes back")
        self.seen = state
        return super().is_final(reply)
