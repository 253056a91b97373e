"""The axes of the charts of a load run: linear, logarithmic, and of percentiles. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.reports.html_axis import Tick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

STEPS = (1, 2, 5, 10)
CLOCK_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)
WIDE = 30  # times: from here on values are drawn on a logarithmic axis
FARTHEST = 10_000  # times: smaller values stand in the first bar
LEAST = 1e-6  # what a logarithmic axis can't show below
PERCENTS = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999)
ALL = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Values from `low` to `high`, drawn from `begin` to `end` units."""

    low: float
    high: float
    begin: float
    end: float
    is_log: bool = False

    def at(self, value: float) -> float:
        """Where a value stands, never outside of the drawing."""
        low, high = self._scaled(self.low), self._scaled(self.high)
        part = (self._scaled(value) - low) / (high - low) if high > low else 0.0
        return round(self.begin + min(1.0, max(0.0, part)) * (self.end - self.begin), 1)

    def _scaled(self, value: float) -> float:
        return math.log10(max(LEAST, value)) if self.is_log else value

    def ticks(self, text: Callable[[float], str], most: int = 6) -> tuple[Tick, ...]:
        """Ticks at round numbers."""
        values = self._decades(most) if self.is_log else self._steps(most)
        return tuple(Tick(x=self.at(value), label=text(value)) for value in values)

    def _steps(self, most: int) -> list[float]:
        step = _round_step((self.high - self.low) / most)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [number * step for number in range(first, last + 1)]

    def _decades(self, most: int) -> list[float]:
        """Powers of ten, with 2 and 5 between where there is room for them."""
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = max(1, math.ceil((last - first) / most))
        inside: list[float] = []
        for steps in ((1, 2, 5), (1, 3), (1,)):
            values = [step * 10.0**power for power in range(first, last + 1, every) for step in steps]
            inside = [value for value in values if self.low * 0.999 <= value <= self.high * 1.001]
            if len(inside) <= most + 1:
                return inside
        return inside[:: max(1, len(inside) // most)]


def log_note(axis: Axis) -> str:
    """What is to be said of an axis that is not even; nothing of others."""
    return " The scale is logarithmic." if axis.is_log else ""


def values_axis(values: Iterable[float], begin: float, end: float, *, may_be_log: bool = True) -> Axis:
    """An axis for measured values: from zero, or logarithmic where they are far apart."""
    known = [value for value in values if math.isfinite(value)]
    most = max(known, default=0.0)
    positive = [value for value in known if value > LEAST]
    if may_be_log and positive and most / min(positive) > WIDE:
        return Axis(low=min(positive) * 0.8, high=most * 1.25, begin=begin, end=end, is_log=True)
    least = min(0.0, *known) if known else 0.0
    return Axis(low=least * 1.06, high=most * 1.06 if most > 0 else least + 1.0, begin=begin, end=end)


def close_axis(values: Iterable[float], begin: float, end: float) -> Axis:
    """An axis from the least value above zero to the largest, logarithmic where these are far apart."""
    known = [value for value in values if math.isfinite(value)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    if low >= 0 and high > 0:
        low = max(high / FARTHEST, min((value for value in known if value > 0), default=high))
    if low == high:
        low, high = low - (abs(low) * 0.5 or 0.5), high + (abs(high) * 0.5 or 0.5)
    if low > LEAST and high / low > STEPS[2]:
        return Axis(low=low, high=high, begin=begin, end=end, is_log=True)
    return Axis(low=low, high=high, begin=begin, end=end)


def clock_ticks(axis: Axis, text: Callable[[float], str], most: int = 9) -> tuple[Tick, ...]:
    """Ticks of a time axis at times that people use."""
    span = axis.high - axis.low
    step = next((item for item in CLOCK_STEPS_S if span / item <= most), _round_step(span / most))
    return tuple(
        Tick(x=axis.at(number * step), label=text(round(number * step, 6)))
        for number in range(math.ceil(axis.low / step), math.floor(axis.high / step + 1e-9) + 1)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentiles:
    """Percentiles as HdrHistogram draws them: each nine more takes the same room. `samples` are the most of a curve."""

    samples: int
    begin: float
    end: float

    @property
    def nines(self) -> float:
        """How many nines the axis has: as many as the samples can tell of, but at least one."""
        return max(1.0, math.log10(max(10, self.samples)))

    def at(self, percent: float) -> float:
        """Where a percentile stands; all that lies beyond the samples, and 100, at the end."""
        beyond = max(1 - percent / ALL, 10**-self.nines)
        return round(self.begin + -math.log10(beyond) / self.nines * (self.end - self.begin), 1)

    def ticks(self) -> tuple[Tick, ...]:
        """The nines, and the largest value at the end."""
        room = self.end - (self.end - self.begin) * 0.06
        inside = [percent for percent in PERCENTS if self.at(percent) < room]
        names = [Tick(x=self.at(percent), label=f"{percent:g} %") for percent in inside]
        return (*names, Tick(x=self.end, label="max"))


def _round_step(least: float) -> float:
    if least <= 0 or not math.isfinite(least):
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * step for step in STEPS if power * step >= least * (1 - 1e-9))
