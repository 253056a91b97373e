"""It takes the last call back for the state of its job, though an older one may come after a newer one."""

from __future__ import annotations

import time
from queue import Empty
from typing import Any

from tests.wrong.hooks import Called
from tests.wrong.wire import JobError

SPEC = "toapis"
RULE = "client/call-backs"
CLOCK = "20x"
SCENARIOS = ("webhook-reordered",)


class Wrong(Called):
    def poll(self, task_id: str) -> dict[str, Any]:
        told = self.listener.got.get(timeout=30.0)
        until = time.monotonic() + 20.0 / self.scale
        while time.monotonic() < until:
            try:
                told = self.listener.got.get(timeout=max(0.01, until - time.monotonic()))
            except Empty:
                break
        if told["status"] != "completed":
            raise JobError("timeout", f"the task is still {told['status']}")
        return told
