"""What the picture of a result shows: colours, a sun and dunes, all of which follow from the task and the prompt."""

from __future__ import annotations

import colorsys
import hashlib
from dataclasses import dataclass

DUNES = 4
FADED = 228  # the grey that the colours of an unfinished preview lean to

Colour = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The colours at the top left, top right and bottom, and of what is emphasized; and an arrangement.

    `order` are the dunes from back to front; `gaps` how the rest of the height is shared out: above the sun, above the
    dunes, and below each of them. `sun` is where the sun stands, in tenths of the width (None: no sun); `coarse` how
    many steps a preview makes of its dunes (0: they are smooth).
    """

    left: Colour
    right: Colour
    bottom: Colour
    accent: Colour
    order: tuple[int, ...]
    gaps: tuple[int, ...]
    sun: int | None
    coarse: int


def view_of(task_id: str, index: int, prompt: str, stage: int | None) -> View:
    """The view of one result; the earlier a preview (`stage` from 0), the paler, coarser and emptier it is."""
    seed = f"{task_id}\0{index}\0{prompt}".encode("utf-8", "surrogatepass")
    lot = hashlib.blake2b(seed, digest_size=16).digest()
    hue = int.from_bytes(lot[:2], "big") / 65_536
    turn = (40 + lot[2] % 60) / 360 * (1 if lot[3] % 2 else -1)
    pale = 0.0 if stage is None else max(0.2, 0.65 - 0.15 * stage)
    order = tuple(sorted(range(DUNES), key=lambda dune: (lot[4 + dune], dune)))
    dunes = order if stage is None else order[: stage + 1]
    return View(
        left=_colour(hue, 0.47, 0.52, pale),
        right=_colour(hue + turn / 6, 0.49, 0.50, pale),
        bottom=_colour(hue + turn, 0.64, 0.58, pale),
        accent=_colour(hue, 0.36, 0.5, 0),
        order=dunes,
        gaps=(4 + lot[8] % 4, 3 + lot[9] % 4, *(1 + lot[10 + dune] % 3 for dune in dunes)),
        sun=2 + lot[14] % 7 if stage is None or stage > 1 else None,
        coarse=0 if stage is None else 6 << min(stage, 4),
    )


def mixed(colour: Colour, other: Colour, share: float) -> Colour:
    """A colour with that share (0 to 1) of another one in it."""
    red, green, blue = (round(own + (its - own) * share) for own, its in zip(colour, other, strict=True))
    return red, green, blue


def _colour(hue: float, lightness: float, saturation: float, pale: float) -> Colour:
    """From hue, lightness and saturation (0 to 1), so far towards grey."""
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue % 1, lightness, saturation))
    return mixed((red, green, blue), (FADED, FADED, FADED), pale)
