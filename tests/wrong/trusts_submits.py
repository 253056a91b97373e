"""It takes status 200 of a submit for a task, and polls for a task without a name."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import error_in

SPEC = "reapi"
RULE = "client/reads-body"
SCENARIOS = ("error-in-200",)


class Wrong(Client):
    def submit(self) -> str:
        reply = self.order()
        error = error_in(reply)
        if error and reply.status >= 400:
            raise error
        return str(reply.body.get("id"))
