"""Pictures have the size and format asked for, say whose they are in their pixels, and are the same each time."""

import random
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from typing import get_args

import pytest
from PIL import Image, ImageChops, ImageStat

from imageproof.mock_server.picture import Format
from imageproof.mock_server.picture_cache import Recent
from imageproof.mock_server.pictures import Painter, Picture, render
from imageproof.specs.stamp import Stamp, matches, prompt_digest, read

TASK = "task_018f5a3a1b6e7d9f8c2b4d6e8f0a2c4e"
PROMPT = "A watercolor fox in a misty forest at dawn, soft light, pastel palette, with a wooden cabin by the lake"
FOX = Picture(width=1024, height=768, format="png", task_id=TASK, prompt=PROMPT)
SIZES = [(1024, 1024), (1024, 768), (864, 2016), (2016, 864), (816, 816), (480, 1376), (3840, 1648)]
FORMATS: tuple[Format, ...] = get_args(Format)


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter()


def opened(data: bytes) -> Image.Image:
    with Image.open(BytesIO(data)) as checked:
        checked.verify()
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image


def view(image: Image.Image) -> Image.Image:
    """The part of a picture that no label covers, whatever is on it."""
    return image.crop((0, 0, image.width, image.height // 3))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_size_format_and_stamp_are_those_asked_for(painter: Painter, size: tuple[int, int], form: Format) -> None:
    data = painter.render(replace(FOX, width=size[0], height=size[1], format=form, index=3))
    image = opened(data)
    assert (image.size, image.format, image.mode) == (size, form.upper(), "RGB")
    assert read(data) == Stamp(task_id=TASK, index=3, prompt_digest=prompt_digest(PROMPT))


@pytest.mark.parametrize(
    "size", [(1, 1), (16, 16), (37, 41), (128, 128), (1, 900), (900, 1), (900, 20), (5000, 24), (256, 256)], ids=str
)
@pytest.mark.parametrize("form", FORMATS)
def test_sizes_without_room_for_a_label_are_exact_too(painter: Painter, size: tuple[int, int], form: Format) -> None:
    assert opened(painter.render(replace(FOX, width=size[0], height=size[1], format=form))).size == size


@pytest.mark.parametrize("form", ["jpeg", "webp"])
@pytest.mark.parametrize("compression", [0, 1, 50, 100])
def test_any_compression_leaves_the_stamp_readable(painter: Painter, form: Format, compression: int) -> None:
    assert matches(painter.render(replace(FOX, format=form, compression=compression)), TASK, 0)


@pytest.mark.parametrize("form", ["jpeg", "webp"])
def test_a_better_quality_makes_a_larger_file(painter: Painter, form: Format) -> None:
    files = [painter.render(replace(FOX, format=form, compression=quality)) for quality in (5, 60, 95)]
    assert [len(file) for file in files] == sorted({len(file) for file in files})


@pytest.mark.parametrize("size", [*SIZES, (333, 4001)], ids=str)
@pytest.mark.parametrize("transparent", [False, True])
def test_the_pixels_of_a_png_have_the_checksum_that_it_says(
    painter: Painter, size: tuple[int, int], *, transparent: bool
) -> None:
    data = painter.render(replace(FOX, width=size[0], height=size[1], transparent=transparent))
    start = data.index(b"IDAT")
    stream = data[start + 4 : start + 4 + int.from_bytes(data[start - 4 : start], "big")]
    pixels = zlib.decompress(stream)  # raises zlib.error when the checksum is wrong
    assert len(pixels) == size[1] * (1 + size[0] * (4 if transparent else 3))
    by_pillow = BytesIO()
    opened(data).save(by_pillow, "PNG")
    assert opened(by_pillow.getvalue()).tobytes() == opened(data).tobytes()


def test_the_same_request_gives_the_same_bytes_in_any_order_and_thread() -> None:
    pictures = [replace(FOX, task_id=f"task_{number % 6}", format=FORMATS[number % 3]) for number in range(24)]
    expected = {picture: render(picture) for picture in set(pictures)}
    painter = Painter()
    random.Random(7).shuffle(pictures)
    with ThreadPoolExecutor(4) as pool:
        for picture, data in zip(pictures, pool.map(painter.render, pictures), strict=True):
            assert data == expected[picture]


def test_a_painter_that_may_keep_nothing_draws_the_same() -> None:
    forgetful = Painter(limit_bytes=0)
    assert [forgetful.render(FOX) for _ in range(2)] == [render(FOX)] * 2


@pytest.mark.parametrize(
    "other",
    [{"task_id": TASK[:-1] + "f"}, {"prompt": PROMPT + "."}, {"index": 1}],
    ids=lambda other: next(iter(other)),
)
def test_another_task_prompt_or_index_looks_different_at_a_glance(
    painter: Painter, other: dict[str, str | int]
) -> None:
    changed = replace(FOX, **other)  # type: ignore[arg-type]
    ours, theirs = (view(opened(painter.render(picture))).resize((16, 16)) for picture in (FOX, changed))
    assert sum(ImageStat.Stat(ImageChops.difference(ours, theirs)).mean) > 20
    assert read(painter.render(changed)) != read(painter.render(FOX))


def test_previews_are_marked_and_become_more_colourful_up_to_the_result(painter: Painter) -> None:
    files = [painter.render(replace(FOX, stage=stage)) for stage in (0, 1, 2, 3, None)]
    assert [stamp.stage for file in files if (stamp := read(file))] == [0, 1, 2, 3, None]
    colour = [ImageStat.Stat(view(opened(file)).convert("HSV").getchannel("S")).mean[0] for file in files]
    assert colour == sorted(colour)
    assert colour[0] < colour[-1] / 2


@pytest.mark.parametrize("form", ["png", "webp"])
def test_a_transparent_picture_is_opaque_in_its_label_only(painter: Painter, form: Format) -> None:
    data = painter.render(replace(FOX, format=form, transparent=True))
    image = opened(data)
    assert image.mode == "RGBA"
    alpha = image.getchannel("A")
    box = Image.eval(alpha, lambda level: level).getbbox()
    assert box is not None
    assert (box[0], box[2], box[3]) == (0, 1024, 768)
    assert box[1] > 768 // 2
    assert alpha.crop(box).getextrema() == (255, 255)
    assert matches(data, TASK, 0)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"format": "jpeg", "transparent": True}, "a jpeg has no transparent pixels"),
        ({"format": "gif"}, "expected the format of a picture to be one of png, jpeg, webp"),
        ({"width": 0}, "expected a picture of at least 1x1 pixels, got 0x768"),
        ({"compression": 101}, "expected a compression from 0 to 100, got 101"),
        ({"compression": -1}, "expected a compression from 0 to 100, got -1"),
    ],
)
def test_what_cannot_be_drawn_is_refused_when_it_is_asked_for(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        replace(FOX, **wrong)  # type: ignore[arg-type]


def test_an_id_that_the_strip_cannot_hold_is_refused(painter: Painter) -> None:
    with pytest.raises(ValueError, match=r"^expected a task id of at most 64 bytes"):
        painter.render(replace(FOX, task_id="x" * 65))


@pytest.mark.parametrize(
    "prompt",
    [
        "",
        " \n\t",
        "\0\x01\x7f",
        "\ud800\udfff",
        "狐狸" * 90,
        "🦊" * 500,
        "مرحبا بالعالم",
        "é" * 99,
        "w" * 32_000,
        "a\u0301" * 50,
    ],
    ids=["empty", "blanks", "controls", "surrogates", "chinese", "emoji", "arabic", "accents", "long", "combining"],
)
@pytest.mark.parametrize("form", FORMATS)
def test_any_prompt_is_drawn_and_stamped(painter: Painter, prompt: str, form: Format) -> None:
    stamp = read(painter.render(replace(FOX, prompt=prompt, format=form)))
    assert stamp is not None
    assert (stamp.task_id, stamp.prompt_digest) == (TASK, prompt_digest(prompt))


def test_people_and_tools_find_task_and_prompt_in_the_metadata_too(painter: Painter) -> None:
    png, jpeg, webp = (opened(painter.render(replace(FOX, format=form))) for form in FORMATS)
    assert (png.info["Title"], png.info["Description"]) == (TASK, PROMPT)
    assert jpeg.info["comment"].decode() == f"{TASK}\n{PROMPT}"
    assert webp.getexif()[0x010E] == f"{TASK} {PROMPT}"


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("more", [1, 2, 11, 12, 13, 65_600, 300_001])
def test_padding_reaches_the_size_and_changes_no_pixel(painter: Painter, form: Format, more: int) -> None:
    plain = painter.render(replace(FOX, format=form))
    padded = painter.render(replace(FOX, format=form), pad_to=len(plain) + more)
    assert len(plain) + more <= len(padded) <= len(plain) + more + 16
    assert opened(padded).tobytes() == opened(plain).tobytes()
    assert painter.render(replace(FOX, format=form), pad_to=len(plain)) == plain
    if form == "webp":
        assert int.from_bytes(padded[4:8], "little") == len(padded) - 8


def test_padding_does_not_vanish_when_somebody_compresses_the_answer(painter: Painter) -> None:
    assert len(zlib.compress(painter.render(FOX, pad_to=1_000_000), 9)) > 950_000


def test_the_largest_png_stays_small_enough_to_test_with(painter: Painter) -> None:
    assert len(painter.render(replace(FOX, width=3840, height=2160, prompt=PROMPT * 9))) < 300_000


def test_what_is_kept_has_a_limit_and_the_longest_unused_goes_first() -> None:
    kept = Recent[bytes](limit_bytes=5000, size_of=len)
    made: list[int] = []

    def make(number: int) -> bytes:
        made.append(number)
        return bytes(1000)

    for number in (1, 2, 3, 1, 4, 1, 2):
        kept.get(number, lambda number=number: make(number))  # type: ignore[misc]
        assert kept.held_bytes <= 5000
    assert made == [1, 2, 3, 4, 2]
    assert len(kept.get("large", lambda: bytes(9000))) == 9000
    assert kept.held_bytes <= 5000
