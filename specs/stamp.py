"""The machine-readable strip at the foot of a mock picture: which task it belongs to, and which prompt.

Laws: where the cells lie follows from the size of the picture alone; what is read carries a checksum, so a picture
gives its own stamp or none, never another; nothing but the pixels is trusted, for a gateway may drop metadata.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

MARK = b"\xb2\x47"  # the first two bytes of every strip; neither is a text, so no caption looks like one
HEAD = len(MARK) + 3  # the mark, then one byte each: length of the id, index, stage
DIGEST = 8
CHECKSUM = 4
LONGEST_ID = 64
LONGEST_STRIP = HEAD + DIGEST + LONGEST_ID + CHECKSUM
MOST = 255
CELLS = bytes.maketrans(b"01", b"\0\1")  # binary digits as cells
FINE_BELOW = 480  # px: smaller pictures get smaller cells, which heavy compression may blur
CONTRAST = 60  # levels of grey between the darkest and the lightest cell: less than that is no strip


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """What a strip says: the task, the place of the picture among its results, the prompt, and the preview's number.

    `prompt_digest` is what `prompt_digest()` gives: 16 hexadecimal digits. `stage` is None for a finished picture.
    """

    task_id: str
    index: int
    prompt_digest: str
    stage: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where the cells of a picture lie, in pixels: row upon row upwards from `bottom`, each from `left` rightwards."""

    left: int
    bottom: int
    cell: int
    columns: int
    most_rows: int

    def top(self, rows: int) -> int:
        """The first line of pixels of a strip with so many rows."""
        return self.bottom - rows * self.cell


def prompt_digest(prompt: str) -> str:
    """The 16 hexadecimal digits that stand for a prompt; any text has some, lone surrogates too."""
    return digest_of(prompt).hex()


def digest_of(prompt: str) -> bytes:
    """The same as 8 bytes."""
    return hashlib.blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=DIGEST).digest()


