"""Draws the label at the foot of a picture, and turns it into rows for a PNG file.

The label is drawn in bands of few rows: memory that the system has to hand out and clear for each picture costs more
time than drawing does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from PIL import Image, ImageDraw

from imageproof.mock_server.picture_art import Art
from imageproof.mock_server.picture_label import INK, Label, Line
from imageproof.mock_server.picture_view import Colour
from imageproof.mock_server.png import AS_IS, FAST, Piece, deflate

PAPER: Colour = (250, 249, 246)
MOST_ROWS = 96  # of a band
WORTH_IT = 12  # rows that are like the row above them: fewer than that are deflated with the others


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Something on the label between two of its rows; `draw` puts it on an image whose first row is the given one."""

    top: int
    bottom: int
    draw: Callable[[Image.Image, int], None]


def parts_of(label: Label, tiles: Sequence[Image.Image], accent: Colour) -> list[Part]:
    """All that is on a label; there is a tile of the right size for each of its places."""
    parts = [_filled(accent, (0, 0, label.width, label.rule))]
    parts += (_pasted(tile, *place) for tile, place in zip(tiles, label.tiles, strict=True))
    parts += (_written(line, accent) for line in label.lines)
    if label.strip:
        parts.append(_pasted(_strip(label), label.grid.left, label.strip_top))
    return parts


def drawn(label: Label, parts: Sequence[Part], top: int = 0, bottom: int | None = None) -> Image.Image:
    """The rows of a label from `top` to `bottom` (None: the last one) as an image of RGB."""
    end = label.height if bottom is None else bottom
    sheet = Image.new("RGB", (label.width, end - top), PAPER)
    for part in parts:
        if part.top < end and part.bottom > top:
            part.draw(sheet, top)
    return sheet


def rows_of(label: Label, parts: Sequence[Part], art: Art, channels: int) -> Iterator[Piece]:
    """A whole label as rows of RGB, or of RGBA for 4 channels."""
    for top, bottom, is_blank in _bands(label.height, parts):
        if is_blank:
            yield from art.plain(PAPER, bottom - top, channels)
        else:
            band = drawn(label, parts, top, bottom)
            yield from _rows(band if channels == len(PAPER) else band.convert("RGBA"), art, channels)


def _bands(height: int, parts: Sequence[Part]) -> Iterator[tuple[int, int, bool]]:
    """Where the bands begin and end, and whether they are blank; one that begins with a line of text ends with it."""
    top = 0
    while top < height:
        here = [part.bottom for part in parts if part.top <= top < part.bottom]
        if here:
            bottom = min(max(here), top + MOST_ROWS, height)
        else:
            bottom = min((part.top for part in parts if part.top > top), default=height)
        yield top, bottom, not here
        top = bottom


def _rows(band: Image.Image, art: Art, channels: int) -> Iterator[Piece]:
    """Rows as pieces; where many are the same, only the first of them is deflated anew."""
    flat, stride = band.tobytes(), band.width * channels
    fresh: list[bytes] = []
    for row, same in groupby(flat[at : at + stride] for at in range(0, len(flat), stride)):
        count = sum(1 for _ in same)
        if count <= WORTH_IT:
            fresh += [AS_IS + row] * count
            continue
        yield deflate([*fresh, AS_IS + row], level=FAST)
        yield from art.like_above(count - 1, channels)
        fresh.clear()
    if fresh:
        yield deflate(fresh, level=FAST)


def _filled(colour: Colour, box: tuple[int, int, int, int]) -> Part:
    left, top, right, bottom = box

    def draw(sheet: Image.Image, first: int) -> None:
        sheet.paste(colour, (left, top - first, right, bottom - first))

    return Part(top=top, bottom=bottom, draw=draw)


def _pasted(image: Image.Image, left: int, top: int) -> Part:
    def draw(sheet: Image.Image, first: int) -> None:
        sheet.paste(image, (left, top - first))

    return Part(top=top, bottom=top + image.height, draw=draw)


def _written(line: Line, accent: Colour) -> Part:
    size = line.face.size
    pad = size // 4 if line.is_badge else 0

    def draw(sheet: Image.Image, first: int) -> None:
        at = (line.left, line.top - first)
        if line.is_badge:
            right = line.left + line.face.width(line.text) + 2 * pad
            corners = (line.left - 2 * pad, at[1] - pad, right, at[1] + size + 2 * pad)
            ImageDraw.Draw(sheet).rounded_rectangle(corners, radius=size // 2, fill=accent)
        line.face.draw(sheet, at, line.text, PAPER if line.is_badge else line.colour)

    return Part(top=line.top - pad, bottom=line.bottom + 2 * pad, draw=draw)


def _strip(label: Label) -> Image.Image:
    """The cells of the strip, each a square of one colour."""
    cells = Image.frombytes("P", (len(label.strip[0]), len(label.strip)), b"".join(label.strip))
    cells.putpalette((*PAPER, *INK))
    cell = label.grid.cell
    return cells.resize((cells.width * cell, cells.height * cell), Image.Resampling.NEAREST).convert("RGB")
