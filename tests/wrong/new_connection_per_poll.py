"""It opens a connection for each request."""

from __future__ import annotations

from tests.wrong.base import Client

SPEC = "xingchaoyiqing"
RULE = "client/connections"
SCENARIOS = ("plain",)


class Wrong(Client):
    keeps_connection = False
