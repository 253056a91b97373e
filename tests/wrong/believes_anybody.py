"""It believes a call back whoever has signed it."""

from __future__ import annotations

from email.message import Message

from tests.wrong.hooks import Called

SPEC = "toapis"
RULE = "client/call-backs"
CLOCK = "20x"
SCENARIOS = ("webhook-forged",)


class Wrong(Called):
    def believes(self, headers: Message, body: bytes) -> bool:
        return True
