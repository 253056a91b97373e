"""It fetches a result once, and gives up when it is not there yet."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import JobError

SPEC = "xingchaoyiqing"
RULE = "client/survives"
SCENARIOS = ("result-unreadable",)


class Wrong(Client):
    def download(self, url: str) -> bytes:
        reply = self.send("download", "GET", url)
        if reply.status != 200:
            raise JobError("upstream", f"HTTP {reply.status}")
        return reply.data
