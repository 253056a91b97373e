"""Intervals that say how far a number can be trusted: exact ones for shares, and those of a percentile.

No statistics library is needed for these few: all follow from the incomplete beta function.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from math import ceil, exp, lgamma, log, log1p
from random import Random
from typing import NamedTuple

from imageproof.loadtests.histograms import RELATIVE_ERROR, Histogram

CONFIDENCE = 0.95
DRAWS = 2000
TINY = 1e-300
LEAST_FREEDOM = 0.5  # of one sample, which tells next to nothing
STEPS = 100_000  # of a continued fraction: it needs about the root of its larger parameter
HALVINGS = 80


class Interval(NamedTuple):
    """From `low` to `high`, which hold the truth with this confidence."""

    low: float
    high: float
    confidence: float = CONFIDENCE

    def holds(self, value: float) -> bool:
        """Whether a value is inside."""
        return self.low <= value <= self.high

    @property
    def half_width(self) -> float:
        """The error in the usual sense: so much more or less than the middle."""
        return (self.high - self.low) / 2


def beta_cdf(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, for positive a and b."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1 / _kept(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, STEPS):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _kept(1 + part * d)
            c = _kept(1 + part / c)
            value *= c * d
        if abs(c * d - 1) < 1e-13:  # noqa: PLR2004  (as near as floats come)
            break
    return value


def _kept(value: float) -> float:
    """The value, kept from zero."""
    return value if abs(value) > TINY else TINY


def inverse(rising: Callable[[float], float], wanted: float, low: float, high: float) -> float:
    """Where a function that rises from `low` to `high` takes a value."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return (low + high) / 2


def share_interval(hits: int, of: int, confidence: float = CONFIDENCE) -> Interval:
    """The exact (Clopper-Pearson) interval of a share, of which `hits` of `of` samples were seen."""
    if of <= 0:
        return Interval(0.0, 1.0, confidence)
    tail = (1 - confidence) / 2
    low = 0.0 if hits == 0 else inverse(lambda x: beta_cdf(x, hits, of - hits + 1), tail, 0.0, 1.0)
    high = 1.0 if hits == of else inverse(lambda x: beta_cdf(x, hits + 1, of - hits), 1 - tail, 0.0, 1.0)
    return Interval(low, high, confidence)


def student_quantile(share: float, freedom: float) -> float:
    """The quantile of Student's t distribution."""
    if share < 0.5:  # noqa: PLR2004  (its middle: it is symmetric)
        return -student_quantile(1 - share, freedom)
    if share == 0.5:  # noqa: PLR2004  (as above)
        return 0.0
    x = inverse(lambda at: beta_cdf(at, freedom / 2, 0.5), 2 * (1 - share), 0.0, 1.0)
    return float((freedom * (1 - x) / max(x, TINY)) ** 0.5)


def quantile_of(values: list[float], percent: float) -> float:
    """The smallest of the values, which are sorted, that `percent` of 100 do not exceed."""
    return values[max(1, ceil(round(percent / 100 * len(values), 9))) - 1]


def quantile_difference(
    before: Histogram, after: Histogram, percent: float, *, seed: int = 1, confidence: float = CONFIDENCE
) -> Interval:
    """How much higher a percentile is after than before: an interval for two histograms, neither of them empty.

    How many samples lie below the true percentile is binomial, whatever the values': a draw is the value with such a
    share below it, its mean being the percentile itself, however few samples there are. It takes the samples as
    independent. The width of a bar is added.
    """
    random = Random(f"{seed}/quantile")
    first, second = _drawer(before, percent), _drawer(after, percent)
    drawn = sorted(second(random) - first(random) for _ in range(DRAWS))
    bar = RELATIVE_ERROR * (abs(before.percentile(percent) or 0.0) + abs(after.percentile(percent) or 0.0))
    tail = (1 - confidence) / 2 * 100
    return Interval(quantile_of(drawn, tail) - bar, quantile_of(drawn, 100 - tail) + bar, confidence)


def _drawer(histogram: Histogram, percent: float) -> Callable[[Random], float]:
    """What draws a percentile of a sample like the one in the histogram."""
    bars = histogram.bars()
    sums = list(accumulate(bar.times for bar in bars))
    total = sums[-1]
    share_below, freedom = percent / 100, max(total - 1, LEAST_FREEDOM)
    below, above = max(share_below * freedom, TINY), max((1 - share_below) * freedom, TINY)

    def draw(random: Random) -> float:
        share = random.betavariate(below, above)  # mean and variance of a binomial share
        return bars[min(bisect_left(sums, share * total), len(bars) - 1)].high

    return draw
