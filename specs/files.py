"""Uploaded files as the rules see them: facts about an image, and the smallest bytes that have these facts."""

from __future__ import annotations

import io
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What is known of an uploaded image without decoding its pixels; `format` is `png`, `jpeg`, `webp`.

    `gif` or another.
    """

    format: str
    width: int
    height: int
    has_alpha: bool
    size: int
    name: str = "image"


def encode(facts: FileFacts) -> bytes:
    """Make an image with these facts, padded up to `size` bytes with data that decoders skip.

    Raises ValueError when the facts contradict each other (a JPEG with alpha) or the format is none that can be
    written.
    """
    from PIL import Image  # noqa: PLC0415  (heavy, and only needed where files are really sent)

    if facts.has_alpha and facts.format == "jpeg":
        message = "a JPEG has no alpha channel: ask for png or webp, or for no alpha"
        raise ValueError(message)
    image = Image.new(
        "RGBA" if facts.has_alpha else "RGB", (facts.width, facts.height), (90, 120, 150, 0)[: 3 + facts.has_alpha]
    )
    out = io.BytesIO()
    try:
        image.save(out, facts.format.upper())
    except KeyError:
        message = f"expected an image format that can be written, got {facts.format!r}"
        raise ValueError(message) from None
    return out.getvalue().ljust(facts.size, b"\0")
