"""The texts that stand for image sizes: `1024x1536`."""

from __future__ import annotations

import re

SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")


def parse_size(value: object) -> tuple[int, int] | None:
    """Width and height in pixels, or None when the value is not a text of that form."""
    match = SIZE.fullmatch(value) if isinstance(value, str) else None
    return (int(match[1]), int(match[2])) if match else None


def size_text(width: int, height: int) -> str:
    """The text for a width and a height in pixels."""
    return f"{width}x{height}"
