"""The rows of a scene for a PNG file, put together from pieces that other pictures of the size have needed too.

New in each picture are only its first row, and rows that shift all pixels by one small step of colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, TypeVar

from imageproof.mock_server import picture_relief as relief
from imageproof.mock_server.picture_canvas import first_row
from imageproof.mock_server.png import AS_IS, FAST, UP, Piece, deflate, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imageproof.mock_server.picture_cache import Recent
    from imageproof.mock_server.picture_scene import Scene, Shape
    from imageproof.mock_server.picture_view import Colour

BLOCK = 32  # rows that are like the row above them are kept in pieces of this many
OPAQUE = 255

Slices = tuple[Piece, ...]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Art:
    """Draws rows of so many pixels; `kept` holds the pieces of pictures of all widths."""

    width: int
    kept: Recent[Slices]

    def rows(self, scene: Scene) -> Iterator[Piece]:
        """The rows of RGB that show a scene."""
        yield deflate([AS_IS + first_row(scene).tobytes()], level=FAST)
        drawn, shift = 1, (0, 0, 0)
        for stretch in scene.stretches():
            slices = self._slices(scene, stretch.shape) if stretch.shape else ()
            for number, count in enumerate(stretch.parts):
                yield from slices[number : number + 1] or self.like_above(count, 3)
                drawn += count + 1
                wanted = scene.shift(drawn)
                yield from self._shade((wanted[0] - shift[0], wanted[1] - shift[1], wanted[2] - shift[2]))
                shift = wanted

    def like_above(self, rows: int, channels: int) -> Iterator[Piece]:
        """So many rows that are like the row above them; at the top of a picture they are black, or transparent."""
        for count in filter(None, (*(BLOCK,) * (rows // BLOCK), rows % BLOCK)):
            yield from self.kept.get(("still", self.width, channels, count), partial(self._still, count, channels))

    def plain(self, colour: Colour, rows: int, channels: int) -> Iterator[Piece]:
        """So many opaque rows of one colour."""
        row = AS_IS + bytes((*colour, OPAQUE)[:channels]) * self.width
        yield from self.kept.get(("plain", self.width, channels, colour), lambda: (deflate([row]),))
        yield from self.like_above(rows - 1, channels)

    def _slices(self, scene: Scene, shape: Shape) -> Slices:
        """The parts of a shape."""
        draw = self._sun if shape.kind == "sun" else self._dune
        return self.kept.get((scene.width, scene.height, shape), partial(draw, scene, shape))

    def _dune(self, scene: Scene, shape: Shape) -> Slices:
        rows = [UP + row for row in relief.changes(scene, shape)]
        return tuple(deflate(part) for part in _cut(rows, scene.step))

    def _sun(self, scene: Scene, shape: Shape) -> Slices:
        """Its own pixels are the same wherever it stands; what is beside it is the same in each row."""
        pixels = self.kept.get(("sun", scene.radius, scene.step), partial(self._sun_pixels, scene, shape))
        left = scene.left(shape)
        start, end = UP + bytes(3 * left), bytes(3 * (self.width - left - scene.sun_side))
        first, between, last = deflate([start]), deflate([end, start]), deflate([end])
        slices = []
        for rows in _cut(pixels, scene.step):
            pieces = [first]
            for row in rows:
                pieces += (row, between)
            slices.append(join((*pieces[:-1], last)))
        return tuple(slices)

    def _sun_pixels(self, scene: Scene, shape: Shape) -> Slices:
        return tuple(deflate([row]) for row in relief.changes(scene, shape))

    def _shade(self, step: Colour) -> Slices:
        """A row that shifts all its pixels by one step."""
        row = UP + bytes(part & 0xFF for part in step) * self.width
        return self.kept.get(("shade", self.width, step), lambda: (deflate([row]),))

    def _still(self, rows: int, channels: int) -> Slices:
        return (deflate(repeat(UP + bytes(channels * self.width), rows)),)


def _cut(rows: Sequence[Row], length: int) -> Iterator[Sequence[Row]]:
    """The rows in runs of that length; the last may be shorter."""
    return (rows[at : at + length] for at in range(0, len(rows), length))
