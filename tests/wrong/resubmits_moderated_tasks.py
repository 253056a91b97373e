"""It orders a job again whose result was refused for its content."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import JobError

SPEC = "reapi"
RULE = "client/never-retried"
SCENARIOS = ("fails-moderated",)


class Wrong(Client):
    def images(self) -> list[bytes]:
        try:
            return super().images()
        except JobError as error:
            if error.told["kind"] != "moderation":
                raise
            self.sleep(20)
            return super().images()
