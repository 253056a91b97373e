"""The shapes of a picture, drawn as how each pixel differs from the one above it.

A dune makes all that is below its ridge darker by the same amount, whatever the colours are. So its rows are the same
in every picture of that width, and are deflated once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from imageproof.mock_server.png import UP

SHADE = (-20, -16, -12)  # what a dune takes from the red, green and blue of all that lies behind it
SUN, GLOW = (11, 11, 9), (7, 7, 6)  # what the sun adds to its glow, and its glow to the sky
GLOW_SIZE = 1.45  # suns
PARTS = 16  # of a pixel: how finely an edge is smoothed
# Two waves for each dune: how many of them lie side by side, and where they begin, in radians.
WAVES = ((0.9, 0.3, 2.1, 1.7), (1.3, 2.9, 0.7, 0.2), (0.7, 4.4, 1.9, 3.6), (1.1, 1.5, 2.6, 5.1))

Light = tuple[int, int, int]


def dune(number: int, width: int, height: int, coarse: int) -> list[bytearray]:
    """The rows of RGB in which the ridge of a dune lies: in `coarse` stairs from left to right, or smooth if that is 0."""
    rows = _still(width, height)
    edges = [(_change(SHADE, 0, PARTS - part), _change(SHADE, PARTS - part, PARTS)) for part in range(PARTS)]
    for x in range(width):
        place = (x * coarse // width + 0.5) / coarse if coarse else x / width
        line, part = divmod(int(_ridge(number, place) * (height - 2) * PARTS), PARTS)
        upper, lower = edges[0 if coarse else part]
        rows[line][1 + 3 * x : 4 + 3 * x] = upper
        rows[line + 1][1 + 3 * x : 4 + 3 * x] = lower
    return rows


def sun(width: int, centre: int, radius: int) -> list[bytearray]:
    """The rows of RGB in which a sun and its glow lie; `centre` is the distance of its middle from the left, in pixels."""
    glow = round(radius * GLOW_SIZE)
    rows = _still(width, 2 * glow + 3)
    for size, light in ((glow, GLOW), (radius, SUN)):
        for x, y, above, here in _rim(size):
            if 0 <= centre + x < width:
                at = 1 + 3 * (centre + x)
                rows[glow + 1 + y][at : at + 3] = _change(light, above, here)
    return rows


def _still(width: int, height: int) -> list[bytearray]:
    """Rows that are all like the row above them."""
    return [bytearray(UP) + bytearray(3 * width) for _ in range(height)]


def _change(light: Light, before: int, after: int) -> bytes:
    """From so many parts of a light to so many, modulo 256 as PNG counts."""
    return bytes((round(part * after / PARTS) - round(part * before / PARTS)) & 0xFF for part in light)


def _ridge(number: int, place: float) -> float:
    """How deep (0 to 1) a ridge lies at a place (0 to 1) from left to right."""
    many, first, finer, second = WAVES[number % len(WAVES)]
    turn = math.tau * place
    return 0.5 + 0.31 * math.sin(many * turn + first) + 0.17 * math.sin(finer * turn + second)


def _rim(radius: int) -> Iterator[tuple[int, int, int, int]]:
    """Where a disc differs from one row to the next: x and y from its middle, and how much of the pixel above, and of
    this one, it covers, in parts.
    """  # noqa: D205
    for y in range(-radius - 1, radius + 2):
        nearer, farther = sorted((abs(y), abs(y - 1)))
        outer = math.isqrt(max(0, (radius + 1) ** 2 - nearer**2)) + 1
        inner = math.isqrt(max(0, (radius - 1) ** 2 - farther**2)) - 1
        for distance in range(max(0, inner), outer + 1):
            above, here = _covered(radius, distance, y - 1), _covered(radius, distance, y)
            if above != here:
                yield from ((x, y, above, here) for x in {distance, -distance})


def _covered(radius: int, x: int, y: int) -> int:
    """How much of a pixel lies in a disc, in parts; exact enough for the eye."""
    return round(PARTS * min(1.0, max(0.0, radius + 0.5 - math.hypot(x, y))))
