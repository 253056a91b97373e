"""Draws the label at the foot of a picture, and turns it into rows for a PNG file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from PIL import Image, ImageDraw

from imageproof.mock_server.picture_art import Art
from imageproof.mock_server.picture_label import INK, Label, Line
from imageproof.mock_server.picture_view import Colour
from imageproof.mock_server.png import AS_IS, FAST, Piece, deflate

PAPER: Colour = (250, 249, 246)
WORTH_IT = 12  # rows that are like the row above them: fewer than that are deflated with the others


def drawn(label: Label, tiles: Sequence[Image.Image], accent: Colour) -> Image.Image:
    """The label as an image; there is a tile of the right size for each of its places."""
    sheet = Image.new("RGB", (label.width, label.height), PAPER)
    sheet.paste(accent, (0, 0, label.width, label.rule))
    for tile, place in zip(tiles, label.tiles, strict=True):
        sheet.paste(tile, place)
    for line in label.lines:
        _write(sheet, line, accent)
    if label.strip:
        sheet.paste(_strip(label), (label.grid.left, label.strip_top))
    return sheet


def _write(sheet: Image.Image, line: Line, accent: Colour) -> None:
    if line.is_badge:
        size = line.face.size
        right, bottom = line.left + line.face.width(line.text) + size // 2, line.top + size * 1.3
        corners = (line.left - size // 2, line.top - size * 0.15, right, bottom)
        ImageDraw.Draw(sheet).rounded_rectangle(corners, radius=size // 2, fill=accent)
    line.face.draw(sheet, (line.left, line.top), line.text, PAPER if line.is_badge else line.colour)


def _strip(label: Label) -> Image.Image:
    """The cells of the strip, each a square of one colour."""
    cells = Image.frombytes("P", (len(label.strip[0]), len(label.strip)), b"".join(label.strip))
    cells.putpalette((*PAPER, *INK))
    cell = label.grid.cell
    return cells.resize((cells.width * cell, cells.height * cell), Image.Resampling.NEAREST).convert("RGB")


def rows_of(sheet: Image.Image, art: Art) -> Iterator[Piece]:
    """The rows of an image of RGB or RGBA as pieces; where many are the same, only the first is deflated anew."""
    channels = len(sheet.getbands())
    flat, stride = sheet.tobytes(), sheet.width * channels
    fresh: list[bytes] = []
    for row, same in groupby(flat[at : at + stride] for at in range(0, len(flat), stride)):
        count = sum(1 for _ in same)
        if count <= WORTH_IT:
            fresh += (AS_IS, row) * count
            continue
        yield deflate(b"".join((*fresh, AS_IS, row)), level=FAST)
        yield from art.like_above(count - 1, channels)
        fresh.clear()
    if fresh:
        yield deflate(b"".join(fresh), level=FAST)
