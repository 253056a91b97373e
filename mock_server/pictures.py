"""Draws the results of tasks: images of the exact size and format, whose pixels say which task and prompt they have."""

from __future__ import annotations

import hashlib
from functools import partial

from PIL import Image

from imageproof.mock_server import picture_files as files
from imageproof.mock_server import picture_tiles as tiles
from imageproof.mock_server.padding import padded
from imageproof.mock_server.picture import Picture
from imageproof.mock_server.picture_art import Art, Slices
from imageproof.mock_server.picture_cache import Recent
from imageproof.mock_server.picture_canvas import canvas_of
from imageproof.mock_server.picture_caption import Part, drawn, parts_of, rows_of
from imageproof.mock_server.picture_label import Label, label_of
from imageproof.mock_server.picture_scene import Scene
from imageproof.mock_server.picture_text import Lettering
from imageproof.mock_server.picture_view import view_of
from imageproof.mock_server.png import join, write

__all__ = ["Painter", "Picture", "render"]

LIMIT_BYTES = 32 * 2**20
MOST_REFERENCE_PIXELS = 50_000_000  # a photograph of the largest cameras in telephones


class Painter:
    """Renders pictures, and keeps what others can use again, about `limit_bytes` of it at most; no picture as a whole.

    Any number of threads may render at the same time. `max_reference_pixels` is the largest reference that is decoded.
    """

    def __init__(self, *, limit_bytes: int = LIMIT_BYTES, max_reference_pixels: int = MOST_REFERENCE_PIXELS) -> None:
        self._lettering = Lettering()
        self._max_pixels = max_reference_pixels
        self._pieces: Recent[Slices] = Recent(limit_bytes // 4, lambda made: sum(len(part.deflated) for part in made))
        self._shapes: Recent[Image.Image] = Recent(limit_bytes // 2, _size)
        self._tiles: Recent[Image.Image] = Recent(limit_bytes // 4, _size)

    def render(self, picture: Picture, *, pad_to: int | None = None) -> bytes:
        """The file of a picture, of at least `pad_to` bytes if that is given; the same values give the same bytes.

        Raises ValueError when a reference or the mask cannot be decoded, or the task id is over 64 bytes of UTF-8.
        """
        file = self._file(picture)
        return file if pad_to is None else padded(file, picture.format, pad_to)

    def _file(self, picture: Picture) -> bytes:
        view = view_of(picture.task_id, picture.index, picture.prompt, picture.stage)
        label = label_of(picture, tiles.captions(picture), self._lettering)
        parts = parts_of(label, self._squares(picture, label), view.accent) if label else []
        above = picture.height - (label.height if label else 0)
        scene = Scene(view=view, width=picture.width, height=picture.height, rows=above)
        if picture.format == "png" and not (picture.mask and picture.references):
            return self._pieced(picture, scene, label, parts)
        image = self._canvas(picture, scene)
        if label:
            image.paste(drawn(label, parts), (0, above))
        return files.encoded(image, picture)

    def _pieced(self, picture: Picture, scene: Scene, label: Label | None, parts: list[Part]) -> bytes:
        """A PNG file whose pixels were never all in memory."""
        art = Art(width=picture.width, kept=self._pieces)
        channels = 4 if picture.transparent else 3
        pieces = [*(art.like_above(scene.rows, 4) if picture.transparent else art.rows(scene))]
        if label:
            pieces += rows_of(label, parts, art, channels)
        return write(picture.width, picture.height, channels, join(pieces), files.described(picture))

    def _canvas(self, picture: Picture, scene: Scene) -> Image.Image:
        """All but the label of a picture that Pillow has to encode."""
        if picture.transparent:
            image = Image.new("RGBA", (picture.width, picture.height))
        else:
            image = canvas_of(scene, picture.height, self._shapes)
        if not (picture.mask and picture.references):
            return image
        return tiles.repainted(image, self._opened(picture.references[0]), self._opened(picture.mask))

    def _squares(self, picture: Picture, label: Label) -> list[Image.Image]:
        """The tiles of a picture in the order of their captions, if there is room for them."""
        if not label.tiles:
            return []
        uploads = (*picture.references, *((picture.mask,) if picture.mask is not None else ()))
        named = (tiles.swatch(name, label.side, self._lettering) for name in picture.reference_names)
        return [*(self._thumbnail(data, label.side) for data in uploads), *named]

    def _thumbnail(self, data: bytes, side: int) -> Image.Image:
        key = (hashlib.blake2b(data, digest_size=24).digest(), side)
        return self._tiles.get(key, partial(tiles.thumbnail, data, side, max_pixels=self._max_pixels))

    def _opened(self, data: bytes) -> Image.Image:
        return tiles.pixels(tiles.opened(data, max_pixels=self._max_pixels))


def _size(image: Image.Image) -> int:
    """What an image takes in memory; Pillow has 4 bytes for a pixel of RGB."""
    return 4 * image.width * image.height


def render(picture: Picture, *, pad_to: int | None = None) -> bytes:
    """The file of one picture, as `Painter.render` makes it; who needs many of them keeps a painter."""
    return Painter().render(picture, pad_to=pad_to)
