"""It polls on when the task has ended."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "xingchaoyiqing"
RULE = "client/after-end"
SCENARIOS = ("plain",)


class Wrong(Client):
    def after(self, task_id: str) -> None:
        for _ in range(3):
            self.sleep(self.every(0))
            self.poll_once(task_id)
