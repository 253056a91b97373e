"""It gives up a job that goes on when the connection of one poll breaks."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import JobError, LostError

SPEC = "xingchaoyiqing"
RULE = "client/survives"
SCENARIOS = ("poll-reset",)


class Wrong(Client):
    def on_lost_poll(self, error: LostError) -> None:
        raise JobError("network", str(error)) from error
