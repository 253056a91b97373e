"""The published JSON Schema of a line of run.jsonl, derived from the classes."""

from __future__ import annotations

from typing import cast

import msgspec

from imageproof.records.lines import Line

TITLE = "One line of run.jsonl, as imageproof writes it"


def line_schema() -> dict[str, object]:
    """The JSON Schema (2020-12) of any line."""
    schema = cast("dict[str, object]", msgspec.json.schema(Line))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLE, **schema}
