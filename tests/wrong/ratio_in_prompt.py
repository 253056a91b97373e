"""It writes the ratio into the prompt too."""

from __future__ import annotations

from typing import Any

from tests.wrong.base import Client

SPEC = "reapi"
RULE = "advice/gpt-image-2/ratio-not-in-prompt"
SCENARIOS = ("plain",)


class Wrong(Client):
    def request(self) -> dict[str, Any]:
        fields = super().request()
        return {**fields, "prompt": f"{fields['prompt']}, aspect ratio 16:9"}
