"""It takes status 200 for a success, and does not look for an error."""

from __future__ import annotations

from tests.wrong.base import Client
from tests.wrong.wire import JobError, Reply, error_in

SPEC = "apiyi"
RULE = "client/reads-body"
SCENARIOS = ("error-in-200",)


class Wrong(Client):
    def refusal(self, reply: Reply) -> JobError | None:
        return error_in(reply) if reply.status >= 400 else None

    def delivered(self, images: list[bytes]) -> list[bytes]:
        return images
