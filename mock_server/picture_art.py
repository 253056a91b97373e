"""The rows of pixels of a view, put together from pieces that other pictures of the size have needed too.

New in each picture are only its first row, and rows that shift all pixels by one small step of colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise, repeat
from typing import TYPE_CHECKING, TypeVar

from PIL import Image

from imageproof.mock_server import picture_relief as relief
from imageproof.mock_server.png import AS_IS, FAST, UP, Piece, deflate, join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imageproof.mock_server.picture_cache import Recent
    from imageproof.mock_server.picture_view import Colour, View

SHADES = 64  # steps from the colour at the top to the colour at the bottom
BLOCK = 32  # rows that are like the row above them are kept in pieces of this many
OPAQUE = 255
SUN_SHARE, DUNE_SHARE = 0.085, 0.08  # of the edge that limits them

Slices = tuple[Piece, ...]
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Art:
    """Draws the upper part of pictures of one size in pixels; `kept` holds the pieces of pictures of all sizes."""

    width: int
    height: int
    kept: Recent[Slices]

    def rows(self, view: View, rows: int) -> Iterator[Piece]:
        """The first `rows` (at least 1) rows of RGB of a picture; what has no room there is left out, the sun first."""
        yield deflate([self._first_row(view)], level=FAST)
        drawn, shift = 1, (0, 0, 0)
        for part in self._parts(view, rows - 1):
            yield from part
            drawn += sum(self._count(piece) for piece in part) + 1
            wanted = _shift(view, drawn / rows)
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

    def _parts(self, view: View, rows: int) -> Iterator[Slices]:
        """What lies between the rows that shift the colour, one of which follows each part; `rows` in all."""
        shapes = self._shapes(view)
        lengths = [sum(self._count(piece) + 1 for piece in shape) for shape in shapes]
        while sum(lengths) > rows:
            del shapes[0], lengths[0]
        gaps = _shared_out(rows - sum(lengths), view.gaps[-len(shapes) - 1 :])
        for gap, shape in zip(gaps, (*shapes, ()), strict=True):
            for left in range(gap, 0, -self._step):
                yield tuple(self.like_above(min(left, self._step) - 1, 3))
            yield from ((piece,) for piece in shape)

    def _shapes(self, view: View) -> list[Slices]:
        """The sun and the dunes of a view from top to bottom, each in slices of rows."""
        shapes = []
        if view.sun is not None and relief.sun_width(self._radius) < self.width // 3:
            centre = self.width * view.sun // 10
            shapes.append(self.kept.get(("sun", self.width, self.height, centre), partial(self._sun, centre)))
        for number in view.order:
            key = ("dune", self.width, self.height, number, view.coarse)
            shapes.append(self.kept.get(key, partial(self._dune, number, view.coarse)))
        return shapes

    def _dune(self, number: int, coarse: int) -> Slices:
        high = round(min(self.width, self.height) * DUNE_SHARE) + 3
        rows = [UP + row for row in relief.dune(number, self.width, high, coarse)]
        return tuple(deflate(part) for part in _cut(rows, self._step))

    def _sun(self, centre: int) -> Slices:
        """The rows with a sun in them. Its own pixels are the same wherever it stands; so is, in each row, the rest."""
        pixels = self.kept.get(("sun", self._radius, self._step), self._sun_pixels)
        left = centre - relief.sun_width(self._radius) // 2
        start, end = UP + bytes(3 * left), bytes(3 * (self.width - left - relief.sun_width(self._radius)))
        first, between, last = deflate([start]), deflate([end, start]), deflate([end])
        slices = []
        for rows in _cut(pixels, self._step):
            pieces = [first]
            for row in rows:
                pieces += (row, between)
            slices.append(join((*pieces[:-1], last)))
        return tuple(slices)

    def _sun_pixels(self) -> Slices:
        return tuple(deflate([row]) for row in relief.sun(self._radius, self._step / (self._step + 1)))

    def _first_row(self, view: View) -> bytes:
        ends = Image.new("RGB", (2, 1))
        ends.putdata((view.left, view.right))
        return AS_IS + ends.resize((self.width, 1), Image.Resampling.BILINEAR).tobytes()

    def _shade(self, step: Colour) -> Slices:
        """A row that shifts all its pixels by one step."""
        shift = UP + bytes(part & 0xFF for part in step) * self.width
        return self.kept.get(("shade", self.width, step), lambda: (deflate([shift]),))

    def _still(self, rows: int, channels: int) -> Slices:
        return (deflate(repeat(UP + bytes(channels * self.width), rows)),)

    def _count(self, piece: Piece) -> int:
        """How many rows of RGB a piece holds."""
        return piece.size // (1 + 3 * self.width)

    @property
    def _radius(self) -> int:
        return round(min(self.width, self.height) * SUN_SHARE) + 1

    @property
    def _step(self) -> int:
        """How many rows have the same shade."""
        return max(4, self.height // SHADES)


def _cut(rows: Sequence[Row], length: int) -> Iterator[Sequence[Row]]:
    """The rows in runs of that length; the last may be shorter."""
    return (rows[at : at + length] for at in range(0, len(rows), length))


def _shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """A whole number cut in proportion to the weights, with nothing left over."""
    ends = [total * done // sum(weights) for done in accumulate(weights, initial=0)]
    return [end - start for start, end in pairwise(ends)]


def _shift(view: View, share: float) -> Colour:
    """How far the colour has moved from the top towards the bottom."""
    red, green, blue = (round((low - high) * share) for high, low in zip(view.left, view.bottom, strict=True))
    return red, green, blue
