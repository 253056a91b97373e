"""It takes a task for done that has ended well and has no image."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "toapis"
RULE = "client/reads-body"
SCENARIOS = ("no-result",)


class Wrong(Client):
    def is_final(self, reply: Reply) -> bool:
        return reply.body.get("status") == "completed" or super().is_final(reply)

    def delivered(self, images: list[bytes]) -> list[bytes]:
        return images
