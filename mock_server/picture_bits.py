"""Plain pictures of one bit for each pixel, in no time: all but the lines of the stamp is known before."""

from __future__ import annotations

import struct
from binascii import unhexlify
from functools import lru_cache
from typing import TYPE_CHECKING
from zlib import adler32, crc32

from imageproof.mock_server.png import (
    ADLER_BASE,
    AS_IS,
    END,
    SIGNATURE,
    STREAM_END,
    STREAM_HEADER,
    UP,
    chunk,
    deflate,
    followed_by,
    stored_head,
)
from imageproof.specs.stamp import LONGEST_ID, digits_of, grid_of

if TYPE_CHECKING:
    from imageproof.mock_server.png import Piece
    from imageproof.specs.stamp import Grid

PIXELS = bytes.maketrans(b"01", b"\0\xff")  # light and dark cells as eight pixels
DIGITS = bytes.maketrans(b"01", b"0f")  # light and dark cells as hexadecimal digits
BYTE = 8  # pixels in a byte
NIBBLE = 4  # pixels in half a byte, which is a hexadecimal digit
INDEXED = 3  # a colour type of the PNG specification: numbers of colours, here one bit each
COLOURS = b"\xff\xff\xff\0\0\0"  # white is 0, as a line of null bytes and no filter is deflated to next to nothing
IDAT = crc32(b"IDAT")


def name_in_stamp(task_id: str) -> str:
    """What the stamp of a plain picture calls a task: an id that is too long for it is told by its checksum."""
    is_short = len(task_id) <= LONGEST_ID and (task_id.isascii() or len(task_id.encode()) <= LONGEST_ID)
    return task_id if is_short else f"{crc32(task_id.encode()):08x}"


def bits(width: int, height: int, payload: bytes) -> bytes:
    """A PNG file of one bit for each pixel: a sheet that is known but for the lines of the stamp with this payload."""
    grid = _grid(width, height)
    if grid is None:
        return _sheet(width, height, 0).file(b"")
    digits = digits_of(payload, grid)
    return _sheet(width, height, len(digits) // grid.columns).file(_pixels(digits, grid))


def _pixels(digits: bytes, grid: Grid) -> bytes:
    """For each row of cells, the lowest one first, one line of pixels from the first cell to the last one."""
    if grid.cell % BYTE:  # half a byte for each cell
        cells, size = digits.translate(DIGITS), grid.columns
        if size % 2:
            cells = b"".join([cells[at : at + size] + b"0" for at in range(0, len(cells), size)])
        return unhexlify(cells)
    wide, cells = grid.cell // BYTE, digits.translate(PIXELS)
    return cells if wide == 1 else cells.replace(b"\0", bytes(wide)).replace(b"\xff", b"\xff" * wide)


class Sheet:
    """A white picture with room for so many rows of cells; each is one line of pixels, and others like that one.

    A line is stored as it is, so whatever it says the file has the same layout: `_parts`, with a place for each line
    and one for the checksum. The Adler-32 checksum of all pixels is the sum of what each line adds to that of a sheet
    where the lines are null bytes: its own sums, and the first of them once more for each byte that comes after it.
    """

    __slots__ = ("_cut", "_head", "_high", "_low", "_parts", "_weights")

    def __init__(self, width: int, height: int, rows: int) -> None:
        grid = _grid(width, height)
        cell, top = (grid.cell, grid.top(rows)) if grid is not None and rows else (0, height)
        left = grid.left // BYTE if grid is not None else 0
        size = -(-grid.columns * cell // BYTE) if grid is not None else 0
        stride = -(-width // BYTE)
        before, behind = AS_IS + bytes(left), bytes(stride - left - size)
        above, below = _blank(width, top), _blank(width, height - top - rows * cell)
        repeated = deflate([(UP + bytes(stride)) * (cell - 1)] if cell else [])
        begun, ended = stored_head(1 + stride) + before, behind + repeated.deflated
        between = [b"", ended + begun] * rows
        self._parts = [STREAM_HEADER + above.deflated + begun, *between[:-1], ended + below.deflated + STREAM_END, b""]
        if not rows:
            self._parts = [STREAM_HEADER + above.deflated + below.deflated + STREAM_END, b""]
        each, last = 1 + stride + repeated.size, len(behind) + repeated.size + below.size
        self._weights = [last + below_it * each for below_it in range(rows)]
        self._cut = struct.Struct(f"{size}s" * rows)
        checksum = above.adler
        for _ in range(rows):
            checksum = followed_by(adler32(before + bytes(size) + behind, checksum), repeated)
        checksum = followed_by(checksum, below)
        # the checksum of each line begins with 1 and not with 0, which is taken away here
        self._low = (checksum & 0xFFFF) - rows
        self._high = (checksum >> 16) - rows * size - sum(self._weights)
        length = sum(map(len, self._parts)) + rows * size + 4
        header = struct.pack(">IIBBBBB", width, height, 1, INDEXED, 0, 0, 0)
        self._head = SIGNATURE + chunk(b"IHDR", header) + chunk(b"PLTE", COLOURS) + length.to_bytes(4, "big") + b"IDAT"

    def file(self, pixels: bytes) -> bytes:
        """The file with these lines, the lowest one first."""
        low, high, lines, parts = self._low, self._high, self._cut.unpack(pixels), self._parts.copy()
        for sums, weight in zip(map(adler32, lines), self._weights, strict=True):
            first = sums & 0xFFFF
            low += first
            high += (sums >> 16) + weight * first
        parts[-3:0:-2] = lines
        parts[-1] = (high % ADLER_BASE << 16 | low % ADLER_BASE).to_bytes(4, "big")
        stream = b"".join(parts)
        return b"".join((self._head, stream, crc32(stream, IDAT).to_bytes(4, "big"), END))


_sheet = lru_cache(maxsize=64)(Sheet)
_grid = lru_cache(maxsize=64)(grid_of)


@lru_cache(maxsize=64)
def _blank(width: int, height: int) -> Piece:
    """So many white lines."""
    return deflate([AS_IS + bytes(-(-width // BYTE))] * height)
