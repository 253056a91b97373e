"""Plain pictures of one bit for each pixel, in no time: all but the lines of the stamp is known before."""

from __future__ import annotations

import struct
import zlib
from binascii import unhexlify
from functools import lru_cache
from typing import TYPE_CHECKING

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
    followed_by,
    stored_head,
)
from imageproof.specs.stamp import LONGEST_ID, Stamp, grid_of, prompt_digest, rows_of

if TYPE_CHECKING:
    from imageproof.mock_server.png import Piece
    from imageproof.specs.stamp import Grid

PIXELS = bytes.maketrans(b"\0\1", b"\xff\0")  # light and dark cells as eight pixels
DIGITS = bytes.maketrans(b"\0\1", b"f0")  # light and dark cells as hexadecimal digits
BYTE = 8  # pixels in a byte
NIBBLE = 4  # pixels in half a byte, which is a hexadecimal digit
GREY = 0  # a colour type of the PNG specification: shades of grey, here one bit each


def stamp_of(task_id: str, index: int, prompt: str, stage: int | None = None) -> Stamp:
    """What the stamp of a plain picture says; an id that is too long for it is told by its checksum."""
    return Stamp(
        task_id=task_id if len(task_id.encode()) <= LONGEST_ID else f"{zlib.crc32(task_id.encode()):08x}",
        index=index,
        prompt_digest=prompt_digest(prompt),
        stage=stage,
    )


def bits(width: int, height: int, stamp: Stamp) -> bytes:
    """A PNG file of one bit for each pixel: a sheet that is known but for the lines of the stamp."""
    grid = _grid(width, height)
    rows = rows_of(stamp, grid) if grid is not None else []
    return _sheet(width, height, len(rows)).file([_line(row, grid) for row in rows] if grid is not None else [])


def _line(row: bytes, grid: Grid) -> bytes:
    """A line of pixels through a row of cells, as far as the last one."""
    if grid.cell % BYTE:  # half a byte for each cell
        digits = b"f" * (grid.left // NIBBLE) + row.translate(DIGITS)
        return unhexlify(digits + b"f" * (len(digits) % 2))
    wide, cells = grid.cell // BYTE, row.translate(PIXELS)
    if wide > 1:
        cells = cells.replace(b"\x00", bytes(wide)).replace(b"\xff", b"\xff" * wide)
    return b"\xff" * (grid.left // BYTE) + cells


class Sheet:
    """A white picture with room for so many rows of cells; each is one line of pixels, and others like that one.

    A line is stored as it is, so whatever it says the file has the same layout, and only its checksums change.
    """

    __slots__ = ("_above", "_below", "_head", "_repeated", "_stored", "_width")

    def __init__(self, width: int, height: int, rows: int) -> None:
        grid = _grid(width, height)
        cell, top = (grid.cell, grid.top(rows)) if grid is not None and rows else (0, height)
        self._width = -(-width // BYTE)
        self._above, self._below = _blank(width, top), _blank(width, height - top - rows * cell)
        self._repeated = deflate([(UP + bytes(self._width)) * (cell - 1)] if cell else [], level=FAST)
        self._stored = stored_head(1 + self._width) + AS_IS
        self._head = SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, GREY, 0, 0, 0))

    def file(self, lines: list[bytes]) -> bytes:
        """The file with these lines, which end where the rest is white."""
        above, repeated, below = self._above, self._repeated, self._below
        parts, checksum = [STREAM_HEADER, above.deflated], above.adler
        for line in lines:
            whole = line.ljust(self._width, b"\xff")
            parts += (self._stored, whole, repeated.deflated)
            checksum = followed_by(zlib.adler32(AS_IS + whole, checksum), repeated)
        parts += (below.deflated, STREAM_END, followed_by(checksum, below).to_bytes(4, "big"))
        return b"".join((self._head, chunk(b"IDAT", b"".join(parts)), END))


_sheet = lru_cache(maxsize=64)(Sheet)
_grid = lru_cache(maxsize=64)(grid_of)


@lru_cache(maxsize=64)
def _blank(width: int, height: int) -> Piece:
    """So many white lines."""
    return deflate([AS_IS + b"\xff" * -(-width // 8)] * height, level=FAST)
