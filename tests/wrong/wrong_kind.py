"""It tells a refusal for the content as trouble of the network."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client
from tests.wrong.wire import JobError

SPEC = "reapi"
RULE = "client/outcome"
SCENARIOS = ("moderated",)


class Wrong(Client):
    def tell_failed(self, error: JobError) -> dict[str, Any]:
        return super().tell_failed(JobError("network", "could not connect"))
