"""It submits again when a gateway answers 504 in the provider's place."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "toapis"
RULE = "client/submits-once"
SCENARIOS = ("lost-submit-gateway",)


class Wrong(Client):
    def sends_again(self, reply: Reply, attempt: int) -> bool:
        return (reply.status == 504 and attempt < 3) or super().sends_again(reply, attempt)
