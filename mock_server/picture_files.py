"""Files of jpeg and webp, and of png where the picture is no longer drawn from pieces."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image, PngImagePlugin

from imageproof.mock_server import png

if TYPE_CHECKING:
    from imageproof.mock_server.picture import Picture

DESCRIPTION = 0x010E  # the Exif tag ImageDescription
LONGEST_COMMENT = 65_533  # bytes of one JPEG segment


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
