"""Two targets in turn: which of them a job goes to follows from when it is due, in blocks AB BA AB BA ...

What the machine or the network does in the meantime, it does to both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imageproof.loadtests.books import Job
from imageproof.loadtests.bootstrap import Difference, block_of, paired
from imageproof.loadtests.histograms import Histogram

PAIRS = 10
PHASES = ("submit", "poll", "generate", "edit", "stream", "first_event", "download", "overhead", "e2e")
PERCENTS = (50.0, 99.0)
CONFIDENCE = 1 - 0.05 / (len(PHASES) * len(PERCENTS))  # so that all of them together are right to 95 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """How the time of a run is shared: `pairs` blocks for each target, after a warm-up that both get in turns."""

    duration_s: float
    warm_up_s: float = 0.0
    pairs: int = PAIRS

    def block_at(self, at_s: float) -> int:
        """The number of the block in which a time lies; negative in the warm-up."""
        length = self.duration_s / (2 * self.pairs)
        return min(int((at_s - self.warm_up_s) // length), 2 * self.pairs - 1)

    def side_at(self, at_s: float) -> int:
        """0 for the first target, 1 for the second one."""
        pair, second = divmod(self.block_at(at_s), 2)
        return second ^ (pair % 2)


def pairs_of(jobs: Iterable[Job], turns: Turns, phase: str) -> list[tuple[Histogram, Histogram]]:
    """The histograms of a phase by pair of blocks, the first target's and the second's."""
    parts: list[tuple[list[Job], list[Job]]] = [([], []) for _ in range(turns.pairs)]
    for job in jobs:
        if not job.warm_up:
            parts[max(0, turns.block_at(job.intended_s)) // 2][turns.side_at(job.intended_s)].append(job)
    return [(block_of(first, phase), block_of(second, phase)) for first, second in parts]


def differences(jobs: Iterable[Job], turns: Turns, *, seed: int = 1) -> Iterator[tuple[str, Difference]]:
    """How the two targets differ in each phase that has values of both."""
    kept = list(jobs)
    for phase in PHASES:
        blocks = pairs_of(kept, turns, phase)
        for percent in PERCENTS:
            found = paired(blocks, percent, seed=seed, confidence=CONFIDENCE)
            if found is not None:
                yield f"{phase}.p{percent:g}", found
