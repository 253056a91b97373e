"""Histograms of what was measured: exact counts, values to three digits, mergeable across processes, kept as text.

HdrHistogram knows no numbers below zero, but a difference of two clocks can be slightly negative; so a second one holds
their magnitudes, and is made only when there is one. Values beyond the hour are counted at the hour, and in `clipped`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from math import ceil
from typing import NamedTuple, Self

import msgspec
from hdrh.histogram import HdrHistogram  # type: ignore[import-untyped]  # it ships no types

DIGITS = 3
HIGHEST = 3_600_000_000  # an hour in microseconds
RELATIVE_ERROR = 1 / 1024  # the width of a bar, over its value: three digits are 2048 bars per power of two
PERCENTILES = (50.0, 90.0, 99.0, 99.9)


class HistogramError(ValueError):
    """A text that is no histogram. The message is one sentence."""


class Unit(StrEnum):
    """What is counted: seconds, kept to the microsecond, or a plain number such as polls."""

    SECONDS = "s"
    COUNT = ""

    @property
    def steps(self) -> int:
        """How many whole steps of the histogram one unit has."""
        return 1_000_000 if self is Unit.SECONDS else 1


class Bar(NamedTuple):
    """Some values that are the same to three digits: from `low` to `high`, both included, in the histogram's unit."""

    low: float
    high: float
    times: int


class _Text(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A histogram between processes and in files; `least`, `most` and `total` are in steps."""

    unit: Unit
    above: str
    below: str = ""
    least: int = 0
    most: int = 0
    total: int = 0
    clipped: int = 0


class Histogram:
    """Counts of values of one unit. `least`, `most` and the mean are exact; percentiles are to three digits."""

    def __init__(self, unit: Unit = Unit.SECONDS, values: Iterable[float] = ()) -> None:
        self.unit = unit
        self.clipped = 0
        self._above = _empty()
        self._below: HdrHistogram | None = None
        self._least = HIGHEST
        self._most = -HIGHEST
        self._total = 0
        self._bars: list[Bar] | None = None
        for value in values:
            self.record(value)

    def record(self, value: float, *, times: int = 1) -> None:
        """Count a value, in the unit, `times` times."""
        steps = round(value * self.unit.steps)
        if abs(steps) > HIGHEST:
            self.clipped += times
            steps = HIGHEST if steps > 0 else -HIGHEST
        self._least = min(self._least, steps)
        self._most = max(self._most, steps)
        self._total += steps * times
        self._bars = None
        if steps >= 0:
            self._above.record_value(steps, times)
        else:
            if self._below is None:
                self._below = _empty()
            self._below.record_value(-steps, times)

    def merge(self, other: Histogram) -> None:
        """Take in all that another one has counted. Raises HistogramError when it is of another unit."""
        if other.unit is not self.unit:
            raise HistogramError(f"expected a histogram of unit {self.unit.value!r}, got {other.unit.value!r}")
        if not other.count:
            return
        self._above.add(other._above)
        if other._below is not None:
            self._below = self._below or _empty()
            self._below.add(other._below)
        self.clipped += other.clipped
        self._least = min(self._least, other._least)
        self._most = max(self._most, other._most)
        self._total += other._total
        self._bars = None

    @property
    def count(self) -> int:
        """How many values were counted."""
        return int(self._above.get_total_count()) + (int(self._below.get_total_count()) if self._below else 0)

    @property
    def least(self) -> float | None:
        """The smallest value, exactly; None when there is none."""
        return self._least / self.unit.steps if self.count else None

    @property
    def most(self) -> float | None:
        """The largest value, exactly; None when there is none."""
        return self._most / self.unit.steps if self.count else None

    @property
    def mean(self) -> float | None:
        """The mean, exactly; None when there is no value."""
        return self._total / self.unit.steps / self.count if self.count else None

    def percentile(self, percent: float) -> float | None:
        """The smallest value that `percent` of 100 of all values do not exceed, to three digits; None without values.

        It is the upper edge of its bar, as HdrHistogram has it, and never beyond the largest value.
        """
        rank = max(1, ceil(round(percent / 100 * self.count, 9)))
        seen = 0
        for bar in self.bars():
            seen += bar.times
            if seen >= rank:
                return bar.high
        return self.most

    def beyond(self, limit: float) -> int:
        """How many values exceed the limit, to the width of a bar."""
        return sum(bar.times for bar in self.bars() if bar.high > limit)

    def bars(self) -> list[Bar]:
        """All bars that hold something, from the smallest value to the largest."""
        if self._bars is None:
            self._bars = list(self._drawn())
        return self._bars

    def _drawn(self) -> Iterator[Bar]:
        """The bars, cut at the smallest and the largest value."""
        per = self.unit.steps
        signed = [(-high, -low, count) for low, high, count in reversed(list(_recorded(self._below)))]
        signed.extend(_recorded(self._above))
        for low, high, count in signed:
            yield Bar(max(low, self._least) / per, min(high, self._most) / per, count)

    def text(self) -> str:
        """All of it as one line of text, for another process or a file."""
        any_values = self.count > 0
        kept = _Text(
            unit=self.unit,
            above=self._above.encode().decode(),
            below=self._below.encode().decode() if self._below else "",
            least=self._least if any_values else 0,
            most=self._most if any_values else 0,
            total=self._total,
            clipped=self.clipped,
        )
        return msgspec.json.encode(kept).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The histogram that a text holds. Raises HistogramError."""
        try:
            kept = msgspec.json.decode(text, type=_Text)
            above = HdrHistogram.decode(kept.above)
            below = HdrHistogram.decode(kept.below) if kept.below else None
        except Exception as error:  # hdrh raises what zlib, base64 and struct do, and classes of its own
            raise HistogramError(f"expected the text of a histogram, got {text[:40]!r}") from error
        made = cls(kept.unit)
        made._above.add(above)
        if below is not None:
            made._below = below
        made.clipped, made._total = kept.clipped, kept.total
        if made.count:
            made._least, made._most = kept.least, kept.most
        return made


def merged(histograms: Iterable[Histogram], unit: Unit = Unit.SECONDS) -> Histogram:
    """One histogram of what several have counted. Raises HistogramError when one is of another unit."""
    whole = Histogram(unit)
    for histogram in histograms:
        whole.merge(histogram)
    return whole


def _empty() -> HdrHistogram:
    return HdrHistogram(1, HIGHEST, DIGITS)


def _recorded(counts: HdrHistogram | None) -> Iterator[tuple[int, int, int]]:
    """Each bar of one HdrHistogram as its lowest value, its highest value and its count."""
    if counts is None:
        return
    for index, times in enumerate(counts.counts[: counts.counts_len]):  # its own iterators are a hundred times as slow
        if times:
            lowest = int(counts.get_value_from_index(index))
            yield lowest, int(counts.get_highest_equivalent_value(lowest)), int(times)
