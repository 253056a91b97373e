"""It sends reference images as base64, and not as URLs."""

from __future__ import annotations

import base64
from typing import Any

from tests.wrong.base import STARTS, Client

SPEC = "toapis"
RULE = "advice/upload-first"
SCENARIOS = ("with-references",)


class Wrong(Client):
    def request(self) -> dict[str, Any]:
        coded = f"data:image/png;base64,{base64.b64encode(STARTS['png'] * 40).decode()}"
        fields = super().request()
        return {name: [coded] if isinstance(value, list) else value for name, value in fields.items()}
