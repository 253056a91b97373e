"""A run over time: what was offered, what ended, what went wrong, and how long it took, in even slices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from imageproof.loadtests.books import Call, End, Fault, Job
from imageproof.loadtests.histograms import Histogram
from imageproof.loadtests.phases import is_latency

WIDTHS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)
MOST_SLICES = 120


@dataclass(slots=True)
class Slice:
    """One slice of time, from `at_s` for `width_s`; counts, not rates.

    Times are those of jobs that arrived in it (so a frozen second shows where it was), ends and faults those that
    happened in it. `first` holds the first call of each job from its intended start, `e2e` the whole job.
    """

    at_s: float
    width_s: float
    offered: int = 0
    done: int = 0
    ended: int = 0
    requests: int = 0
    warm_up: bool = False
    faults: Counter[Fault] = field(default_factory=Counter)
    first: Histogram = field(default_factory=Histogram)
    e2e: Histogram = field(default_factory=Histogram)


def slices(jobs: Sequence[Job], *, most: int = MOST_SLICES) -> list[Slice]:
    """The whole run, warm-up too (marked), in slices of an even width."""
    heard = [job for job in jobs if job.calls]
    if not heard:
        return []
    end = max(job.calls[-1].ended_s for job in heard)
    width = next((item for item in WIDTHS_S if end / item <= most), end / most)
    out = [Slice(at * width, width) for at in range(int(end / width) + 1)]
    for job in heard:
        _count(out, width, job)
    return out


def _count(out: list[Slice], width: float, job: Job) -> None:
    arrived = out[_at(job.intended_s, width)]
    arrived.offered += 1
    arrived.warm_up = arrived.warm_up or job.warm_up
    if is_latency(job.calls[0]):
        arrived.first.record(job.calls[0].ended_s - job.intended_s)
    last = out[_at(job.calls[-1].ended_s, width)]
    last.ended += job.end is not End.OPEN
    if job.end is End.DONE:
        last.done += 1
        arrived.e2e.record(job.calls[-1].ended_s - job.intended_s)
    _count_calls(out, width, job.calls)


def _count_calls(out: list[Slice], width: float, calls: Iterable[Call]) -> None:
    for call in calls:
        then = out[_at(call.ended_s, width)]
        then.requests += 1
        if call.fault is not None:
            then.faults[call.fault] += 1


def _at(seconds: float, width: float) -> int:
    return max(0, int(seconds / width))
