"""Plain pictures put together from known parts are whole PNG files, with the pixels that the stamp asks for."""

from __future__ import annotations

import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imageproof.mock_server.picture_bits import bits, name_in_stamp
from imageproof.mock_server.png import SIGNATURE
from imageproof.specs.stamp import LONGEST_ID, Stamp, encode, grid_of, prompt_digest, read, rows_of

LIGHT, DARK = 255, 0
SIZES = [(1024, 1024), (1536, 1024), (3840, 2160), (256, 256), (1000, 333), (333, 1000), (479, 481), (64, 64), (9, 7)]


def stamp(task_id: str = "task_7f3a", index: int = 0, prompt: str = "a fox", stage: int | None = None) -> Stamp:
    return Stamp(task_id=task_id, index=index, prompt_digest=prompt_digest(prompt), stage=stage)


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Kind and content of each chunk, whose checksums are looked at."""
    assert data.startswith(SIGNATURE)
    out, at = [], len(SIGNATURE)
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + size]
        assert zlib.crc32(kind + content).to_bytes(4, "big") == data[at + 8 + size : at + 12 + size]
        out.append((kind, content))
        at += 12 + size
    return out


def expected(width: int, height: int, its: Stamp) -> bytes:
    """The pixels in shades of grey, drawn cell by cell."""
    image, grid = Image.new("L", (width, height), LIGHT), grid_of(width, height)
    rows = rows_of(its, grid) if grid is not None else []
    for down, row in enumerate(rows):
        for right, cell in enumerate(row):
            if grid is not None and cell:
                left, top = grid.left + right * grid.cell, grid.top(len(rows)) + down * grid.cell
                image.paste(DARK, (left, top, left + grid.cell, top + grid.cell))
    return image.tobytes()


def pixels_of(width: int, height: int, its: Stamp) -> bytes:
    """The pixels of a picture in shades of grey, whose file is found to be whole."""
    data = bits(width, height, encode(its))
    kinds = [kind for kind, _ in chunks(data)]
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    pixels = zlib.decompress(dict(chunks(data))[b"IDAT"])  # which looks at the checksum of all pixels
    assert len(pixels) == height * (1 + -(-width // 8))
    with Image.open(BytesIO(data)) as opened:
        assert opened.size == (width, height)
        return opened.convert("L").tobytes()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_pixel_is_that_of_the_stamp(size: tuple[int, int]) -> None:
    assert pixels_of(*size, stamp()) == expected(*size, stamp())


@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    name=st.text("abcdef0123456789_", min_size=1, max_size=LONGEST_ID),
    index=st.integers(0, 255),
    prompt=st.text(max_size=20),
    stage=st.none() | st.integers(0, 254),
)
def test_whatever_the_stamp_says_the_file_is_sound(
    width: int, height: int, name: str, index: int, prompt: str, stage: int | None
) -> None:
    its = stamp(name, index, prompt, stage)
    assert pixels_of(width, height, its) == expected(width, height, its)


def test_a_name_that_is_too_long_is_told_by_its_checksum() -> None:
    fits, too_long = "é" * (LONGEST_ID // 2), "é" * (LONGEST_ID // 2 + 1)
    assert name_in_stamp(fits) == fits
    found = read(bits(1024, 1024, encode(stamp(name_in_stamp(too_long)))))
    assert found is not None
    assert found.task_id == f"{zlib.crc32(too_long.encode()):08x}"
