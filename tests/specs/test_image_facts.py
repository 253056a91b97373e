"""The head of an image file says the same to us as to Pillow; damaged and hostile files are refused undecoded."""

import struct
import warnings
import zlib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imageproof.specs.image_facts import ImageFacts, inspect

MOST = 1_000_000


def saved(mode: str, form: str, **options: int | tuple[int, ...]) -> bytes:
    out = BytesIO()
    Image.new(mode, (37, 53)).save(out, form, **options)
    return out.getvalue()


def animated(form: str) -> bytes:
    out = BytesIO()
    frames = [Image.new("RGB", (37, 53), (40 * part, 0, 99)) for part in range(3)]
    frames[0].save(out, form, save_all=True, append_images=frames[1:])
    return out.getvalue()


FILES = {
    **{f"png {mode}": saved(mode, "PNG") for mode in ("1", "L", "I;16", "RGB", "P", "LA", "RGBA")},
    "png P transparent": saved("P", "PNG", transparency=0),
    "png RGB transparent": saved("RGB", "PNG", transparency=(0, 0, 0)),
    **{f"jpeg {mode}": saved(mode, "JPEG") for mode in ("L", "RGB", "CMYK")},
    "jpeg progressive": saved("RGB", "JPEG", progressive=True),
    **{f"webp {mode}": saved(mode, "WEBP") for mode in ("RGB", "RGBA")},
    "webp lossless": saved("RGB", "WEBP", lossless=True),
    "webp lossless alpha": saved("RGBA", "WEBP", lossless=True),
    **{f"{form} animated": animated(form) for form in ("png", "webp", "gif")},
    "gif": saved("P", "GIF"),
}
ALPHA = {"png P transparent", "png RGB transparent", "png LA", "png RGBA", "webp RGBA", "webp lossless alpha"}


@pytest.mark.parametrize("name", FILES)
def test_the_facts_are_those_that_pillow_finds(name: str) -> None:
    with Image.open(BytesIO(FILES[name])) as image:
        facts = inspect(FILES[name], max_pixels=MOST)
        assert (facts.format.upper(), facts.width, facts.height) == (image.format, *image.size)
        assert facts.mode == image.mode


@pytest.mark.parametrize("name", FILES)
def test_alpha_is_found_wherever_it_may_stand(name: str) -> None:
    assert inspect(FILES[name], max_pixels=MOST).has_alpha == (name in ALPHA)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_ends_anywhere_in_its_head_is_refused(name: str) -> None:
    for length in range(30 if "gif" not in name else 10):
        with pytest.raises(ValueError, match=r"^expected "):
            inspect(FILES[name][:length], max_pixels=MOST)


@pytest.mark.parametrize("name", [name for name in FILES if "gif" not in name])
def test_a_file_without_its_end_is_refused(name: str) -> None:
    data = FILES[name]
    for length in (len(data) // 2, len(data) - 9, len(data) - 1):
        with pytest.raises(ValueError, match=r"^expected "):
            inspect(data[:length], max_pixels=MOST)


@given(st.sampled_from([data[:size] for data in FILES.values() for size in (4, 12, 24)]), st.binary(max_size=60))
def test_garbage_after_any_beginning_gives_facts_or_a_sentence(start: bytes, rest: bytes) -> None:
    try:
        facts = inspect(start + rest, max_pixels=MOST)
    except ValueError as error:
        assert str(error).startswith("expected ")  # noqa: PT017  (either outcome is right)
    else:
        assert isinstance(facts, ImageFacts)
        assert 0 < facts.width * facts.height <= MOST


@pytest.mark.parametrize("data", [b"", b"GIF", b"<svg/>", b"BM" + bytes(60), b"\0" * 60, b"II*\0" + bytes(60)])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"^expected a png, jpeg, webp or gif file, got "):
        inspect(data, max_pixels=MOST)


def png_header(width: int, height: int) -> bytes:
    """A whole file that claims a size and holds nothing."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    end = b"\0\0\0\0IEND" + zlib.crc32(b"IEND").to_bytes(4, "big")
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + zlib.crc32(header).to_bytes(4, "big") + end


@pytest.mark.parametrize("size", [(1001, 1000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)], ids=str)
def test_a_bomb_is_refused_by_what_it_claims(size: tuple[int, int]) -> None:
    with warnings.catch_warnings(action="error"), pytest.raises(ValueError, match=r"at most 1000000 pixels, got "):
        inspect(png_header(*size), max_pixels=MOST)


def test_the_limit_itself_is_allowed() -> None:
    assert inspect(png_header(1000, 1000), max_pixels=MOST).width == 1000


@pytest.mark.parametrize("size", [(0, 5), (5, 0)])
def test_an_image_without_pixels_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"^expected an image of at least 1x1 pixels, got "):
        inspect(png_header(*size), max_pixels=MOST)


def test_a_header_with_a_wrong_checksum_is_refused() -> None:
    data = bytearray(png_header(5, 5))
    data[19] ^= 1
    with pytest.raises(ValueError, match=r"^expected a png file, got one whose header is damaged$"):
        inspect(bytes(data), max_pixels=MOST)


def test_millions_of_empty_chunks_are_not_counted_to_the_end() -> None:
    start = png_header(5, 5)[:33]
    with pytest.raises(ValueError, match=r"^expected a whole png file"):
        inspect(start + b"\0\0\0\0eMPt\0\0\0\0" * 200_000 + png_header(5, 5)[33:], max_pixels=MOST)
