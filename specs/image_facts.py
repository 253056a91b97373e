"""What the head of an image file says: its format, size and colours. Nothing is decoded, so a bomb stays what it is.

Pillow is not asked, because it warns, or allocates memory, before one can look at the size.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Literal

ImageFormat = Literal["png", "jpeg", "webp", "gif"]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}
PNG_DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
MOST_CHUNKS = 100_000  # of a PNG file: real ones have some thousands, a hostile one has millions of empty ones
JPEG_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
MARKER = 0xFF  # what each marker of JPEG begins with; any number of them may stand before one
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # among their numbers are those of tables, and one is reserved
ALONE = {0x01, *range(0xD0, 0xD8)}  # markers with nothing to them
END_OF_IMAGE, START_OF_SCAN = 0xD9, 0xDA
WEBP_ALPHA = 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFacts:
    """The size in pixels, and the mode in the words of Pillow ("RGB", "P", "LA", "I;16", "CMYK" ...)."""

    format: ImageFormat
    width: int
    height: int
    has_alpha: bool
    mode: str


def inspect(data: bytes, *, max_pixels: int) -> ImageFacts:
    """Read the head of a PNG, JPEG, WebP or GIF file; of an animation, what holds for all of it.

    Raises ValueError when it is no such file, is damaged or cut off, or has more than `max_pixels` pixels.
    """
    try:
        facts = _facts(data)
    except (IndexError, struct.error) as error:
        raise ValueError(f"expected an image file, got {len(data)} bytes that end in the middle of its head") from error
    if not facts.width or not facts.height:
        raise ValueError(f"expected an image of at least 1x1 pixels, got {facts.width}x{facts.height}")
    if facts.width * facts.height > max_pixels:
        size = f"{facts.width}x{facts.height}"
        raise ValueError(f"expected an image of at most {max_pixels} pixels, got {size}: send a smaller one")
    return facts


def _facts(data: bytes) -> ImageFacts:
    if data.startswith(PNG_SIGNATURE):
        return _png(data)
    if data.startswith(b"\xff\xd8\xff"):
        return _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp(data)
    if data.startswith((b"GIF87a", b"GIF89a")):
        width, height = struct.unpack_from("<HH", data, 6)
        return ImageFacts(format="gif", width=width, height=height, has_alpha=False, mode="P")
    raise ValueError(f"expected a png, jpeg, webp or gif file, got {len(data)} bytes that begin with {data[:8]!r}")


def _png(data: bytes) -> ImageFacts:
    length, kind, width, height, depth, colour = struct.unpack_from(">I4sIIBB", data, len(PNG_SIGNATURE))
    checksum = zlib.crc32(data[12:29]).to_bytes(4, "big")
    if (length, kind) != (13, b"IHDR") or depth not in PNG_DEPTHS.get(colour, ()) or data[29:33] != checksum:
        raise ValueError("expected a png file, got one whose header is damaged")
    mode = {1: "1", 16: "I;16"}.get(depth, "L") if colour == 0 else PNG_MODES[colour]
    chunks = _png_chunks(data)
    has_alpha = mode in ("LA", "RGBA") or b"tRNS" in chunks
    return ImageFacts(format="png", width=width, height=height, has_alpha=has_alpha, mode=mode)


def _png_chunks(data: bytes) -> set[bytes]:
    """The kinds of chunks up to the end, which must be there."""
    found: set[bytes] = set()
    at = len(PNG_SIGNATURE)
    for _ in range(MOST_CHUNKS):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.add(kind)
        at += length + 12
        if at > len(data):
            break
        if kind == b"IEND":
            return found
    raise ValueError(f"expected a whole png file, got {len(data)} bytes without its end")


def _jpeg(data: bytes) -> ImageFacts:
    at = 2
    while True:
        if data[at] != MARKER:
            raise ValueError(f"expected a jpeg file, got one that is damaged at byte {at}")
        marker = data[at + 1]
        if marker in FRAMES:
            break
        if marker in (START_OF_SCAN, END_OF_IMAGE):
            raise ValueError("expected a jpeg file, got one that has no frame before its pixels")
        if marker == MARKER:
            at += 1
        elif marker in ALONE:
            at += 2
        else:
            at += 2 + struct.unpack_from(">H", data, at + 2)[0]
    _, height, width, components = struct.unpack_from(">BHHB", data, at + 4)
    if components not in JPEG_MODES:
        raise ValueError(f"expected a jpeg file of 1, 3 or 4 components, got {components}")
    if bytes((MARKER, END_OF_IMAGE)) not in data[at:]:
        raise ValueError(f"expected a whole jpeg file, got {len(data)} bytes without its end")
    return ImageFacts(format="jpeg", width=width, height=height, has_alpha=False, mode=JPEG_MODES[components])


def _webp(data: bytes) -> ImageFacts:
    size = struct.unpack_from("<I", data, 4)[0]
    if size + 8 > len(data):
        raise ValueError(f"expected a whole webp file of {size + 8} bytes, got {len(data)}")
    width, height, has_alpha = _webp_head(data)
    return ImageFacts(
        format="webp", width=width, height=height, has_alpha=has_alpha, mode="RGBA" if has_alpha else "RGB"
    )


def _webp_head(data: bytes) -> tuple[int, int, bool]:
    """Width, height and whether there is alpha, from the first chunk: extended, lossless or lossy."""
    kind, body = data[12:16], data[20:30]
    if len(body) < 10:  # noqa: PLR2004  (the shortest head of the three)
        raise ValueError(f"expected a webp file, got {len(data)} bytes that end in the middle of its head")
    if kind == b"VP8X":
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (4, 7))
        return width, height, bool(body[0] & WEBP_ALPHA)
    if kind == b"VP8L" and body[0] == 0x2F:  # noqa: PLR2004  (the signature of a lossless stream)
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF, False
    raise ValueError("expected a webp file, got one whose first chunk is damaged")
