"""Jobs per second: how many ended, and how many of these were worth anything."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from imageproof.loadtests.books import End, Job

EDGE = 0.05  # the first and the last twentieth of the ends is a run getting going and running dry
ENDED = (End.DONE, End.FAILED, End.REFUSED, End.LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Per second, without the warm-up: `offered` arrived, `throughput` ended, `goodput` ended well and in time.

    Throughput is counted between the 5th and the 95th hundredth of the ends, so that neither the first wait nor the
    last job falsifies it. `good` of `ended` jobs had their images, all their own, end to end within `limit_s`.
    """

    offered: float
    throughput: float
    goodput: float
    ended: int
    good: int
    limit_s: float | None


def rates_of(jobs: Iterable[Job], *, limit_s: float | None = None) -> Rates:
    """Count. `limit_s` is the longest time end to end, from the intended start, that is still in time."""
    measured = [job for job in jobs if not job.warm_up and job.calls]
    ended = [job for job in measured if job.end in ENDED]
    good = sum(is_good(job, limit_s) for job in ended)
    throughput = per_second(sorted(job.calls[-1].ended_s for job in ended), _span(measured))
    arrivals = sorted(job.intended_s for job in measured)
    return Rates(
        offered=per_second(arrivals, _span(measured)),
        throughput=throughput,
        goodput=throughput * good / len(ended) if ended else 0.0,
        ended=len(ended),
        good=good,
        limit_s=limit_s,
    )


def is_good(job: Job, limit_s: float | None) -> bool:
    """Whether a job had its own images, in time."""
    if job.end is not End.DONE or job.swapped:
        return False
    return limit_s is None or job.calls[-1].ended_s - job.intended_s <= limit_s


def per_second(times: Sequence[float], span_s: float) -> float:
    """How many per second there are of sorted times; `span_s` is taken where they are too few or all at once."""
    cut = int(len(times) * EDGE)
    inner = times[cut : len(times) - cut]
    if len(inner) > 1 and inner[-1] > inner[0]:
        return (len(inner) - 1) / (inner[-1] - inner[0])
    return len(times) / span_s if span_s > 0 else 0.0


def _span(jobs: Sequence[Job]) -> float:
    """From the first arrival to the last end."""
    return max(job.calls[-1].ended_s for job in jobs) - min(job.intended_s for job in jobs) if jobs else 0.0
