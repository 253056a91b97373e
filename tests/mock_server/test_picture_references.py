"""Edits show which images they were made of, and change only what the mask lets through."""

import warnings
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from typing import get_args

import pytest
from PIL import Image, ImageChops, ImageDraw

from imageproof.mock_server.picture import Format
from imageproof.mock_server.pictures import Painter, Picture
from imageproof.specs.stamp import matches

TASK = "task_img_abc123def456"
EDIT = Picture(width=1024, height=1024, format="png", task_id=TASK, prompt="a lamp")
RED, GREEN, BLUE, GREY = (230, 10, 20), (10, 200, 30), (20, 30, 240), (128, 128, 128)
Colour = tuple[int, int, int]


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter()


def saved(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def plain(colour: Colour, size: tuple[int, int] = (300, 300)) -> bytes:
    return saved(Image.new("RGB", size, colour))


def opened(data: bytes) -> Image.Image:
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image


def boxes(image: Image.Image, colour: Colour, tolerance: int = 0) -> tuple[int, int, int, int] | None:
    """What a colour covers, up to so many levels in each channel."""
    red, green, blue = (
        band.point([255 * (abs(level - own) <= tolerance) for level in range(256)])
        for band, own in zip(image.convert("RGB").split(), colour, strict=True)
    )
    return ImageChops.darker(red, ImageChops.darker(green, blue)).getbbox()


def test_references_are_shown_in_their_order(painter: Painter) -> None:
    image = opened(painter.render(replace(EDIT, references=(plain(RED), plain(GREEN), plain(BLUE)))))
    tiles = [box for colour in (RED, GREEN, BLUE) if (box := boxes(image, colour))]
    assert [tile[1] for tile in tiles] == [tiles[0][1]] * 3
    assert [tile[0] for tile in tiles] == sorted({tile[0] for tile in tiles})
    assert {(tile[2] - tile[0], tile[3] - tile[1]) for tile in tiles} == {(112, 112)}


def test_sixteen_references_are_all_shown(painter: Painter) -> None:
    colours = [(15 * number, 255 - 15 * number, 77) for number in range(16)]
    data = painter.render(replace(EDIT, references=tuple(plain(colour) for colour in colours)))
    places = [box for colour in colours if (box := boxes(opened(data), colour))]
    assert [(place[1], place[0]) for place in places] == sorted({(place[1], place[0]) for place in places})
    assert len(places) == 16
    assert matches(data, TASK, 0)


def test_a_reference_keeps_its_proportions(painter: Painter) -> None:
    box = boxes(opened(painter.render(replace(EDIT, references=(plain(RED, (400, 100)),)))), RED)
    assert box is not None
    assert (box[2] - box[0], box[3] - box[1]) == (112, 28)


def test_images_that_were_only_named_get_a_colour_of_their_own(painter: Painter) -> None:
    names = ("https://example.com/a.png", "https://example.com/b.png?signature=x", "http://[broken", "", "\ud800")
    first, second = (painter.render(replace(EDIT, reference_names=order)) for order in (names, names[::-1]))
    assert first != second
    assert first != painter.render(EDIT)
    assert matches(first, TASK, 0)


MODES: dict[str, Callable[[], bytes]] = {
    "grey": lambda: saved(Image.new("L", (90, 90), 128)),
    "1 bit": lambda: saved(Image.new("1", (90, 90), 1)),
    "grey and alpha": lambda: saved(Image.new("LA", (90, 90), (128, 255))),
    "16 bits of grey": lambda: saved(Image.new("I;16", (90, 90), 128 * 257)),
    "palette": lambda: saved(Image.new("RGB", (90, 90), GREY).quantize(4)),
    "palette with transparency": lambda: saved(Image.new("RGB", (90, 90), GREY).quantize(4), transparency=3),
    "CMYK": lambda: saved(Image.new("CMYK", (90, 90), (127, 127, 127, 0)), "JPEG"),
    "gif": lambda: saved(Image.new("RGB", (90, 90), GREY), "GIF"),
    "lossless webp": lambda: saved(Image.new("RGBA", (90, 90), (*GREY, 255)), "WEBP", lossless=True),
    "animated png": lambda: saved(
        Image.new("RGB", (90, 90), GREY), save_all=True, append_images=[Image.new("RGB", (90, 90), RED)]
    ),
    "animated webp": lambda: saved(
        Image.new("RGB", (90, 90), GREY), "WEBP", save_all=True, append_images=[Image.new("RGB", (90, 90), RED)]
    ),
}


@pytest.mark.parametrize("mode", MODES)
def test_references_of_any_mode_are_shown_in_their_colours(painter: Painter, mode: str) -> None:
    colour = (255, 255, 255) if mode == "1 bit" else GREY
    with warnings.catch_warnings(action="error"):
        image = opened(painter.render(replace(EDIT, references=(MODES[mode](),))))
    tile = boxes(opened(painter.render(replace(EDIT, references=(plain(RED),)))), RED)
    assert tile is not None
    found = image.getpixel(((tile[0] + tile[2]) // 2, (tile[1] + tile[3]) // 2))
    assert found == pytest.approx(colour, abs=6)


def test_a_photograph_that_lies_on_its_side_is_shown_upright(painter: Painter) -> None:
    photograph = Image.new("RGB", (200, 100), RED)
    ImageDraw.Draw(photograph).rectangle((0, 0, 99, 99), fill=BLUE)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    data = painter.render(replace(EDIT, references=(saved(photograph, "JPEG", quality=95, exif=exif),)))
    upper, lower = (boxes(opened(data), colour, tolerance=12) for colour in (BLUE, RED))
    assert upper is not None
    assert lower is not None
    assert upper[3] <= lower[1] + 4


def test_a_transparent_reference_is_shown_on_a_chessboard(painter: Painter) -> None:
    data = painter.render(replace(EDIT, references=(saved(Image.new("RGBA", (112, 112))),)))
    assert boxes(opened(data), (214, 216, 220)) is not None


def mask(size: tuple[int, int], hole: tuple[int, int, int, int]) -> bytes:
    image = Image.new("RGBA", size, (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), hole)
    return saved(image)


def test_only_what_the_mask_lets_through_is_painted_anew(painter: Painter) -> None:
    photograph = Image.effect_mandelbrot((1024, 1024), (-2, -1.5, 1, 1.5), 40).convert("RGB")
    hole = (300, 100, 700, 500)
    picture = replace(EDIT, references=(saved(photograph),), mask=mask((1024, 1024), hole))
    image = opened(painter.render(picture))
    for box in ((0, 0, 300, 500), (700, 0, 1024, 500), (300, 0, 700, 100), (300, 500, 700, 600)):
        assert image.crop(box).tobytes() == photograph.crop(box).tobytes()
    new = opened(painter.render(replace(EDIT, references=picture.references, reference_names=("mask",))))
    assert image.crop(hole).tobytes() == new.crop(hole).tobytes()


@pytest.mark.parametrize("form", get_args(Format))
def test_an_edit_keeps_its_stamp_however_hard_it_is_compressed(painter: Painter, form: Format) -> None:
    noise = saved(Image.effect_noise((1024, 1024), 120).convert("RGB"))
    picture = replace(EDIT, format=form, compression=0, references=(noise,), mask=mask((1024, 1024), (0, 0, 512, 512)))
    assert matches(painter.render(picture), TASK, 0)


def test_reference_and_mask_are_scaled_to_the_picture(painter: Painter) -> None:
    picture = replace(EDIT, references=(plain(RED, (512, 512)), plain(GREEN)), mask=mask((512, 512), (0, 0, 256, 256)))
    image = opened(painter.render(picture))
    assert image.getpixel((511, 100)) != RED
    assert image.getpixel((512, 100)) == RED
    assert image.getpixel((100, 512)) == RED


def test_the_hole_of_a_transparent_edit_is_transparent(painter: Painter) -> None:
    picture = replace(
        EDIT, transparent=True, references=(plain(RED, (1024, 1024)),), mask=mask((1024, 1024), (0, 0, 90, 90))
    )
    image = opened(painter.render(picture))
    assert image.getpixel((50, 50)) == (0, 0, 0, 0)
    assert image.getpixel((91, 91)) == (*RED, 255)


def test_a_mask_for_images_that_were_only_named_is_shown(painter: Painter) -> None:
    picture = replace(EDIT, reference_names=("https://example.com/a.png",), mask=mask((64, 64), (0, 0, 32, 32)))
    assert painter.render(picture) != painter.render(replace(picture, mask=None))
    assert matches(painter.render(picture), TASK, 0)


NOISE = saved(Image.effect_noise((400, 400), 90).convert("RGB"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an image",
        NOISE[: len(NOISE) // 2],
        NOISE[:5000] + bytes(2000) + NOISE[7000:],
        b"\xff\xd8\xff\xe0\xff\xd9",
    ],
    ids=["empty", "text", "half", "damaged", "hollow"],
)
def test_what_cannot_be_decoded_is_refused(painter: Painter, data: bytes) -> None:
    for picture in (replace(EDIT, references=(plain(RED), data)), replace(EDIT, references=(plain(RED),), mask=data)):
        with pytest.raises(ValueError, match=r"^expected "):
            painter.render(picture)


def test_a_reference_with_too_many_pixels_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^expected an image of at most 9999 pixels, got 100x100: send a smaller one$"
    ):
        Painter(max_reference_pixels=9999).render(replace(EDIT, references=(plain(RED, (100, 100)),)))
