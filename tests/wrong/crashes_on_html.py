"""It crashes on an answer that is no JSON."""

from __future__ import annotations

import json
from typing import Any

from tests.wrong.base import Client
from tests.wrong.wire import Reply

SPEC = "reapi"
RULE = "client/ends"
SCENARIOS = ("poll-bad-gateway",)


class Wrong(Client):
    def read(self, reply: Reply) -> dict[str, Any]:
        kind = reply.headers.get("content-type", "")
        return super().read(reply) if kind.startswith("image/") else dict(json.loads(reply.data))
