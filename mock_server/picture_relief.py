"""The shapes of a scene, drawn as how each pixel differs from the one above it.

A dune makes all that is below its ridge darker by the same amount, whatever the colours are. So its rows are the same
in every picture of that size, and need to be drawn, and deflated, once.
"""

from __future__ import annotations

import math

from PIL import Image, ImageChops, ImageDraw

from imageproof.mock_server.picture_scene import GLOW, Scene, Shape

SHADE = (-20, -16, -12)  # what a dune takes from the red, green and blue of all that lies behind it
GLOW_LIGHT, SUN_LIGHT = (7, 7, 6), (18, 18, 15)  # what the glow of the sun, and the sun, add to those of the sky
PARTS = 16  # of a pixel: how finely the edge of a dune is smoothed
FINER = 4  # times: how much larger a sun is drawn before it is reduced, which smoothes its edge
DIM, BRIGHT = 100, 200  # the greys that stand for glow and sun while they are drawn
# Two waves for each dune: how many of them lie side by side, and where they begin, in radians.
WAVES = ((0.9, 0.3, 2.1, 1.7), (1.3, 2.9, 0.7, 0.2), (0.7, 4.4, 1.9, 3.6), (1.1, 1.5, 2.6, 5.1))


def changes(scene: Scene, shape: Shape) -> list[bytes]:
    """The rows of a shape, without those that shift the colour: what to add to each pixel above, modulo 256, as RGB.

    A dune is as wide as the picture; the sun is a square, and what is below it is as it was above.
    """
    if shape.kind == "sun":
        # The rows that come between these make it round.
        return _sun(scene.sun_side, scene.radius, scene.step / (scene.step + 1))
    return _dune(shape.number, scene.width, scene.dune_height, shape.coarse)


def _dune(number: int, width: int, height: int, coarse: int) -> list[bytes]:
    """So many `coarse` stairs from left to right, or a smooth ridge if that is 0."""
    rows = [bytearray(3 * width) for _ in range(height)]
    edges = [_edge(PARTS - part) for part in range(PARTS)]
    for x in range(width):
        place = (x * coarse // width + 0.5) / coarse if coarse else x / width
        line, part = divmod(int(_ridge(number, place) * (height - 2) * PARTS), PARTS)
        upper, lower = edges[0 if coarse else part]
        rows[line][3 * x : 3 * x + 3] = upper
        rows[line + 1][3 * x : 3 * x + 3] = lower
    return list(map(bytes, rows))


def _edge(parts: int) -> tuple[bytes, bytes]:
    """The changes at a pixel of which the dune covers so many parts, and at the one below it."""
    first = [round(part * parts / PARTS) for part in SHADE]
    second = [part - done for part, done in zip(SHADE, first, strict=True)]
    return bytes(part & 0xFF for part in first), bytes(part & 0xFF for part in second)


def _ridge(number: int, place: float) -> float:
    """How deep (0 to 1) a ridge lies at a place (0 to 1) from left to right."""
    many, first, finer, second = WAVES[number % len(WAVES)]
    turn = math.tau * place
    return 0.5 + 0.31 * math.sin(many * turn + first) + 0.17 * math.sin(finer * turn + second)


def _sun(side: int, radius: int, squeezed: float) -> list[bytes]:
    """`squeezed` is the height of the sun in widths."""
    drawn = Image.new("L", (side * FINER, side * FINER))
    pen = ImageDraw.Draw(drawn)
    for size, grey in ((radius * GLOW, DIM), (radius, BRIGHT)):
        pen.ellipse(_oval(side * FINER / 2, size * FINER, size * FINER * squeezed), fill=grey)
    light = Image.merge(
        "RGB", [drawn.reduce(FINER).point(_levels(*pair)) for pair in zip(GLOW_LIGHT, SUN_LIGHT, strict=True)]
    )
    above = light.transform(light.size, Image.Transform.AFFINE, (1, 0, 0, 0, 1, -1))
    flat = ImageChops.subtract_modulo(light, above).tobytes()
    return [flat[at : at + 3 * side] for at in range(0, len(flat), 3 * side)]


def _oval(middle: float, wide: float, high: float) -> tuple[float, float, float, float]:
    return middle - wide, middle - high, middle + wide, middle + high


def _levels(glow: int, sun: int) -> list[int]:
    """How much light each grey stands for: none to glow up to DIM, then up to the sun."""
    rising = [round(glow * grey / DIM) for grey in range(DIM)]
    return rising + [round(glow + (sun - glow) * min(1.0, (grey - DIM) / (BRIGHT - DIM))) for grey in range(DIM, 256)]
