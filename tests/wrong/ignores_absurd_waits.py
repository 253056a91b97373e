"""It asks again at once when the server asks for a year of silence."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "reapi"
RULE = "client/backoff"
SCENARIOS = ("rate-limited-absurd",)


class Wrong(Client):
    def wait_after_refusal(self, attempt: int, asked: float) -> float:
        return 0.0

    def sends_again(self, reply: Reply, attempt: int) -> bool:
        return attempt < 1 and super().sends_again(reply, attempt)
