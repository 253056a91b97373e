"""It gives up a job that goes on when one poll meets a bad gateway."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "reapi"
RULE = "client/survives"
SCENARIOS = ("poll-bad-gateway",)


class Wrong(Client):
    def is_final_error(self, reply: Reply, age: float) -> bool:
        return reply.status >= 500
