"""Results as large as photographs: how many bytes one has, and bytes that decoders pass over to get there.

Laws: the size follows from the picture's measures, format and quality alone; padding changes no pixel; the bytes are
always the same ones and do not get smaller when somebody compresses them; nothing but copying is done for each file.
"""

from __future__ import annotations

import random
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from imageproof.mock_server import png

if TYPE_CHECKING:
    from imageproof.mock_server.picture import Format

SIMPLE, EXTENDED = b"VP8 ", b"VP8X"  # the first chunk of a webp file of one lossy image, and of any other
RIFF_HEAD = 12  # bytes before the first chunk
PAD_NAME = b"imageproof\0"
NOISE_BYTES = 1 << 22  # far more than deflate, or zstd as it is usually set, can look back
PNG_BLOCK = 1 << 16  # bytes of one padding chunk: decoders take smaller ones without a second thought
JPEG_BLOCK = 65_537  # bytes of the longest segment, its marker included
PNG_HEADER_END = len(png.SIGNATURE) + png.CHUNK_OVERHEAD + 13

# Bytes for each pixel: medians of seven colour photographs as Pillow writes them, which docs/how-to/load-test.md names.
# That results of a provider are like them is an assumption.
PNG_DENSITY = 1.65
DENSITIES: dict[str, tuple[tuple[int, float], ...]] = {
    "jpeg": ((0, 0.023), (25, 0.072), (50, 0.106), (75, 0.154), (85, 0.206), (90, 0.26), (95, 0.379), (100, 0.785)),
    "webp": ((0, 0.015), (25, 0.050), (50, 0.074), (75, 0.101), (85, 0.156), (90, 0.216), (95, 0.325), (100, 0.431)),
}
USUAL_QUALITY = 85
FIRST_PREVIEW, BETTER, BEST_PREVIEW = 0.4, 0.2, 0.8  # shares of the finished picture: previews are blurred at first


def density(form: Format, quality: int | None = None) -> float:
    """Bytes for each pixel of a photograph; `quality` (0 to 100, None: the usual one) is that of jpeg and webp."""
    if form == "png":
        return PNG_DENSITY
    wanted = USUAL_QUALITY if quality is None else quality
    for (low, small), (high, large) in pairwise(DENSITIES[form]):
        if wanted <= high:
            return small + (large - small) * (wanted - low) / (high - low)
    return DENSITIES[form][-1][1]


def photo_bytes(width: int, height: int, form: Format, *, quality: int | None = None, stage: int | None = None) -> int:
    """How many bytes a photograph of this size has as a file; `stage` is the number of a preview, None: finished."""
    share = 1.0 if stage is None else min(BEST_PREVIEW, FIRST_PREVIEW + BETTER * stage)
    return round(width * height * density(form, quality) * share)


def padded(data: bytes, form: Format, size: int) -> bytes:
    """A file of at least `size` bytes, and hardly more: parts that decoders pass over are put before the pixels.

    Before them, so that a file which is cut in the middle has lost pixels, as one of a photograph would have. A webp
    file has them at its end, where its format wants them; its first bytes tell its length. Cheap: made of blocks that
    are kept.
    """
    if size <= len(data):
        return data
    match form:
        case "png":
            return b"".join((data[:PNG_HEADER_END], *_chunks(size - len(data)), data[PNG_HEADER_END:]))
        case "jpeg":
            first = 4 + int.from_bytes(data[4:6], "big")  # after the segment that JFIF wants to be the first
            return b"".join((data[:first], *_segments(size - len(data)), data[first:]))
        case "webp":
            return _padded_webp(data, size)


@cache
def noise() -> bytes:
    """Bytes that hardly get smaller when somebody compresses them; always the same."""
    return random.Random(NOISE_BYTES).randbytes(NOISE_BYTES)


def _repeated(block: bytes, size: int) -> list[memoryview]:
    """So many bytes of a block, which begins again where it ends, uncopied."""
    whole, rest = divmod(max(0, size), len(block))
    view = memoryview(block)
    return [view] * whole + [view[:rest]]


@cache
def _png_blocks() -> bytes:
    step = PNG_BLOCK - png.CHUNK_OVERHEAD
    return b"".join(png.chunk(png.PADDING, noise()[at : at + step]) for at in range(0, NOISE_BYTES - step, step))


def _chunks(size: int) -> list[bytes | memoryview]:
    """Whole chunks that are ready, and one for the rest."""
    whole, rest = divmod(size, PNG_BLOCK)
    last = [png.chunk(png.PADDING, noise()[: max(0, rest - png.CHUNK_OVERHEAD)])] if rest else []
    return [*_repeated(_png_blocks(), whole * PNG_BLOCK), *last]


def _segment(content: bytes) -> bytes:
    """One segment for applications, the last kind of them."""
    return b"\xff\xef" + (len(content) + 2).to_bytes(2, "big") + content


@cache
def _jpeg_blocks() -> bytes:
    step = JPEG_BLOCK - 4 - len(PAD_NAME)
    starts = range(0, NOISE_BYTES - step, step)
    return b"".join(_segment(PAD_NAME + noise()[at : at + step]) for at in starts)


def _segments(size: int) -> list[bytes | memoryview]:
    """Whole segments that are ready, and one for the rest."""
    whole, rest = divmod(size, JPEG_BLOCK)
    last = [_segment(PAD_NAME + noise()[: max(0, rest - 4 - len(PAD_NAME))])] if rest else []
    return [*_repeated(_jpeg_blocks(), whole * JPEG_BLOCK), *last]


def _padded_webp(data: bytes, size: int) -> bytes:
    """A chunk of a kind that nobody knows, at the end; chunks have an even number of bytes.

    Only the extended form of the format has such chunks, so a simple file becomes an extended one.
    """
    file = _extended(data) if data[RIFF_HEAD : RIFF_HEAD + 4] == SIMPLE else data
    content = max(0, size - len(file) - 8)
    content += content % 2
    whole = len(file) + 8 + content
    head = file[:4] + (whole - 8).to_bytes(4, "little") + file[8:]
    return b"".join((head, b"IPPD", content.to_bytes(4, "little"), *_repeated(noise(), content)))


def _extended(data: bytes) -> bytes:
    """A webp file of one lossy image, with the header that says that other chunks may follow; it has no other trait.

    Width and height are 14 bits each, after the frame's tag and its start code (RFC 6386, section 9.1).
    """
    frame = data[RIFF_HEAD + 8 :]
    sides = [(int.from_bytes(frame[at : at + 2], "little") & 0x3FFF) - 1 for at in (6, 8)]
    traits = bytes(4) + b"".join(side.to_bytes(3, "little") for side in sides)
    return data[:RIFF_HEAD] + EXTENDED + len(traits).to_bytes(4, "little") + traits + data[RIFF_HEAD:]
