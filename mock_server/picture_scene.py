"""Which rows of a picture show what: stretches of sky and sand, and between them the sun and the dunes of its view.

Each stretch consists of parts of some rows, and a row follows each part that shifts the colour towards that at the
bottom. Pure: how the rows get into a file is decided elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Literal

from imageproof.mock_server.picture_view import Colour, View

SHADES = 64  # steps from the colour at the top to the colour at the bottom
SUN_SHARE, DUNE_SHARE = 0.085, 0.08  # of the shorter edge: the radius of the sun, and the height of a dune
GLOW = 1.45  # suns: the size of one with its glow
LEAST_WIDTH = 3  # suns with their glow that a picture must have room for side by side to have one


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A sun that stands so many tenths of the width from the left, or a dune by its number; `coarse` as in a view."""

    kind: Literal["sun", "dune"]
    number: int
    coarse: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A shape, or nothing new, and the numbers of rows of its parts."""

    shape: Shape | None
    parts: tuple[int, ...]

    @property
    def rows(self) -> int:
        """All its rows, with those that shift the colour."""
        return sum(self.parts) + len(self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A view in a picture of that size in pixels, whose first `rows` rows (at least 1) show it."""

    view: View
    width: int
    height: int
    rows: int

    @property
    def step(self) -> int:
        """How many rows a part has, if there are that many."""
        return max(4, self.height // SHADES)

    @property
    def radius(self) -> int:
        """Of the sun, in pixels."""
        return round(min(self.width, self.height) * SUN_SHARE) + 1

    @property
    def sun_side(self) -> int:
        """The edge, in pixels, of a square that holds the sun and its glow."""
        return 2 * math.ceil(self.radius * GLOW) + 4

    @property
    def dune_height(self) -> int:
        """How many rows the ridge of a dune lies in."""
        return round(min(self.width, self.height) * DUNE_SHARE) + 3

    def stretches(self) -> Iterator[Stretch]:
        """All below the first row, from top to bottom; what has no room is left out, the sun first."""
        shapes = [Stretch(shape=shape, parts=self._parts(shape)) for shape in self._shapes()]
        while sum(shape.rows for shape in shapes) >= self.rows:
            del shapes[0]
        free = self.rows - 1 - sum(shape.rows for shape in shapes)
        gaps = _shared_out(free, self.view.gaps[-len(shapes) - 1 :])
        for gap, shape in zip(gaps, (*shapes, None), strict=True):
            yield Stretch(shape=None, parts=tuple(min(left, self.step) - 1 for left in range(gap, 0, -self.step)))
            if shape is not None:
                yield shape

    def left(self, shape: Shape) -> int:
        """Where the rows of a shape begin, in pixels."""
        return self.width * shape.number // 10 - self.sun_side // 2 if shape.kind == "sun" else 0

    def shift(self, row: int) -> Colour:
        """How far the colour has moved from that at the top when so many rows are drawn."""
        share = row / self.rows
        top, bottom = self.view.left, self.view.bottom
        red, green, blue = (round((end - start) * share) for start, end in zip(top, bottom, strict=True))
        return red, green, blue

    def _shapes(self) -> Iterator[Shape]:
        if self.view.sun is not None and LEAST_WIDTH * self.sun_side < self.width:
            yield Shape(kind="sun", number=self.view.sun)
        yield from (Shape(kind="dune", number=number, coarse=self.view.coarse) for number in self.view.order)

    def _parts(self, shape: Shape) -> tuple[int, ...]:
        rows = self.sun_side if shape.kind == "sun" else self.dune_height
        return tuple(min(self.step, rows - at) for at in range(0, rows, self.step))


def _shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """A whole number cut in proportion to the weights, with nothing left over."""
    ends = [total * done // sum(weights) for done in accumulate(weights, initial=0)]
    return [end - start for start, end in pairwise(ends)]
