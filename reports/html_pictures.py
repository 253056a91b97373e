"""What was asked for against what came, picture by picture. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.reports.amounts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imageproof.records.lines import Picture

MOST = 96  # pictures
AT_ONCE = 16  # that are seen without a click; those that are not as asked for always are
FOR_THUMBNAILS = 200_000  # characters of base64
JPEG = re.compile(r"/9j/[A-Za-z0-9+/]+={0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureView:
    """One picture. `thumbnail` is base64 of a JPEG, empty when there is none or no room; `odd` says what differs."""

    exchange: int
    case: str
    asked: str
    got: str
    size: str
    thumbnail: str
    odd: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pictures:
    """The pictures that are shown, those that unfold on a click, and the sentence about all of them."""

    shown: tuple[PictureView, ...]
    folded: tuple[PictureView, ...]
    says: str


def pictures_of(pictures: Sequence[Picture]) -> Pictures:
    """The pictures, those that are not as asked for first."""
    ordered = sorted(pictures, key=lambda picture: not difference(picture))
    room = FOR_THUMBNAILS
    shown: list[PictureView] = []
    for picture in ordered[:MOST]:
        thumbnail = picture.thumbnail if JPEG.fullmatch(picture.thumbnail) and len(picture.thumbnail) <= room else ""
        room -= len(thumbnail)
        shown.append(_view(picture, thumbnail))
    at_once = max(AT_ONCE, sum(1 for view in shown if view.odd))
    odd = sum(1 for picture in pictures if difference(picture))
    more = f", {len(shown)} of them here" if len(shown) < len(pictures) else ""
    said = f"{odd:,} not as asked for" if odd else "all as asked for"
    return Pictures(
        shown=tuple(shown[:at_once]),
        folded=tuple(shown[at_once:]),
        says=f"{counted(len(pictures), 'picture')} looked at, {said}{more}",
    )


def difference(picture: Picture) -> str:
    """What differs from what was asked for; empty when nothing does."""
    if picture.width is None or picture.height is None:
        return "no picture"
    is_other_size = (picture.width, picture.height) != (picture.asked_width, picture.asked_height)
    is_other_format = picture.asked_format not in ("", picture.format)
    return " and ".join(name for name, is_other in (("size", is_other_size), ("format", is_other_format)) if is_other)


def _view(picture: Picture, thumbnail: str) -> PictureView:
    is_picture = picture.width is not None and picture.height is not None
    return PictureView(
        exchange=picture.exchange,
        case=picture.case,
        asked=f"{picture.asked_width} x {picture.asked_height} {picture.asked_format}",
        got=f"{picture.width} x {picture.height} {picture.format or 'unknown'}" if is_picture else "nothing readable",
        size=f"{picture.size:,} bytes" if picture.size else "",
        thumbnail=thumbnail,
        odd=difference(picture),
        note=picture.note,
    )
