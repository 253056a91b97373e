"""It crashes when a field is null."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "client/ends"
SCENARIOS = ("null-task-id",)


class Wrong(Client):
    def submit(self) -> str:
        reply = self.order()
        self.task_id = str(reply.body["id"].strip())
        return self.task_id
