"""It says that a job has failed which has succeeded."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client
from tests.wrong.wire import JobError

SPEC = "xingchaoyiqing"
RULE = "client/outcome"
SCENARIOS = ("plain",)


class Wrong(Client):
    def tell_done(self, digests: list[str]) -> dict[str, Any]:
        return self.tell_failed(JobError("unknown", "something went wrong"))
