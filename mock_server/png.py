"""PNG files put together from pieces of pixels that were deflated before.

Laws: a piece ends on a byte boundary and refers to nothing before it, so pieces can follow each other in any order, any
number of times; the checksum of the whole is computed from those of the pieces, so no pixel is touched twice.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SIGNATURE = b"\x89PNG\r\n\x1a\n"
ADLER_BASE = 65_521  # the largest prime below 65,536 (RFC 1950)
STREAM_HEADER = b"\x78\x01"
STREAM_END = b"\x03\x00"  # an empty last block with fixed codes
HARD, FAST = 6, 1  # levels of zlib
MEMORY = {HARD: 9, FAST: 7}  # zlib's measure: a small hash table stays in the cache of the processor
RAW = -15  # zlib's way to say: the largest window, no header and no trailer
COLOUR_TYPES = {3: 2, 4: 6}  # channels of 8 bits: RGB and RGBA in the words of the PNG specification
AS_IS, UP = b"\x00", b"\x02"  # a row of pixels as it is, or as its difference to the row above
CHUNK_OVERHEAD = 12  # bytes: length, kind, checksum
PADDING = b"ipPd"  # a kind of chunk that is ancillary, private and safe to copy
END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Rows of pixels, deflated: their number of bytes, and their Adler-32 checksum, before they were."""

    deflated: bytes
    size: int
    adler: int


def deflate(rows: Iterable[bytes], *, level: int = HARD) -> Piece:
    """Deflate rows that begin with their filter byte: HARD what will be used again, FAST what will not."""
    packer = zlib.compressobj(level, zlib.DEFLATED, RAW, MEMORY[level])
    parts: list[bytes] = []
    size, adler = 0, 1
    for row in rows:
        parts.append(packer.compress(row))
        size += len(row)
        adler = zlib.adler32(row, adler)
    parts.append(packer.flush(zlib.Z_FULL_FLUSH))
    return Piece(deflated=b"".join(parts), size=size, adler=adler)


def join(pieces: Iterable[Piece]) -> Piece:
    """One piece after the other. The sums of Adler-32 are combined as RFC 1950 defines them."""
    parts: list[bytes] = []
    low, high, size = 1, 0, 0
    for piece in pieces:
        parts.append(piece.deflated)
        high = (high + (piece.adler >> 16) + (low - 1) * piece.size) % ADLER_BASE
        low = (low + (piece.adler & 0xFFFF) - 1) % ADLER_BASE
        size += piece.size
    return Piece(deflated=b"".join(parts), size=size, adler=high << 16 | low)


def write(width: int, height: int, channels: int, pixels: Piece, texts: Mapping[str, str]) -> bytes:
    """A PNG file of 8 bits for each of 3 (RGB) or 4 (RGBA) channels, with texts under their keywords.

    Raises ValueError when the pixels are not `height` rows of a filter byte and `width` pixels.
    """
    expected = height * (1 + width * channels)
    if pixels.size != expected:
        raise ValueError(f"expected {expected} bytes of pixels for {width}x{height}x{channels}, got {pixels.size}")
    header = struct.pack(">IIBBBBB", width, height, 8, COLOUR_TYPES[channels], 0, 0, 0)
    stream = b"".join((STREAM_HEADER, pixels.deflated, STREAM_END, pixels.adler.to_bytes(4, "big")))
    words = b"".join(chunk(b"iTXt", _text(keyword, text)) for keyword, text in texts.items())
    return b"".join((SIGNATURE, chunk(b"IHDR", header), words, chunk(b"IDAT", stream), END))


def chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG file."""
    return b"".join(
        (len(content).to_bytes(4, "big"), kind, content, zlib.crc32(content, zlib.crc32(kind)).to_bytes(4, "big"))
    )


def _text(keyword: str, text: str) -> bytes:
    """The content of an iTXt chunk: not compressed, no language, no translated keyword; a null would end the text."""
    return b"".join((keyword.encode("latin-1"), bytes(5), text.replace("\0", "\ufffd").encode("utf-8", "replace")))
