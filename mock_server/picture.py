"""What a picture shall be: its size, its form, and what it has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Format = Literal["png", "jpeg", "webp"]
FORMATS: tuple[Format, ...] = get_args(Format)
MOST_COMPRESSION = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One result of a task, or a preview of it. Everything in the file follows from these values.

    `width` and `height` are in pixels; `compression` is the quality of jpeg and webp, 0 to 100 (None: the usual one).
    `transparent` leaves out all but the label. `index` counts the results of a task from 0, `stage` its previews from
    0 (None: finished). `references` are the uploaded image files, `reference_names` images that were named and never
    fetched; `mask` is an image file whose transparent area says where the first reference is painted over.

    Raises ValueError for a size below one pixel, an unknown format, a compression that is none, a transparent jpeg.
    """

    width: int
    height: int
    format: Format
    compression: int | None = None
    transparent: bool = False
    task_id: str
    prompt: str
    index: int = 0
    stage: int | None = None
    references: tuple[bytes, ...] = ()
    reference_names: tuple[str, ...] = ()
    mask: bytes | None = None

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise ValueError(f"expected a picture of at least 1x1 pixels, got {self.width}x{self.height}")
        if self.format not in FORMATS:
            raise ValueError(f"expected the format of a picture to be one of {', '.join(FORMATS)}, got {self.format!r}")
        if self.compression is not None and not 0 <= self.compression <= MOST_COMPRESSION:
            raise ValueError(f"expected a compression from 0 to {MOST_COMPRESSION}, got {self.compression}")
        if self.transparent and self.format == "jpeg":
            raise ValueError("a jpeg has no transparent pixels: ask for png or webp, or for an opaque background")

    @property
    def is_bits(self) -> bool:
        """Whether one bit for each pixel is enough, should it be drawn plainly."""
        return self.format == "png" and not self.transparent
