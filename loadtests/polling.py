"""What polling costs and what it gains: polls per task, the share of them in vain, and interval against lag."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from statistics import fmean, median

from imageproof.loadtests.books import End, Job, Kind
from imageproof.loadtests.histograms import Histogram

EDGES_S = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0)
TRIED_S = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polls:
    """All polls of the measured jobs. `wasted` were answered well, but with no end; `failed` were answered badly."""

    tasks: int
    polls: int
    wasted: int
    failed: int

    @property
    def per_task(self) -> float:
        """How often a task was asked for on average."""
        return self.polls / self.tasks if self.tasks else 0.0

    @property
    def wasted_share(self) -> float:
        """How many of all polls told nothing new, from 0 to 1."""
        return self.wasted / self.polls if self.polls else 0.0


def polls_of(jobs: Iterable[Job]) -> Polls:
    """Count the polls. The last good poll of a job that ended is the one that was not in vain."""
    tasks = total = wasted = failed = 0
    for job in jobs:
        calls = [call for call in job.calls if call.kind is Kind.POLL]
        if job.warm_up or not calls:
            continue
        good = sum(call.fault is None for call in calls)
        tasks += 1
        total += len(calls)
        failed += len(calls) - good
        wasted += good - (good > 0 and job.end in (End.DONE, End.FAILED))
    return Polls(tasks=tasks, polls=total, wasted=wasted, failed=failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Jobs that were polled at about this interval, or would have been. Per job: requests in all, micro-dollars."""

    interval_s: float
    jobs: int
    lag_mean_s: float
    lag_p99_s: float
    polls: float
    requests: float
    micro_usd: float
    is_measured: bool = True


def table(jobs: Iterable[Job]) -> list[Row]:
    """Lag, requests and cost by the interval at which the jobs really polled, in bands; `interval_s` is a median."""
    bands: dict[int, list[tuple[float, Job]]] = {}
    for job in _polled(jobs):
        at = [call.began_s for call in job.calls if call.kind is Kind.POLL]
        steps = [after - before for before, after in pairwise(at)]
        if steps:
            interval = median(steps)
            bands.setdefault(bisect_left(EDGES_S, interval), []).append((interval, job))
    return [_row(found) for _, found in sorted(bands.items())]


def _row(found: Sequence[tuple[float, Job]]) -> Row:
    lags = [job.done_ago_s or 0.0 for _, job in found]
    return Row(
        interval_s=median(interval for interval, _ in found),
        jobs=len(found),
        lag_mean_s=fmean(lags),
        lag_p99_s=Histogram(values=lags).percentile(99) or 0.0,
        polls=fmean(sum(call.kind is Kind.POLL for call in job.calls) for _, job in found),
        requests=fmean(len(job.calls) for _, job in found),
        micro_usd=fmean(job.micro_usd for _, job in found),
    )


def what_if(jobs: Iterable[Job], intervals_s: Sequence[float] = TRIED_S) -> list[Row]:
    """The same had all jobs been polled at an even interval: it follows from when each was really done."""
    known = [(job, done) for job in _polled(jobs) if (done := _done_after(job)) is not None]
    return [_tried(known, interval) for interval in intervals_s if known]


def _tried(known: Sequence[tuple[Job, float]], interval_s: float) -> Row:
    polls = [max(1, ceil(done / interval_s)) for _, done in known]
    lags = [count * interval_s - done for count, (_, done) in zip(polls, known, strict=True)]
    others = [sum(call.kind is not Kind.POLL for call in job.calls) for job, _ in known]
    return Row(
        interval_s=interval_s,
        jobs=len(known),
        lag_mean_s=fmean(lags),
        lag_p99_s=Histogram(values=lags).percentile(99) or 0.0,
        polls=fmean(polls),
        requests=fmean(polls) + fmean(others),
        micro_usd=fmean(job.micro_usd for job, _ in known),
        is_measured=False,
    )


def _done_after(job: Job) -> float | None:
    """How long after the answer to its submit a task was done; None where that is not known."""
    if job.queue_s is None or job.run_s is None:
        return None
    return max(0.0, job.queue_s + job.run_s)


def _polled(jobs: Iterable[Job]) -> Iterable[Job]:
    """Jobs that were measured, done, and seen to be done by a poll."""
    return (job for job in jobs if not job.warm_up and job.end is End.DONE and job.done_ago_s is not None)
