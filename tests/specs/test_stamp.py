"""The strip of a picture gives its own stamp or none, whatever a format or a gateway does to the picture."""

from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imageproof.specs.stamp import (
    LONGEST_ID,
    Stamp,
    decode,
    encode,
    grid_of,
    matches,
    prompt_digest,
    read,
    rows_of,
)

TASK = "task_018f5a3a1b6e7d9f8c2b4d6e8f0a2c4e"
FOX = Stamp(task_id=TASK, index=0, prompt_digest=prompt_digest("a fox"))
SIZES = [(480, 480), (1024, 768), (816, 816), (2016, 864), (480, 1376), (1032, 777), (3840, 1648)]
PAPER, INK = 250, 34

texts = st.text(max_size=LONGEST_ID // 4) | st.text("0123456789abcdef_-", max_size=LONGEST_ID)
stamps = st.builds(
    Stamp,
    task_id=texts,
    index=st.integers(0, 255),
    prompt_digest=st.text().map(prompt_digest),
    stage=st.none() | st.integers(0, 254),
)


def picture(stamp: Stamp, width: int = 1024, height: int = 1024) -> Image.Image:
    """A strip on light paper, below something else."""
    grid = grid_of(width, height)
    assert grid is not None
    rows = rows_of(stamp, grid)
    image = Image.linear_gradient("L").resize((width, height))
    image.paste(PAPER, (0, grid.top(len(rows)) - grid.cell, width, height))
    cells = Image.frombytes("L", (grid.columns, len(rows)), b"".join(rows)).point([PAPER, INK] + [0] * 254)
    large = cells.resize((grid.columns * grid.cell, len(rows) * grid.cell), Image.Resampling.NEAREST)
    image.paste(large, (grid.left, grid.top(len(rows))))
    return image.convert("RGB")


def saved(image: Image.Image, form: str, **options: int) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


@given(stamps)
def test_what_is_encoded_is_decoded(stamp: Stamp) -> None:
    assert decode(encode(stamp) + b"anything") == stamp


@given(stamps, st.data())
def test_a_changed_bit_gives_no_stamp(stamp: Stamp, data: st.DataObject) -> None:
    payload = bytearray(encode(stamp))
    at = data.draw(st.integers(0, len(payload) * 8 - 1))
    payload[at // 8] ^= 1 << at % 8
    assert decode(bytes(payload)) is None


@given(stamps, st.data())
def test_a_part_of_a_payload_gives_no_stamp(stamp: Stamp, data: st.DataObject) -> None:
    payload = encode(stamp)
    assert decode(payload[: data.draw(st.integers(0, len(payload) - 1))]) is None


@pytest.mark.parametrize(
    "stamp",
    [
        Stamp(task_id="x" * 65, index=0, prompt_digest=FOX.prompt_digest),
        Stamp(task_id="é" * 33, index=0, prompt_digest=FOX.prompt_digest),
        Stamp(task_id="x", index=256, prompt_digest=FOX.prompt_digest),
        Stamp(task_id="x", index=-1, prompt_digest=FOX.prompt_digest),
        Stamp(task_id="x", index=0, prompt_digest=FOX.prompt_digest, stage=255),
        Stamp(task_id="x", index=0, prompt_digest=FOX.prompt_digest, stage=-1),
        Stamp(task_id="x", index=0, prompt_digest="abcd"),
    ],
)
def test_what_does_not_fit_is_refused(stamp: Stamp) -> None:
    with pytest.raises(ValueError, match=r"^expected "):
        encode(stamp)


@pytest.mark.parametrize("prompt", ["", "a fox", "狐狸", "🦊", "\0", "\ud800", "x" * 32_000])
def test_any_prompt_has_a_digest_of_its_own(prompt: str) -> None:
    digest = prompt_digest(prompt)
    assert len(bytes.fromhex(digest)) == 8
    assert digest != prompt_digest(prompt + " ")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("PNG", {"compress_level": 1}),
        ("JPEG", {"quality": 0}),
        ("JPEG", {"quality": 100}),
        ("WEBP", {"quality": 0, "method": 0}),
        ("WEBP", {"quality": 90, "method": 0}),
        ("GIF", {}),
    ],
    ids=str,
)
def test_every_format_at_every_quality_keeps_the_strip(
    size: tuple[int, int], form: str, options: dict[str, int]
) -> None:
    assert read(saved(picture(FOX, *size), form, **options)) == FOX


@pytest.mark.parametrize(
    "task", ["x", TASK, "task_img_abc123def456", "image_fd35ee52-2a98-44a6-b930-29a88ce9b8fd", "é" * 32]
)
@pytest.mark.parametrize("size", [(480, 480), (1440, 480), (1024, 1024)], ids=str)
def test_ids_of_all_lengths_fit(task: str, size: tuple[int, int]) -> None:
    stamp = Stamp(task_id=task, index=7, prompt_digest=prompt_digest(task), stage=2)
    assert read(saved(picture(stamp, *size), "JPEG", quality=0)) == stamp


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1"])
def test_a_change_of_the_colour_mode_keeps_the_strip(mode: str) -> None:
    assert read(saved(picture(FOX).convert(mode), "TIFF")) == FOX


def test_a_paler_and_darker_picture_keeps_the_strip() -> None:
    dull = picture(FOX).point([60 + value // 2 for value in range(256)] * 3)
    assert read(saved(dull, "JPEG", quality=50)) == FOX


@settings(max_examples=30)
@given(left=st.integers(0, 900), top=st.integers(940, 1010), colour=st.integers(0, 255))
def test_a_blot_on_the_strip_gives_this_stamp_or_none(left: int, top: int, colour: int) -> None:
    image = picture(FOX)
    image.paste((colour,) * 3, (left, top, left + 120, top + 40))
    assert read(saved(image, "BMP")) in (FOX, None)


@pytest.mark.parametrize("size", [(1016, 1016), (512, 512), (2048, 2048), (1024, 1000)], ids=str)
def test_a_resized_picture_gives_this_stamp_or_none(size: tuple[int, int]) -> None:
    assert read(saved(picture(FOX).resize(size), "PNG")) in (FOX, None)


@pytest.mark.parametrize(
    "image",
    [
        Image.new("RGB", (1024, 1024), (250, 249, 246)),
        Image.new("RGBA", (1024, 1024)),
        Image.effect_noise((1024, 1024), 120),
        Image.new("RGB", (1, 1)),
        Image.new("RGB", (7, 3000)),
    ],
    ids=["paper", "transparent", "noise", "pixel", "stripe"],
)
def test_other_pictures_have_no_stamp(image: Image.Image) -> None:
    assert read(saved(image, "PNG")) is None


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\0\0\0\0WEBP"])
def test_what_is_no_picture_has_no_stamp(data: bytes) -> None:
    assert read(data) is None


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_half_a_file_has_no_stamp(form: str) -> None:
    data = saved(picture(FOX), form)
    assert read(data[: len(data) // 2]) is None


def test_matches_wants_the_finished_result_of_that_task_and_place() -> None:
    data = saved(picture(FOX), "PNG")
    assert matches(data, TASK, 0)
    assert not matches(data, TASK, 1)
    assert not matches(data, TASK[:-1], 0)
    preview = Stamp(task_id=TASK, index=0, prompt_digest=FOX.prompt_digest, stage=0)
    assert not matches(saved(picture(preview), "PNG"), TASK, 0)


def test_a_strip_without_room_has_no_rows() -> None:
    grid = grid_of(64, 64)
    assert grid is not None
    assert rows_of(FOX, grid) == []
    assert grid_of(8, 8) is None
