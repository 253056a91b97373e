"""The pixels of a scene for formats that Pillow has to encode: the same as those that the rows of `picture_art` give.

Colours, shades and shapes are all amounts to add, so each is added to the whole at once, modulo 256.
"""

from __future__ import annotations

from functools import partial
from itertools import accumulate
from typing import TYPE_CHECKING

from PIL import Image, ImageChops

from imageproof.mock_server.picture_relief import SHADE, changes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.mock_server.picture_cache import Recent
    from imageproof.mock_server.picture_scene import Scene, Shape
    from imageproof.mock_server.picture_view import Colour


def first_row(scene: Scene) -> Image.Image:
    """The first row of a scene in RGB: from one colour to the other."""
    ends = Image.new("RGB", (2, 1))
    ends.putdata((scene.view.left, scene.view.right))
    return ends.resize((scene.width, 1), Image.Resampling.BILINEAR)


def canvas_of(scene: Scene, height: int, kept: Recent[Image.Image]) -> Image.Image:
    """A scene in RGB, with as many rows as a picture of that height has; `kept` holds shapes that were drawn before."""
    canvas = Image.new("RGB", (scene.width, height))
    top = 0
    for band in _bands(scene):
        canvas.paste(band, (0, top))
        top += band.height
    top = 1
    for stretch in scene.stretches():
        if stretch.shape is not None:
            key = (scene.width, scene.height, stretch.shape)
            sums = kept.get(key, partial(_sums, scene, stretch.shape, stretch.parts))
            left = scene.left(stretch.shape)
            box = (left, top, left + sums.width, top + sums.height)
            canvas.paste(ImageChops.add_modulo(canvas.crop(box), sums), box)
        top += stretch.rows
    return canvas


def _bands(scene: Scene) -> Iterator[Image.Image]:
    """The scene without its shapes from top to bottom, in images whose rows are all the same."""
    first = first_row(scene)
    for amount, rows in _runs(scene):
        row = ImageChops.add_modulo(first, Image.new("RGB", first.size, amount))
        yield Image.frombytes("RGB", (scene.width, rows), row.tobytes() * rows)  # resizing takes ten times as long


def _runs(scene: Scene) -> Iterator[tuple[Colour, int]]:
    """What so many rows have more than the first one, modulo 256, but for the shapes in them."""
    shift, taken, drawn, same = (0, 0, 0), (0, 0, 0), 1, 1
    for stretch in scene.stretches():
        for count in stretch.parts:
            yield _wrapped(shift, taken), same + count
            drawn += count + 1
            shift, same = scene.shift(drawn), 1
        if stretch.shape is not None and stretch.shape.kind == "dune":
            yield _wrapped(shift, taken), same
            same = 0
            taken = (taken[0] + SHADE[0], taken[1] + SHADE[1], taken[2] + SHADE[2])
    if same:
        yield _wrapped(shift, taken), same


def _wrapped(shift: Colour, taken: Colour) -> Colour:
    return (shift[0] + taken[0]) & 0xFF, (shift[1] + taken[1]) & 0xFF, (shift[2] + taken[2]) & 0xFF


def _sums(scene: Scene, shape: Shape, parts: tuple[int, ...]) -> Image.Image:
    """What the rows of a shape have more than the row above the first of them."""
    drawn = changes(scene, shape)
    size = (len(drawn[0]) // 3, 1)
    sums = Image.new("RGB", (size[0], sum(parts) + len(parts)))
    row, top, ends = Image.new("RGB", size), 0, set(accumulate(parts))
    for number, change in enumerate(drawn, start=1):
        row = ImageChops.add_modulo(row, Image.frombytes("RGB", size, change))
        for _ in range(2 if number in ends else 1):  # a row that shifts the colour repeats the one above it
            sums.paste(row, (0, top))
            top += 1
    return sums
