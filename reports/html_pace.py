"""Which polls came sooner than the provider advises. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imageproof.records.lines import CadenceBand

SLACK = 0.05  # of the advised wait: a timer that fires a little early is no impatience


def early(at_s: Sequence[float], bands: Sequence[CadenceBand], *, slack_s: float = 0.0) -> tuple[bool, ...]:
    """For each poll, in order and in seconds since the submit, whether it came too early by more than `slack_s`."""
    waits = zip((None, *at_s), at_s, strict=False)
    return tuple(_is_early(before_s, now_s + slack_s, bands) for before_s, now_s in waits)


def _is_early(before_s: float | None, now_s: float, bands: Sequence[CadenceBand]) -> bool:
    """A wait is judged by the band in which it began; the first poll, by the start of the first band."""
    if not bands:
        return False
    if now_s < bands[0].from_s * (1 - SLACK):
        return True
    if before_s is None:
        return False
    return now_s - before_s < band_at(before_s, bands).least_s * (1 - SLACK)


def band_at(at_s: float, bands: Sequence[CadenceBand]) -> CadenceBand:
    """The band that holds at a time; before the first it is the first, behind the last the last."""
    return next((band for band in bands if band.until_s is None or at_s < band.until_s), bands[-1])
