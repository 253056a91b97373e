"""PNG files put together from pieces are what Pillow would have written pixel for pixel, and keep to the standard."""

import random
import zlib
from io import BytesIO
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imageproof.mock_server import png

SIZES = [(1, 1), (7, 3), (64, 200), (333, 41)]


def noise(width: int, height: int, mode: str) -> Image.Image:
    """A picture that any mistake would change."""
    channels = len(mode)
    data = random.Random(f"{width}x{height}").randbytes(width * height * channels)
    return Image.frombytes(mode, (width, height), data)


def rows_of(image: Image.Image) -> list[bytes]:
    flat, stride = image.tobytes(), image.width * len(image.getbands())
    return [flat[at : at + stride] for at in range(0, len(flat), stride)]


def up(row: bytes, above: bytes) -> bytes:
    return png.UP + bytes((own - its) & 0xFF for own, its in zip(row, above, strict=True))


def written(image: Image.Image, pieces: list[png.Piece], texts: dict[str, str] | None = None) -> Image.Image:
    data = png.write(image.width, image.height, len(image.getbands()), png.join(pieces), texts or {})
    with Image.open(BytesIO(data)) as checked:
        checked.verify()
    with Image.open(BytesIO(data)) as opened:
        opened.load()
        return opened


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_rows_as_they_are_and_as_differences_are_the_pixels_of_pillow(size: tuple[int, int], mode: str) -> None:
    image = noise(*size, mode)
    rows = rows_of(image)
    plain = [png.deflate([png.AS_IS + row], level=png.FAST) for row in rows]
    differences = [png.deflate(up(row, above) for above, row in pairwise(rows))] if len(rows) > 1 else []
    by_pillow = BytesIO()
    image.save(by_pillow, "PNG")
    expected = Image.open(by_pillow).tobytes()
    assert written(image, plain).tobytes() == expected
    assert written(image, [plain[0], *differences]).tobytes() == expected


def test_one_piece_may_stand_in_many_places() -> None:
    row = bytes(range(30))
    piece = png.deflate([png.AS_IS + row, png.UP + bytes(30)])
    image = Image.frombytes("RGB", (10, 8), row * 8)
    assert written(image, [piece] * 4).tobytes() == image.tobytes()


@given(st.lists(st.lists(st.binary(max_size=400), max_size=4), max_size=6))
def test_the_checksum_of_joined_pieces_is_that_of_their_bytes(parts: list[list[bytes]]) -> None:
    whole = b"".join(b"".join(rows) for rows in parts)
    piece = png.join(png.deflate(rows) for rows in parts)
    assert (piece.size, piece.adler) == (len(whole), zlib.adler32(whole))
    stream = png.STREAM_HEADER + piece.deflated + png.STREAM_END + piece.adler.to_bytes(4, "big")
    assert zlib.decompress(stream) == whole


def test_texts_of_any_language_are_kept_beside_the_pixels() -> None:
    image = Image.new("RGB", (2, 2))
    rows = [png.deflate([png.AS_IS + bytes(6)] * 2)]
    found = written(image, rows, {"Title": "task_1", "Description": "狐狸\0 \ud800"}).info
    assert found["Title"] == "task_1"
    assert found["Description"] == "狐狸\ufffd ?"


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_too_few_or_too_many_rows_are_refused(rows: int) -> None:
    pixels = png.join([png.deflate([png.AS_IS + bytes(6)])] * rows)
    with pytest.raises(ValueError, match=r"^expected 14 bytes of pixels for 2x2x3, got "):
        png.write(2, 2, 3, pixels, {})
