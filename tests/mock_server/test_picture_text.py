"""Words on pictures fit, and say what can be said with the characters of the built-in font."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFont

from imageproof.mock_server.picture_text import DOTS, KNOWN, Face, legible

FACE = Face(22)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a  fox\n\tin\u00a0snow ", "a fox in snow"),
        ("Café naïve Ångström", "Cafe naive Angstrom"),
        ("cafe\u0301", "cafe"),
        ("1024×768 – “now”…", "1024x768 - “now”…"),  # noqa: RUF001  (these very characters)
        ("ｆｏｘ①", "fox1"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("狐 fox", "狐 fox"),
        ("", ""),
    ],
)
def test_what_the_font_lacks_is_said_in_what_it_has(text: str, expected: str) -> None:
    assert legible(text) == expected


@given(st.text(), st.integers(60, 900), st.integers(1, 5))
def test_lines_fit_and_lose_nothing_but_blanks_and_the_end(text: str, room: int, most: int) -> None:
    words = legible(text)
    lines = FACE.wrap(words, room, most)
    assert len(lines) <= most
    assert all(FACE.width(line) <= room for line in lines)
    shown = "".join(lines).replace(" ", "")
    whole = words.replace(" ", "")
    assert shown == whole or whole.startswith(shown.removesuffix(DOTS))


@given(st.text(), st.integers(60, 400))
def test_dots_say_that_something_is_missing(text: str, room: int) -> None:
    words = legible(text)
    assert FACE.clip(words, room).endswith(DOTS) or FACE.clip(words, room) == words


@pytest.mark.parametrize("text", ["fox", "狐", "\U0001f98a", "\0", "\ud800"])
def test_every_character_leaves_ink_within_its_width(text: str) -> None:
    sheet = Image.new("RGB", (200, 60))
    FACE.draw(sheet, (50, 10), text, (255, 255, 255))
    box = sheet.getbbox()
    assert box is not None
    assert box[0] >= 48
    assert box[2] <= 52 + FACE.width(text)
    assert (box[1], box[3]) >= (10, 20)


def test_different_missing_characters_look_different() -> None:
    sheets = [Image.new("RGB", (60, 60)) for _ in range(2)]
    for sheet, text in zip(sheets, ("狐", "狸"), strict=True):
        FACE.draw(sheet, (5, 5), text, (255, 255, 255))
    assert sheets[0].tobytes() != sheets[1].tobytes()


def test_every_character_that_counts_as_known_is_in_the_font() -> None:
    font = ImageFont.load_default(22)
    lacking = bytes(font.getmask("\uffff"))
    assert [part for part in sorted(KNOWN) if bytes(font.getmask(part)) == lacking] == []
