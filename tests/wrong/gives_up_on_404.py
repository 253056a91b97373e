"""It gives up a task that is not known yet, a moment after the submit."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "xingchaoyiqing"
RULE = "client/survives"
SCENARIOS = ("hidden-at-first",)


class Wrong(Client):
    def is_final_error(self, reply: Reply, age: float) -> bool:
        return reply.status == 404 or super().is_final_error(reply, age)
