"""A time axis of a drawing: seconds to units of the drawing, and ticks at round numbers. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

LEFT = 78.0  # units; the names of the lanes stand left of it
RIGHT = 980.0
MOST_TICKS = 8
STEPS = (1, 2, 5, 10)
SHORTEST_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on the axis."""

    x: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Zero to `end` seconds, drawn from LEFT to RIGHT."""

    end: float

    def x(self, at_s: float) -> float:
        """Where a time stands, never outside of the drawing."""
        part = min(1.0, max(0.0, at_s / self.end))
        return round(LEFT + part * (RIGHT - LEFT), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """Ticks at multiples of 1, 2 or 5 of a power of ten."""
        step = _step(self.end / MOST_TICKS)
        numbers = range(math.floor(self.end / step) + 1)
        return tuple(Tick(x=self.x(number * step), label=f"{number * step:.10g} s") for number in numbers)


def scale_to(end_s: float) -> Scale:
    """The scale for a stretch of time, with a little air behind its end."""
    return Scale(end=max(SHORTEST_S, end_s * 1.02))


def _step(least: float) -> float:
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * step for step in STEPS if power * step >= least)
