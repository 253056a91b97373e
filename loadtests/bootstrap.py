"""How sure a difference is: two targets in interleaved blocks, or two runs cut into blocks of time.

Requests that follow one another are alike: a slow second makes a hundred of them slow. So whole blocks are drawn again,
not single values. Of interleaved blocks, both targets' are drawn together, as what was bad for one was bad for both.
Few blocks make such intervals too narrow; the tails are widened for that (the expanded percentile interval).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import ceil, sqrt
from operator import mul
from random import Random
from statistics import NormalDist
from typing import NamedTuple

from imageproof.loadtests.books import Job
from imageproof.loadtests.goals import time_text
from imageproof.loadtests.histograms import RELATIVE_ERROR, Histogram
from imageproof.loadtests.intervals import CONFIDENCE, Interval, quantile_of, student_quantile
from imageproof.loadtests.overhead import ALL as OVERHEAD
from imageproof.loadtests.overhead import overhead_of
from imageproof.loadtests.phases import measured

FEWEST_BLOCKS = 5
DRAWS = 2000
Blocks = Sequence[Histogram]


class Sure(NamedTuple):
    """How sure an interval is to be, and how often the blocks are drawn for it."""

    confidence: float = CONFIDENCE
    draws: int = DRAWS


class Pool:
    """The values of all blocks, ready to be drawn again by the block. `percent` None stands for the mean."""

    __slots__ = ("_blocks", "_percent", "_sizes", "_sums", "_times", "_values")

    def __init__(self, blocks: Blocks, percent: float | None) -> None:
        self._percent = percent
        self._sizes = [block.count for block in blocks]
        self._sums = [(block.mean or 0.0) * block.count for block in blocks]
        rows = sorted((bar.high, at, bar.times) for at, block in enumerate(blocks) for bar in block.bars())
        self._values = [value for value, _, _ in rows]
        self._blocks = [at for _, at, _ in rows]
        self._times = [times for _, _, times in rows]

    def statistic(self, weights: Sequence[int]) -> float | None:
        """The percentile or mean when block `i` is there `weights[i]` times; None when nothing is there."""
        total: int = sum(map(mul, self._sizes, weights))
        if not total:
            return None
        if self._percent is None:
            return float(sum(map(mul, self._sums, weights))) / total
        below = list(accumulate(map(mul, self._times, map(weights.__getitem__, self._blocks))))
        rank = max(1, ceil(round(self._percent / 100 * total, 9)))
        return self._values[bisect_left(below, rank)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How much larger one percentile or mean is after than before. `interval` is None for too few blocks."""

    before: float
    after: float
    interval: Interval | None
    blocks: int

    @property
    def is_noise(self) -> bool:
        """Whether it can't be told from none."""
        return self.interval is None or self.interval.holds(0.0)

    @property
    def change(self) -> float:
        """The best guess."""
        return self.after - self.before

    def says(self, what: str, *, before: str = "A", after: str = "B") -> str:
        """One sentence; `what` is the number, such as `submit.p99`, which is a time."""
        values = f"{what} is {time_text(self.before)} of {before} and {time_text(self.after)} of {after}"
        if self.interval is None:
            return f"{values}: {self.blocks} blocks are too few to tell, at least {FEWEST_BLOCKS} are needed"
        low, high = time_text(self.interval.low), time_text(self.interval.high)
        sure = f"difference {low} to {high} at {100 * self.interval.confidence:.3g}%, {self.blocks} blocks"
        if self.is_noise:
            return f"{values}: not distinguishable ({sure})"
        return f"{values}: {after} is {'slower' if self.change > 0 else 'faster'} ({sure})"


def paired(
    blocks: Sequence[tuple[Histogram, Histogram]],
    percent: float | None,
    *,
    seed: int = 1,
    confidence: float = CONFIDENCE,
    draws: int = DRAWS,
) -> Difference | None:
    """Compare two targets, A and B, that were measured in turn; None when either has no values at all."""

    def draw(random: Random) -> tuple[list[int], list[int]]:
        weights = _weights(random, len(blocks))
        return weights, weights

    return _compared([a for a, _ in blocks], [b for _, b in blocks], percent, draw, seed, Sure(confidence, draws))


def independent(
    before: Blocks, after: Blocks, percent: float | None, *, seed: int = 1, confidence: float = CONFIDENCE
) -> Difference | None:
    """Compare two runs, each of its own blocks; None when either has no values at all."""

    def draw(random: Random) -> tuple[list[int], list[int]]:
        return _weights(random, len(before)), _weights(random, len(after))

    return _compared(before, after, percent, draw, seed, Sure(confidence))


def _compared(
    before: Blocks,
    after: Blocks,
    percent: float | None,
    draw: Callable[[Random], tuple[list[int], list[int]]],
    seed: int,
    sure: Sure,
) -> Difference | None:
    first, second = Pool(before, percent), Pool(after, percent)
    one, other = first.statistic([1] * len(before)), second.statistic([1] * len(after))
    if one is None or other is None:
        return None
    count = min(len(before), len(after))
    if count < FEWEST_BLOCKS:
        return Difference(before=one, after=other, interval=None, blocks=count)
    random = Random(f"{seed}/bootstrap")
    drawn = []
    for _ in range(sure.draws):
        left, right = draw(random)
        low, high = first.statistic(left), second.statistic(right)
        if low is not None and high is not None:
            drawn.append(high - low)
    drawn.sort()
    tail = expanded_tail(count, sure.confidence) * 100
    bar = 0.0 if percent is None else RELATIVE_ERROR * max(abs(one), abs(other))
    interval = Interval(quantile_of(drawn, tail) - bar, quantile_of(drawn, 100 - tail) + bar, sure.confidence)
    return Difference(before=one, after=other, interval=interval, blocks=count)


def expanded_tail(blocks: int, confidence: float) -> float:
    """The share that is cut off at each end, for so many blocks."""
    wide = sqrt(blocks / (blocks - 1)) * student_quantile((1 + confidence) / 2, blocks - 1)
    return NormalDist().cdf(-wide)


def _weights(random: Random, count: int) -> list[int]:
    """How often each block is there when as many are drawn with replacement."""
    weights = [0] * count
    for at in random.choices(range(count), k=count):
        weights[at] += 1
    return weights


def block_of(jobs: Iterable[Job], phase: str) -> Histogram:
    """The histogram of one phase, or of the overhead (`overhead.submit` for one kind), of the jobs of one block."""
    out = Histogram()
    whose, _, kind = phase.partition(".")
    for job in jobs:
        if job.warm_up:
            continue
        if whose == OVERHEAD:
            for call in job.calls:
                seconds = overhead_of(call)
                if seconds is not None and kind in ("", call.kind):
                    out.record(seconds)
        else:
            for value in measured(job):
                if value.phase == phase:
                    out.record(value.corrected)
    return out


def blocks_of_time(jobs: Sequence[Job], phase: str, count: int) -> list[Histogram]:
    """One histogram for each of so many equal parts of the time in which the jobs of a run arrived, without warm-up."""
    kept = [job for job in jobs if not job.warm_up]
    if not kept:
        return []
    begin = min(job.intended_s for job in kept)
    length = (max(job.intended_s for job in kept) - begin) / count
    parts: list[list[Job]] = [[] for _ in range(count)]
    for job in kept:
        parts[min(count - 1, int((job.intended_s - begin) / length)) if length else 0].append(job)
    return [block_of(part, phase) for part in parts]
