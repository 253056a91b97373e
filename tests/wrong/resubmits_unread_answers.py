"""It submits again when it cannot read the answer to the submit."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "xingchaoyiqing"
RULE = "client/submits-once"
SCENARIOS = ("submit-truncated",)


class Wrong(Client):
    def sends_again(self, reply: Reply, attempt: int) -> bool:
        return (reply.status == 200 and not reply.body and attempt < 3) or super().sends_again(reply, attempt)
