"""How many bytes a photograph has for each of its pixels, by format and quality: what `--payload photo` goes by.

`python benchmarks/photo_sizes.py PHOTO ...` writes each file anew in memory with Pillow, and prints medians, least and
most of all files as a table. Files that were saved with heavy compression before give less than fresh ones.
"""

from __future__ import annotations

import statistics
import sys
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterable

QUALITIES = (0, 25, 50, 75, 85, 90, 95, 100)


def density(photo: Image.Image, form: str, quality: int | None) -> float:
    """Bytes for each pixel of one photograph as a file."""
    out = BytesIO()
    photo.save(out, form, **({} if quality is None else {"quality": quality}))
    return len(out.getvalue()) / (photo.width * photo.height)


def table(photos: list[Image.Image]) -> Iterable[str]:
    """The lines of a Markdown table."""
    yield "| format | quality | median | least | most |\n|---|---|---|---|---|"
    for form, quality in [("PNG", None), *((form, quality) for form in ("JPEG", "WEBP") for quality in QUALITIES)]:
        found = [density(photo, form, quality) for photo in photos]
        middle = statistics.median(found)
        label = "" if quality is None else quality
        yield f"| {form.lower()} | {label} | {middle:.3f} | {min(found):.3f} | {max(found):.3f} |"


def main(paths: list[str]) -> None:
    """Measure the files that are named."""
    if not paths:
        sys.exit("expected the paths of photographs, got none")
    photos = []
    for path in paths:
        with Image.open(path) as photo:
            photos.append(photo.convert("RGB"))
    sys.stdout.write("\n".join(table(photos)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
