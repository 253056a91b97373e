"""A plain picture: exact size and format, one colour, and the stamp. For suites that make thousands of them."""

from __future__ import annotations

import struct
import zlib
from binascii import unhexlify
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from imageproof.mock_server.png import (
    AS_IS,
    END,
    FAST,
    SIGNATURE,
    STREAM_END,
    STREAM_HEADER,
    UP,
    chunk,
    deflate,
    join,
)
from imageproof.specs.stamp import Stamp, grid_of, prompt_digest, rows_of

if TYPE_CHECKING:
    from imageproof.mock_server.picture import Picture
    from imageproof.mock_server.png import Piece
    from imageproof.specs.stamp import Grid

    Strip = tuple[Image.Image, tuple[int, int]]

LIGHT, DARK = 255, 0
USUAL_QUALITY = 60
DIGITS = bytes.maketrans(b"\0\1", b"f0")  # light and dark cells as hexadecimal digits
NIBBLE = 4  # pixels of one bit in half a byte, which is a hexadecimal digit
GREY = 0  # a colour type of the PNG specification: shades of grey, here one bit each


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
    """A PNG file of one bit for each pixel, put together from rows that were deflated before and those of the stamp.

    A cell is as wide as some whole half bytes, and every line of pixels in it is like the first one.
    """
    width, height = picture.width, picture.height
    grid = grid_of(width, height)
    rows = _rows(picture, grid) if grid is not None else []
    pieces: list[Piece] = []
    if grid is None or not rows:
        pieces.append(_blank(width, height))
    else:
        top = grid.top(len(rows))
        pieces = [_blank(width, top), _band(width, grid, rows), _blank(width, height - top - len(rows) * grid.cell)]
    header = struct.pack(">IIBBBBB", width, height, 1, GREY, 0, 0, 0)
    pixels = join(pieces)
    stream = b"".join((STREAM_HEADER, pixels.deflated, STREAM_END, pixels.adler.to_bytes(4, "big")))
    return b"".join((SIGNATURE, chunk(b"IHDR", header), chunk(b"IDAT", stream), END))


@lru_cache(maxsize=64)
def _blank(width: int, height: int) -> Piece:
    """So many white lines."""
    return deflate([AS_IS + b"\xff" * -(-width // 8)] * height, level=FAST)


def _band(width: int, grid: Grid, rows: list[bytes]) -> Piece:
    """The lines of the stamp."""
    nibbles = grid.cell // NIBBLE
    length = -(-width // 8)
    margin = b"f" * (grid.left // NIBBLE)
    repeat = (UP + bytes(length)) * (grid.cell - 1)
    lines = []
    for row in rows:
        cells = row.translate(DIGITS).replace(b"0", b"0" * nibbles).replace(b"f", b"f" * nibbles)
        lines.append(AS_IS + unhexlify((margin + cells).ljust(2 * length, b"f")) + repeat)
    return deflate(lines, level=FAST)


def _rows(picture: Picture, grid: Grid) -> list[bytes]:
    """The stamp as rows of cells; none where there is no room."""
    name = picture.task_id
    stamp = Stamp(
        task_id=name if len(name.encode()) <= 64 else f"{zlib.crc32(name.encode()):08x}",  # noqa: PLR2004  (what fits)
        index=picture.index,
        prompt_digest=prompt_digest(picture.prompt),
        stage=picture.stage,
    )
    return rows_of(stamp, grid)


def _strip(picture: Picture) -> Strip | None:
    """The stamp as a picture of its own and the place where it lies; None where there is no room."""
    grid = grid_of(picture.width, picture.height)
    rows = _rows(picture, grid) if grid is not None else []
    if grid is None or not rows:
        return None
    dots = b"".join(bytes(DARK if cell else LIGHT for cell in row) for row in rows)
    small = Image.frombytes("L", (grid.columns, len(rows)), dots)
    cells = small.resize((grid.columns * grid.cell, len(rows) * grid.cell), Image.Resampling.NEAREST)
    return cells, (grid.left, grid.top(len(rows)))
