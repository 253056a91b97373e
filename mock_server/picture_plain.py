"""A plain picture: exact size and format, one colour, and the stamp. For suites that make thousands of them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from imageproof.mock_server.picture_bits import bits, name_in_stamp
from imageproof.specs.stamp import Stamp, encode, grid_of, prompt_digest, rows_of

if TYPE_CHECKING:
    from imageproof.mock_server.picture import Picture

    Strip = tuple[Image.Image, tuple[int, int]]

LIGHT, DARK = 255, 0
USUAL_QUALITY = 60


def plain(picture: Picture) -> bytes:
    """The file of a plain picture; the same values give the same bytes."""
    if picture.is_bits:
        return _bits(picture)
    strip = _strip(picture)
    image = Image.new("LA" if picture.transparent else "L", (picture.width, picture.height), _paper(picture))
    if strip is not None:
        cells, place = strip
        image.paste(cells.convert(image.mode), place)
    out = BytesIO()
    quality = picture.compression or USUAL_QUALITY
    if picture.format == "png":
        image.save(out, "PNG", compress_level=1)
    elif picture.format == "jpeg":
        image.save(out, "JPEG", quality=quality)
    else:
        image.convert("RGBA" if picture.transparent else "RGB").save(out, "WEBP", quality=quality, method=0)
    return out.getvalue()


def _paper(picture: Picture) -> int | tuple[int, int]:
    return (LIGHT, 0) if picture.transparent else LIGHT


def _bits(picture: Picture) -> bytes:
    """A PNG file of one bit for each pixel."""
    return bits(picture.width, picture.height, encode(_stamp(picture)))


def _stamp(picture: Picture) -> Stamp:
    return Stamp(
        task_id=name_in_stamp(picture.task_id),
        index=picture.index,
        prompt_digest=prompt_digest(picture.prompt),
        stage=picture.stage,
    )


def _strip(picture: Picture) -> Strip | None:
    """The stamp as a picture of its own and the place where it lies; None where there is no room."""
    grid = grid_of(picture.width, picture.height)
    rows = rows_of(_stamp(picture), grid) if grid is not None else []
    if grid is None or not rows:
        return None
    dots = b"".join(bytes(DARK if cell else LIGHT for cell in row) for row in rows)
    small = Image.frombytes("L", (grid.columns, len(rows)), dots)
    cells = small.resize((grid.columns * grid.cell, len(rows) * grid.cell), Image.Resampling.NEAREST)
    return cells, (grid.left, grid.top(len(rows)))
