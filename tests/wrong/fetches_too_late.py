"""It leaves a finished image for a quarter of an hour, though the answer says that it is kept for ten minutes."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "toapis"
RULE = "client/in-time"
CLOCK = "240x"
SCENARIOS = ("result-short-lived",)


class Wrong(Client):
    def download(self, url: str) -> bytes:
        self.sleep(15 * 60)
        return super().download(url)
