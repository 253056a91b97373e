"""Files of jpeg and webp (and png of what is no longer drawn from pieces), and padding for all three."""

from __future__ import annotations

import random
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, PngImagePlugin

from imageproof.mock_server import png

if TYPE_CHECKING:
    from imageproof.mock_server.picture import Format, Picture

DESCRIPTION = 0x010E  # the Exif tag ImageDescription
LONGEST_COMMENT = 65_533  # bytes of one JPEG segment
PAD_NAME = b"imageproof\0"
NOISE_BYTES = 65_536  # twice what deflate can look back, so that repeating it does not make it smaller


def described(picture: Picture) -> dict[str, str]:
    """What the file says of the picture, under keywords of the PNG specification; only people should trust it."""
    return {"Title": picture.task_id, "Description": picture.prompt, "Software": "imageproof mock"}


def encoded(image: Image.Image, picture: Picture) -> bytes:
    """The image as a file of the picture's format and compression."""
    out = BytesIO()
    words = described(picture)
    quality = {} if picture.compression is None else {"quality": picture.compression}
    match picture.format:
        case "png":
            texts = PngImagePlugin.PngInfo()
            for keyword, text in words.items():
                texts.add_itxt(keyword, text.encode("utf-8", "replace").decode().replace("\0", "\ufffd"))
            image.save(out, "PNG", compress_level=png.FAST, pnginfo=texts)
        case "jpeg":
            comment = f"{words['Title']}\n{words['Description']}".encode("utf-8", "replace")[:LONGEST_COMMENT]
            image.convert("RGB").save(out, "JPEG", comment=comment, **quality)
        case "webp":
            exif = Image.Exif()
            exif[DESCRIPTION] = f"{words['Title']} {words['Description']}".encode("ascii", "replace").decode()
            image.save(out, "WEBP", method=0, exif=exif, **quality)
    return out.getvalue()


def padded(data: bytes, form: Format, size: int) -> bytes:
    """A file of at least so many bytes: a part that decoders pass over is added to it."""
    missing = size - len(data)
    if missing <= 0:
        return data
    match form:
        case "png":
            end = len(data) - len(png.END)
            return data[:end] + png.chunk(png.PADDING, _noise(missing - png.CHUNK_OVERHEAD)) + png.END
        case "jpeg":
            return _padded_jpeg(data, missing)
        case "webp":
            return _padded_webp(data, missing)


def _padded_jpeg(data: bytes, missing: int) -> bytes:
    """Segments for applications, after the one that JFIF wants to be the first."""
    first = 4 + int.from_bytes(data[4:6], "big")
    segments = []
    while missing > 0:
        content = PAD_NAME + _noise(min(missing - 4, LONGEST_COMMENT) - len(PAD_NAME))
        segments.append(b"\xff\xef" + (len(content) + 2).to_bytes(2, "big") + content)
        missing -= len(content) + 4
    return data[:first] + b"".join(segments) + data[first:]


def _padded_webp(data: bytes, missing: int) -> bytes:
    """A chunk of a kind that nobody knows, at the end; chunks have an even number of bytes."""
    content = _noise(max(0, missing - 8 + missing % 2))
    whole = b"".join((data, b"IPPD", len(content).to_bytes(4, "little"), content))
    return whole[:4] + (len(whole) - 8).to_bytes(4, "little") + whole[8:]


def _noise(size: int) -> bytes:
    """Bytes that hardly get smaller when somebody compresses them; always the same."""
    block = random.Random(NOISE_BYTES).randbytes(min(NOISE_BYTES, max(0, size)))
    return (block * (size // NOISE_BYTES + 1))[: max(0, size)]
