"""Small squares on the label: images that were uploaded for a picture, its mask, and images that were only named."""

from __future__ import annotations

import colorsys
import hashlib
import struct
import zlib
from io import BytesIO

from PIL import Image, ImageOps

from imageproof.mock_server.picture import Picture
from imageproof.mock_server.picture_text import Lettering, legible
from imageproof.specs.image_facts import inspect

UNDECODABLE = (
    OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError, OverflowError, struct.error, zlib.error,
    Image.DecompressionBombError,
)  # fmt: skip  # what the decoders of Pillow raise for damaged files
FRAME = (226, 226, 222)
CHESS = ((255, 255, 255), (214, 216, 220))
WHITE = (255, 255, 255)
WORDS_SHARE = 0.12  # of the edge of a tile
LONGEST_NAME = 200  # characters that are looked at
OPAQUE = 255
DEEP = 256  # shades of 16-bit grey for each one of 8-bit grey


def opened(data: bytes, *, max_pixels: int) -> Image.Image:
    """An uploaded image, not decoded yet. Raises ValueError when it is none, or has more pixels than that."""
    facts = inspect(data, max_pixels=max_pixels)
    try:
        image = Image.open(BytesIO(data), formats=(facts.format.upper(),))
    except UNDECODABLE as error:
        raise _damaged(facts.format, error) from error
    if image.width * image.height > max_pixels:  # a GIF frame may be larger than the head of its file says
        raise ValueError(f"expected an image of at most {max_pixels} pixels, got {image.width}x{image.height}")
    return image


def pixels(image: Image.Image, *, within: int | None = None) -> Image.Image:
    """The first frame of an opened image in RGBA and upright; made smaller if need be so that its edges are `within`.

    Raises ValueError when it cannot be decoded.
    """
    try:
        if within is not None:
            image.thumbnail((within, within), reducing_gap=2.0)
        return _rgba(ImageOps.exif_transpose(image))
    except UNDECODABLE as error:
        raise _damaged(str(image.format).lower(), error) from error


def _damaged(form: str, error: Exception) -> ValueError:
    return ValueError(f"expected an image that can be decoded, got a damaged {form} file: {error}")


def _rgba(image: Image.Image) -> Image.Image:
    if image.mode.startswith(("I", "F")):  # 16 bits of grey, which Pillow would cut off at 255 instead of scaling
        image = image.convert("I").point(lambda shade: shade * (1 / DEEP)).convert("L")
    return image.convert("RGBA")


def thumbnail(data: bytes, side: int, *, max_pixels: int) -> Image.Image:
    """A square tile with an uploaded image in it; where that is transparent, a chessboard shows.

    Raises ValueError as `opened` and `pixels` do.
    """
    small = pixels(opened(data, max_pixels=max_pixels), within=side)
    tile = Image.new("RGB", (side, side), FRAME)
    corner = ((side - small.width) // 2, (side - small.height) // 2)
    tile.paste(flattened(small, max(2, side // 14)), corner)
    return tile


def flattened(image: Image.Image, square: int) -> Image.Image:
    """RGBA on a chessboard with squares of that many pixels."""
    columns, rows = -(-image.width // square), -(-image.height // square)
    fields = (b"\0\1" * columns)[:columns], (b"\1\0" * columns)[:columns]
    board = Image.frombytes("P", (columns, rows), b"".join(fields[row % 2] for row in range(rows)))
    board.putpalette((*CHESS[0], *CHESS[1]))
    large = board.resize((columns * square, rows * square), Image.Resampling.NEAREST).convert("RGB")
    flat = large.crop((0, 0, *image.size))
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def captions(picture: Picture) -> list[str]:
    """What stands below the tiles of a picture: the uploads are counted, then the mask, then the named images."""
    uploaded, named = len(picture.references), len(picture.reference_names)
    numbers = [f"image {number}" for number in range(1, uploaded + named + 1)]
    return [*numbers[:uploaded], *(["mask"] if picture.mask is not None else []), *numbers[uploaded:]]


def repainted(new: Image.Image, reference: Image.Image, mask: Image.Image) -> Image.Image:
    """A reference scaled to the size of a new image, which replaces it where the mask is transparent."""
    kept = mask.getchannel("A").resize(new.size, Image.Resampling.NEAREST).point([0, *[255] * 255])
    old = reference if reference.size == new.size else reference.resize(new.size, Image.Resampling.BICUBIC)
    if new.mode == "RGB" and not is_opaque(old):
        old = flattened(old, max(2, new.width // 64))
    image = new.copy()
    image.paste(old, mask=kept)
    return image


def is_opaque(image: Image.Image) -> bool:
    """Whether nothing shines through any pixel of RGBA."""
    return image.getchannel("A").getextrema() == (OPAQUE, OPAQUE)


def swatch(name: str, side: int, lettering: Lettering) -> Image.Image:
    """A square tile for an image that was named and never fetched, in a colour that follows from its name."""
    lot = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    hue, lightness = int.from_bytes(lot[:2], "big") / 65_536, 0.36 + lot[2] / 255 * 0.12
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue, lightness, 0.45))
    tile = Image.new("RGB", (side, side), (red, green, blue))
    face, edge = lettering.face(max(8, round(side * WORDS_SHARE))), side // 12
    host, _, path = name.rpartition("://")[2].partition("?")[0].partition("/")  # a query may hold a signature
    for place, words in ((0.10, host), (0.26, path.rpartition("/")[2]), (0.76, "not fetched")):
        text = face.clip(legible(words[:LONGEST_NAME]), side - 2 * edge)
        face.draw(tile, (edge, round(side * place)), text, WHITE)
    return tile
