"""PNG files put together from pieces of pixels that were deflated before.

Laws: a piece ends on a byte boundary and refers to nothing before it, so pieces can follow each other in any order, any
number of times; the checksum of the whole is computed from those of the pieces, so no pixel is touched twice.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, NamedTuple

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
MOST_STORED = 0xFFFF  # bytes in one block of a deflated stream that is stored as it is
PADDING = b"ipPd"  # a kind of chunk that is ancillary, private and safe to copy
END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


class Piece(NamedTuple):
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


def stored_head(size: int) -> bytes:
    """What stands before so many bytes that are not deflated, as RFC 1951 lays a stored block out.

    Raises ValueError for more than such a block has room for.
    """
    if size > MOST_STORED:
        raise ValueError(f"expected at most {MOST_STORED} bytes for a stored block, got {size}")
    return b"\0" + size.to_bytes(2, "little") + (size ^ MOST_STORED).to_bytes(2, "little")


def join(pieces: Iterable[Piece]) -> Piece:
    """One piece after the other."""
    all_of_them = [*pieces]
    return Piece(
        deflated=b"".join([piece.deflated for piece in all_of_them]),
        size=sum(piece.size for piece in all_of_them),
        adler=checksum(all_of_them),
    )


def checksum(pieces: Iterable[Piece]) -> int:
    """The Adler-32 checksum of one piece after the other, combined from theirs as RFC 1950 defines it."""
    before = 1
    for piece in pieces:
        before = followed_by(before, piece)
    return before


def followed_by(before: int, piece: Piece) -> int:
    """The Adler-32 checksum of what has the checksum `before`, with a piece after it."""
    _, size, adler = piece
    low = before & 0xFFFF
    high = ((before >> 16) + (adler >> 16) + (low - 1) * size) % ADLER_BASE
    return high << 16 | (low + (adler & 0xFFFF) - 1) % ADLER_BASE


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
