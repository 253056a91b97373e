"""Look at one image: does it decode, how large is it, in which format, whose is it."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from io import BytesIO

from imageproof.specs.stamp import Stamp, read_picture

THUMBNAIL_PX = 96
DATA_URL = re.compile(r"data:[a-z0-9.+/-]+;base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What an image turned out to be; sizes in pixels and bytes.

    `broken` says in a sentence why it could not be decoded. `prefix` is what stood before the base64 text. `exchange`
    is the request that brought it. `digest` tells equal images.
    """

    exchange: int
    size: int
    digest: str
    width: int | None = None
    height: int | None = None
    format: str | None = None
    has_alpha: bool = False
    broken: str | None = None
    as_base64: bool = False
    prefix: str = ""
    stamp: Stamp | None = None
    thumbnail: str = ""
    url: str = ""


def from_base64(text: str) -> tuple[str, bytes | None, str | None]:
    """The prefix, the bytes and what is wrong with a base64 text, of which the last two exclude each other."""
    match = DATA_URL.match(text)
    prefix = match[0] if match else ""
    try:
        return prefix, base64.b64decode(text[len(prefix) :], validate=True), None
    except (binascii.Error, ValueError) as error:
        return prefix, None, f"the text is not base64: {error}"


def _small(width: int, height: int) -> tuple[int, int]:
    """The size of a thumbnail."""
    scale = THUMBNAIL_PX / max(width, height, THUMBNAIL_PX)
    return max(1, round(width * scale)), max(1, round(height * scale))


def look_at_text(text: str, *, exchange: int, unread: str) -> Image:
    """Decode an image that came as base64; `unread` stands for the digest of what is no base64. Slow, as `look` is."""
    prefix, data, wrong = from_base64(text)
    if data is None:
        return Image(exchange=exchange, size=len(text), digest=unread, broken=wrong, as_base64=True, prefix=prefix)
    return look(data, exchange=exchange, as_base64=True, prefix=prefix)


def look(data: bytes, *, exchange: int, as_base64: bool = False, prefix: str = "", url: str = "") -> Image:
    """Decode an image to its last line. Slow for large ones: to be called in a thread."""
    from PIL import Image as Pillow  # noqa: PLC0415  (heavy, and only needed where images came)

    digest = hashlib.blake2b(data, digest_size=12).hexdigest()
    broken_by = (OSError, SyntaxError, ValueError, Pillow.DecompressionBombError, Pillow.DecompressionBombWarning)
    width = height = None
    name: str | None = None
    try:
        with Pillow.open(BytesIO(data)) as picture:
            width, height = picture.size
            name = (picture.format or "").lower() or None
            picture.load()
            alpha = "A" in picture.getbands() and picture.getchannel("A").getextrema() != (255, 255)
            small = picture.resize(_small(*picture.size), Pillow.Resampling.NEAREST).convert("RGB")  # any mode can this
            stamp = read_picture(picture)
            out = BytesIO()
            small.save(out, "JPEG", quality=60)
    except broken_by as error:
        reason = f"it does not decode: {str(error) or type(error).__name__}" if data else "it is empty"
        return Image(
            exchange=exchange,
            size=len(data),
            digest=digest,
            width=width,
            height=height,
            format=name,
            broken=reason,
            as_base64=as_base64,
            prefix=prefix,
            url=url,
        )
    return Image(
        exchange=exchange,
        size=len(data),
        digest=digest,
        width=width,
        height=height,
        format=name,
        has_alpha=bool(alpha),
        as_base64=as_base64,
        prefix=prefix,
        stamp=stamp,
        thumbnail=base64.b64encode(out.getvalue()).decode(),
        url=url,
    )
