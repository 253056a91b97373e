"""Compare two runs by what they kept: which differences are real, and which are noise.

A run keeps a histogram of each twentieth of its time. Drawing these again tells how much a percentile would change if
the same run were made once more, on the same machine at the same time of day. Two runs differ by more than that: what
is less than the lag of the generator's own loop is noise, whatever the statistics say. For a small difference, measure
both targets in turn (`paired`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from imageproof.loadtests.bootstrap import Difference, independent
from imageproof.loadtests.goals import time_text
from imageproof.loadtests.histograms import Histogram, HistogramError
from imageproof.records.lines import Sample

BLOCK = "block"
LAG = "generator.lag_s"
BLOCKS = 20
PHASES = ("submit", "e2e", "lag", "generate", "edit", "stream", "first_event", "overhead")
STATISTICS: tuple[tuple[str, float | None], ...] = (("p50", 50.0), ("p90", 90.0), ("p99", 99.0), ("mean", None))
CONFIDENCE = 0.99  # each of some twenty comparisons may be wrong
TOO_FEW_BEYOND = 10  # samples beyond a percentile, so that it means something


@dataclass(frozen=True, slots=True)
class Stored:
    """The histograms of a run by phase, a block of time each; `lag_s` is how late the generator's own loop was."""

    blocks: dict[str, list[Histogram]] = field(default_factory=dict)
    lag_s: float = 0.0


def stored_in(samples: Iterable[Sample]) -> Stored:
    """What the samples of a run keep. Raises HistogramError for a block that can't be read."""
    out: dict[str, list[Histogram]] = {}
    lag_s = 0.0
    for sample in samples:
        if sample.name == LAG:
            lag_s = sample.value
        if sample.name == BLOCK:
            phase, text = sample.labels.get("phase"), sample.labels.get("histogram")
            if phase is None or text is None:
                raise HistogramError("expected a block of a load run with its phase and histogram, got one without")
            out.setdefault(phase, []).append(Histogram.from_text(text))
    return Stored(out, lag_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One number of two runs. `is_slower` and `is_faster` are both untrue for noise.

    `lag_s` is how late the generator itself was in the worse of both: a smaller difference tells nothing.
    """

    name: str
    difference: Difference
    samples: tuple[int, int]
    lag_s: float = 0.0

    @property
    def is_noise(self) -> bool:
        """Whether chance, or the generator, explains it."""
        return self.difference.is_noise or abs(self.difference.change) <= self.lag_s

    @property
    def is_slower(self) -> bool:
        """Whether it grew by more than chance explains."""
        return not self.is_noise and self.difference.change > 0

    @property
    def is_faster(self) -> bool:
        """Whether it shrank by more than chance explains."""
        return not self.is_noise and self.difference.change < 0

    @property
    def says(self) -> str:
        """One sentence."""
        before, after = time_text(self.difference.before), time_text(self.difference.after)
        counts = f"{self.samples[0]:,} and {self.samples[1]:,} samples"
        interval = self.difference.interval
        if interval is None:
            return f"{self.name}: {before} before, {after} after; the runs are too short to tell ({counts})"
        sure = f"{time_text(interval.low)} to {time_text(interval.high)} at {100 * interval.confidence:.3g}%, {counts}"
        word = "slower" if self.is_slower else "faster" if self.is_faster else "no more than noise"
        if self.is_noise and not self.difference.is_noise:
            word = f"no more than the generator itself was late by ({time_text(self.lag_s)})"
        return f"{self.name}: {before} before, {after} after, {word} ({sure})"


def compared(before: Stored, after: Stored, *, seed: int = 1) -> list[Change]:
    """All numbers that both runs have samples enough for."""
    out = []
    lag_s = max(before.lag_s, after.lag_s)
    for phase in PHASES:
        old, new = before.blocks.get(phase, []), after.blocks.get(phase, [])
        counts = _count(old), _count(new)
        for name, percent in STATISTICS:
            if min(counts) * (1 - (percent or 50.0) / 100) < TOO_FEW_BEYOND:
                continue
            found = independent(_filled(old), _filled(new), percent, seed=seed, confidence=CONFIDENCE)
            if found is not None:
                out.append(Change(name=f"{phase}.{name}", difference=found, samples=counts, lag_s=lag_s))
    return out


def _count(blocks: Iterable[Histogram]) -> int:
    return sum(block.count for block in blocks)


def _filled(blocks: Sequence[Histogram]) -> list[Histogram]:
    """Those that hold something: a pause in the load is no measurement."""
    return [block for block in blocks if block.count]