def grid_of(width: int, height: int) -> Grid | None:
    """Where the cells lie in a picture of that size in pixels, or None when it is too small to hold any.

    Cells are squares of 8, 16, 24 ... px on multiples of 8 px: what JPEG and WebP keep however hard they compress.
    """
    fine = min(width, height) < FINE_BELOW
    cell = 4 if fine else 8 * max(1, math.isqrt(width * height) // 1024)
    left = cell * (2 if fine else 3)
    bottom = (height - 2 * cell) // 8 * 8
    columns, rows = (width - 2 * left) // cell, bottom // 2 // cell
    if columns < 1 or rows < 1:
        return None
    return Grid(left=left, bottom=bottom, cell=cell, columns=columns, most_rows=rows)


def encode(stamp: Stamp) -> bytes:
    """The bytes that a strip carries.

    Raises ValueError as `payload_of` does.
    """
    return payload_of(stamp.task_id, stamp.index, bytes.fromhex(stamp.prompt_digest), stamp.stage)


def payload_of(task_id: str, index: int, digest: bytes, stage: int | None = None) -> bytes:
    """The bytes that the strip of a picture carries, whose prompt has that `digest_of`.

    Raises ValueError when a part does not fit: an id over 64 bytes of UTF-8, an index over 255, a stage over 254.
    """
    name = task_id.encode("utf-8", "surrogatepass")
    if len(name) > LONGEST_ID:
        raise ValueError(
            f"expected a task id of at most {LONGEST_ID} bytes for the stamp of a picture, got {len(name)}"
        )
    number = 0 if stage is None else stage + 1
    if not 0 <= index <= MOST or not 0 <= number <= MOST or stage == -1:
        raise ValueError(f"expected an index up to {MOST} and a stage below that, got {index} and {stage}")
    if len(digest) != DIGEST:
        raise ValueError(f"expected a digest of {2 * DIGEST} hexadecimal digits, got {digest.hex()!r}")
    body = MARK + bytes((len(name), index, number)) + digest + name
    return _veiled(body + zlib.crc32(body).to_bytes(CHECKSUM, "big"))


def decode(payload: bytes) -> Stamp | None:
    """The stamp that the bytes of a strip carry (what follows it is ignored), or None when they are not one."""
    payload = _veiled(payload)
    if len(payload) < HEAD or not payload.startswith(MARK):
        return None
    length, index, stage = payload[len(MARK) : HEAD]
    end = HEAD + DIGEST + length
    body, checksum = payload[:end], payload[end : end + CHECKSUM]
    if len(checksum) < CHECKSUM or zlib.crc32(body).to_bytes(CHECKSUM, "big") != checksum:
        return None
    try:
        name = body[HEAD + DIGEST :].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:  # only a forged strip has a right checksum and no text
        return None
    digest = body[HEAD : HEAD + DIGEST].hex()
    return Stamp(task_id=name, index=index, prompt_digest=digest, stage=stage - 1 if stage else None)


def _veiled(payload: bytes) -> bytes:
    """Mix dark and light: an id of letters would leave each eighth cell light. Veiling twice gives what was there."""
    size = len(payload)
    veil = int.from_bytes(VEIL[:size] if size <= LONGEST_STRIP else _veil(size), "big")
    return (int.from_bytes(payload, "big") ^ veil).to_bytes(size, "big")


def _veil(size: int) -> bytes:
    return bytes((at * 151 + 83) & 0xFF for at in range(size))


VEIL = _veil(LONGEST_STRIP)


def rows_of(stamp: Stamp, grid: Grid) -> list[bytes]:
    """The rows of cells from top to bottom, a byte for each cell: 1 is dark, 0 is light; empty when there is no room.

    Raises ValueError as `encode` does.
    """
    cells = digits_of(encode(stamp), grid).translate(CELLS)
    return [cells[at : at + grid.columns] for at in range(0, len(cells), grid.columns)][::-1]


def digits_of(payload: bytes, grid: Grid) -> bytes:
    """The cells of whole rows as binary digits, the lowest row first; empty when there is no room for the payload."""
    count = -(-len(payload) * 8 // grid.columns)
    if count > grid.most_rows:
        return b""
    # The payload begins again where it ends, so that the last row is as long as the others.
    length = count * grid.columns
    again = (payload * -(-length // (len(payload) * 8)))[: -(-length // 8)]
    return f"{int.from_bytes(again, 'big'):0{len(again) * 8}b}".encode()[:length]


def read(image: bytes) -> Stamp | None:
    """Find the stamp in the bytes of an image file of any format that Pillow knows; None when there is none."""
    from PIL import Image  # noqa: PLC0415  (only who reads pictures pays for loading Pillow)

    broken = (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning)
    try:
        with Image.open(BytesIO(image)) as picture:
            return read_picture(picture)
    except broken:  # not an image, or cut off: there is no stamp in it
        return None


def read_picture(picture: Picture) -> Stamp | None:
    """Find the stamp in a picture that is open. Raises what Pillow raises for one that is cut off."""
    grid = grid_of(*picture.size)
    return None if grid is None else _read_rows(_shades(picture, grid), grid)


def matches(image: bytes, task_id: str, index: int) -> bool:
    """Whether a picture is the finished result number `index` (from 0) of that task."""
    stamp = read(image)
    return stamp is not None and (stamp.task_id, stamp.index, stamp.stage) == (task_id, index, None)


def _shades(picture: Picture, grid: Grid) -> bytes:
    """The mean grey of each cell that the longest strip would have, in rows from top to bottom."""
    from PIL.Image import Resampling  # noqa: PLC0415  (as in `read`)

    rows = min(grid.most_rows, -(-LONGEST_STRIP * 8 // grid.columns))
    box = (grid.left, grid.top(rows), grid.left + grid.columns * grid.cell, grid.bottom)
    strip = picture.crop(box)  # first, as the whole of a large picture takes long to convert
    cells = strip.convert("RGB").convert("L").resize((grid.columns, rows), Resampling.BOX)
    return cells.tobytes()


def _read_rows(shades: bytes, grid: Grid) -> Stamp | None:
    """Tell dark from light by the lowest row, which every strip has; read rows upwards."""
    rows = [shades[at : at + grid.columns] for at in range(0, len(shades), grid.columns)][::-1]
    darkest, lightest = min(rows[0]), max(rows[0])
    if lightest - darkest < CONTRAST:
        return None
    middle = (darkest + lightest) // 2
    bits = "".join("1" if shade <= middle else "0" for row in rows for shade in row)
    whole = len(bits) // 8 * 8
    return decode(int(bits[:whole], 2).to_bytes(whole // 8, "big")) if whole else None
