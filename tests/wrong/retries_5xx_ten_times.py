"""It sends a request again ten times when the server fails."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "apiyi"
RULE = "advice/retry-5xx"
SCENARIOS = ("submit-internal-always",)


class Wrong(Client):
    def sends_again(self, reply: Reply, attempt: int) -> bool:
        return reply.status >= 500 and attempt < 10
