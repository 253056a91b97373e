"""Words on pictures, in Pillow's built-in font, which knows little more than ASCII.

A character that it lacks loses its accent if that helps; otherwise it is drawn as a small box with its number in it, so
that no picture depends on the fonts of a machine.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from imageproof.mock_server.picture_view import Colour

KNOWN = frozenset(map(chr, range(0x20, 0x7F))) | frozenset("©«°±´·»‘’“”…‹›⁄™")  # noqa: RUF001  (these very characters)
INSTEAD = {"\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": " - ", "\u2212": "-", "\u00d7": "x"}
DOTS = "…"
HIGHEST_OF_FOUR = 0xFFFF  # characters above have six digits in their box
DIGIT_SHARE, BOX_SHARE = 0.46, 0.42  # of the size of the text: that of the digits in a box; its width for each column


def legible(text: str) -> str:
    """The text, with what can be said in known characters said in them; white space becomes one blank."""
    return " ".join("".join(map(_known, text)).split())


def _known(character: str) -> str:
    if character in KNOWN:
        return character
    if character.isspace():
        return " "
    if character in INSTEAD:
        return INSTEAD[character]
    if unicodedata.combining(character) or unicodedata.category(character) == "Cf":
        return ""  # an accent, or a mark that has no shape of its own
    plain = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    return plain if plain and KNOWN.issuperset(plain) else character


@dataclass(frozen=True, slots=True, kw_only=True)
class Glyph:
    """The shape of a character: how opaque each pixel is, and where its corner lies from the pen; blanks have none."""

    mask: Image.Image | None
    left: int
    top: int


class Letters:
    """The known characters in one size, in pixels. Each is drawn by FreeType once, and pasted from then on."""

    __slots__ = ("_font", "_glyphs", "size", "widths")

    def __init__(self, size: int) -> None:
        self._font = _font(size)
        self._glyphs: dict[str, Glyph] = {}
        self.size = size
        self.widths = {part: round(self._font.getlength(part)) for part in sorted(KNOWN)}

    def paste(self, sheet: Image.Image, at: tuple[int, int], text: str, colour: Colour) -> None:
        """Write a text of known characters with its upper left corner there."""
        x, y = at
        for part in text:
            glyph = self._glyphs.get(part) or self._drawn(part)
            if glyph.mask is not None:
                sheet.paste(colour, (x + glyph.left, y + glyph.top), glyph.mask)
            x += self.widths[part]

    def _drawn(self, part: str) -> Glyph:
        spare = self.size  # some letters begin to the left of the pen, some end to the right of their width
        canvas = Image.new("L", (self.widths[part] + 2 * spare, 2 * self.size))
        ImageDraw.Draw(canvas).text((spare, 0), part, fill=255, font=self._font)
        box = canvas.getbbox()
        glyph = Glyph(mask=None, left=0, top=0)
        if box is not None:
            glyph = Glyph(mask=canvas.crop(box), left=box[0] - spare, top=box[1])
        self._glyphs[part] = glyph
        return glyph


class Face:
    """The built-in font in one size, in pixels, with boxes for what it lacks."""

    __slots__ = ("_digits", "_frames", "_letters", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._letters = Letters(size)
        self._digits = Letters(max(5, round(size * DIGIT_SHARE)))
        self._frames = {digits: _frame(self._box(digits), size) for digits in (4, 6)}

    def width(self, text: str) -> int:
        """How wide a legible text is, in pixels."""
        widths = self._letters.widths
        return sum(widths.get(part) or self._box(len(_digits(part))) for part in text)

    def wrap(self, text: str, room: int, most: int) -> list[str]:
        """A legible text in at most so many lines of at most that many pixels; dots end the last if there is more."""
        lines: list[str] = []
        while text and len(lines) < most - 1:
            end = self._fitting(text, room)
            lines.append(text[:end].rstrip())
            text = text[end:].lstrip()
        return [*lines, self.clip(text, room)] if text else lines

    def clip(self, text: str, room: int) -> str:
        """A legible text, cut and dotted if it is wider than that."""
        if self._fitting(text, room) == len(text):
            return text
        return text[: self._fitting(text, room - self.width(DOTS), anywhere=True)].rstrip() + DOTS

    def _fitting(self, text: str, room: int, *, anywhere: bool = False) -> int:
        """How many characters fit; they end between two words or beside a box if there is such a place."""
        widths, used, place = self._letters.widths, 0, 0
        for at, part in enumerate(text):
            used += widths.get(part) or self._box(len(_digits(part)))
            if used > room and part != " ":
                return max(1, at if anywhere or not place else place)
            if part == " " or part not in KNOWN:
                place = at + 1
        return len(text)

    def draw(self, sheet: Image.Image, at: tuple[int, int], text: str, colour: Colour) -> None:
        """Write a legible text with its upper left corner there."""
        x, y = at
        for is_known, parts in groupby(text, KNOWN.__contains__):
            run = "".join(parts)
            if is_known:
                self._letters.paste(sheet, (x, y), run, colour)
            else:
                self._draw_boxes(sheet, (x, y), run, colour)
            x += self.width(run)

    def _draw_boxes(self, sheet: Image.Image, at: tuple[int, int], run: str, colour: Colour) -> None:
        x, y = at
        for part in run:
            digits = _digits(part)
            half, wide = len(digits) // 2, self._box(len(digits))
            sheet.paste(colour, (x, y), self._frames[len(digits)])
            for line, top in ((digits[:half], 0.13), (digits[half:], 0.55)):
                inset = (wide - sum(self._digits.widths[digit] for digit in line)) // 2
                self._digits.paste(sheet, (x + inset, y + round(self.size * top)), line, colour)
            x += wide

    def _box(self, digits: int) -> int:
        return round(self.size * BOX_SHARE * digits / 2) + 4


def _frame(width: int, size: int) -> Image.Image:
    """The outline of a box."""
    frame = Image.new("L", (width, round(size * 1.05)))
    corners = (1, round(size * 0.08), width - 2, frame.height - 1)
    ImageDraw.Draw(frame).rounded_rectangle(corners, radius=size // 10, outline=255, width=max(1, size // 24))
    return frame


def _digits(character: str) -> str:
    number = ord(character)
    return f"{number:04X}" if number <= HIGHEST_OF_FOUR else f"{number:06X}"


class Lettering:
    """The faces that were needed so far; there are not many sizes."""

    __slots__ = ("_faces",)

    def __init__(self) -> None:
        self._faces: dict[int, Face] = {}

    def face(self, size: int) -> Face:
        """The font in that size, in pixels."""
        if size not in self._faces:
            self._faces[size] = Face(size)
        return self._faces[size]


def _font(size: int) -> ImageFont.FreeTypeFont:
    """Raises ValueError where Pillow was built without FreeType."""
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise ValueError("expected a Pillow with FreeType to write on pictures: install the wheel of pillow from PyPI")  # noqa: TRY004
    return font
