"""A plain picture: exact size and format, one colour, and the stamp. For suites that make thousands of them."""

from __future__ import annotations

import zlib
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from imageproof.specs.stamp import Stamp, grid_of, prompt_digest, rows_of

if TYPE_CHECKING:
    from imageproof.mock_server.picture import Picture

LIGHT, DARK = 255, 0
USUAL_QUALITY = 60


def plain(picture: Picture) -> bytes:
    """The file of a plain picture; the same values give the same bytes."""
    is_png = picture.format == "png"
    mode = "LA" if picture.transparent else "1" if is_png else "L"
    image = Image.new(mode, (picture.width, picture.height), (LIGHT, 0) if picture.transparent else LIGHT)
    strip = _strip(picture)
    if strip is not None:
        cells, (left, top) = strip
        image.paste(cells.convert(mode), (left, top))
    out = BytesIO()
    if is_png:
        image.save(out, "PNG", compress_level=1)
    elif picture.format == "jpeg":
        image.save(out, "JPEG", quality=picture.compression or USUAL_QUALITY)
    else:
        image.convert("RGBA" if picture.transparent else "RGB").save(
            out, "WEBP", quality=picture.compression or USUAL_QUALITY, method=0
        )
    return out.getvalue()


def _strip(picture: Picture) -> tuple[Image.Image, tuple[int, int]] | None:
    """The stamp as a picture of its own and the place where it lies; None where there is no room."""
    grid = grid_of(picture.width, picture.height)
    if grid is None:
        return None
    name = picture.task_id
    stamp = Stamp(
        task_id=name if len(name.encode()) <= 64 else f"{zlib.crc32(name.encode()):08x}",  # noqa: PLR2004  (what fits)
        index=picture.index,
        prompt_digest=prompt_digest(picture.prompt),
        stage=picture.stage,
    )
    rows = rows_of(stamp, grid)
    if not rows:
        return None
    dots = b"".join(bytes(DARK if cell else LIGHT for cell in row) for row in rows)
    small = Image.frombytes("L", (grid.columns, len(rows)), dots)
    cells = small.resize((grid.columns * grid.cell, len(rows) * grid.cell), Image.Resampling.NEAREST)
    return cells, (grid.left, grid.top(len(rows)))
