"""Whether the numbers are the target's: what limited a run is told by how the generator itself was doing.

A generator that is late, or has no processor time left, measures itself. So does one on a machine that others keep
busy, or in front of a mock that is later than it planned. What that spoils depends on how small the times are that
matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from imageproof.loadtests.books import End, Job, Kind
from imageproof.loadtests.goals import Goal, Sort, time_text
from imageproof.loadtests.histograms import Histogram
from imageproof.loadtests.lines import Beat
from imageproof.loadtests.rates import per_second

HELD_KINDS = (Kind.GENERATE, Kind.EDIT, Kind.STREAM)
FEWEST_FOR_RATE = 50  # jobs, before a rate of starts means anything
IDLE = 0.7  # of a core: a generator that is late with so much to spare was kept waiting by others


class Bound(StrEnum):
    """What limited a run, other than the target."""

    NONE = "nothing"
    GENERATOR = "generator"
    UPSTREAM = "upstream"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """From where on a run is not the target's any more.

    `late_s` is for the starts of jobs and the loop, at the 99th and the 90th hundredth; `cpu` of a core; `delivered` of
    the rate of arrivals.
    """

    late_s: float = 0.05
    cpu: float = 0.9
    delivered: float = 0.98


def limits_for(goals: Iterable[Goal]) -> Limits:
    """The limits that suit goals: being late by a quarter of the smallest time that matters spoils it."""
    times = [goal.limit for goal in goals if goal.sort is Sort.TIME and goal.sign in ("<", "<=")]
    return Limits(late_s=min(max(min(times) / 4, 0.005), 0.5)) if times else Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the generator and the upstream did. `says` is one plain sentence, `warm_up` another.

    `lag_s` is the worst lag of the loop in nine of ten seconds, `late_s` the start of 99 of 100 jobs, `cpu` the largest
    mean share of a core of a process, `delivered` the rate of starts over that of arrivals, `upstream_late_s` by how
    much held calls were held longer than planned, at the 99th hundredth.
    """

    bound: Bound
    says: str
    warm_up: str
    lag_s: float
    late_s: float
    cpu: float
    delivered: float
    upstream_late_s: float | None
    beats: int


def self_check(
    beats: Sequence[Beat], jobs: Sequence[Job], *, limits: Limits | None = None, upstream_cpu: float | None = None
) -> Health:
    """Judge a run by the beats of its processes and the times of its jobs."""
    limits = limits or Limits()
    measured = [job for job in jobs if not job.warm_up and job.calls]
    begin = min((job.intended_s for job in measured), default=0.0)
    heard = [beat for beat in beats if beat.at_s >= begin] or list(beats)
    lag = Histogram(values=(max(0.0, beat.lag_s) for beat in heard)).percentile(90) or 0.0
    late = Histogram(values=(job.calls[0].began_s - job.intended_s for job in measured)).percentile(99) or 0.0
    cpu = max((_mean_cpu(heard, worker) for worker in {beat.worker for beat in heard}), default=0.0)
    delivered = _delivered(measured)
    upstream_late = _upstream_late(measured)
    bound, says = _judged(_Seen(lag, late, cpu, delivered, upstream_late, upstream_cpu), limits)
    if bound is Bound.NONE and not heard:
        says = "the generator told nothing of itself; its jobs began in time"
    return Health(
        bound=bound,
        says=says,
        warm_up=warm_up_text(jobs),
        lag_s=lag,
        late_s=late,
        cpu=cpu,
        delivered=delivered,
        upstream_late_s=upstream_late,
        beats=len(heard),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    lag_s: float
    late_s: float
    cpu: float
    delivered: float
    upstream_late_s: float | None
    upstream_cpu: float | None


def _judged(seen: _Seen, limits: Limits) -> tuple[Bound, str]:
    """What limited the run, and a sentence."""
    if seen.cpu >= limits.cpu:
        return Bound.GENERATOR, (
            f"the generator was the limit, not the target: a process of it took {seen.cpu:.0%} of a core; add --workers"
        )
    if seen.delivered < limits.delivered:
        return Bound.GENERATOR, (
            f"the generator was the limit, not the target: it began only {seen.delivered:.0%} of the jobs that arrived "
            f"each second; lower the rate or add --workers"
        )
    worst = max(seen.lag_s, seen.late_s)
    if worst > limits.late_s:
        what = "its loop" if seen.lag_s >= seen.late_s else "the start of jobs"
        told = f"{what} was late by {time_text(worst)}, where {time_text(limits.late_s)} is allowed"
        if seen.cpu < IDLE:
            return Bound.MACHINE, (
                f"the machine was too busy with other things: {told}, while the generator took {seen.cpu:.0%} of a core"
            )
        return Bound.GENERATOR, f"the generator was the limit, not the target: {told}; add --workers"
    if seen.upstream_cpu is not None and seen.upstream_cpu >= limits.cpu:
        return Bound.UPSTREAM, f"the upstream was the limit, not the target: it took {seen.upstream_cpu:.0%} of a core"
    if seen.upstream_late_s is not None and seen.upstream_late_s > limits.late_s:
        return Bound.UPSTREAM, (
            f"the upstream was the limit, not the target: it held calls {time_text(seen.upstream_late_s)} longer than "
            f"planned (p99), where {time_text(limits.late_s)} is allowed"
        )
    return Bound.NONE, (
        f"the generator had time to spare: {seen.cpu:.0%} of a core, its loop late by {time_text(seen.lag_s)}, jobs "
        f"begun late by {time_text(seen.late_s)} (p99)"
    )


def _mean_cpu(beats: Sequence[Beat], worker: int) -> float:
    shares = [beat.cpu for beat in beats if beat.worker == worker]
    return sum(shares) / len(shares)


def _delivered(jobs: Sequence[Job]) -> float:
    """The rate at which jobs began, over that at which they arrived; 1 where they are too few."""
    if len(jobs) < FEWEST_FOR_RATE:
        return 1.0
    arrived = per_second(sorted(job.intended_s for job in jobs), 0.0)
    began = per_second(sorted(job.calls[0].began_s for job in jobs), 0.0)
    return min(1.0, began / arrived) if arrived and began else 1.0


def _upstream_late(jobs: Iterable[Job]) -> float | None:
    """By how much held calls were held longer than planned; None where there are none."""
    late = Histogram(
        values=(
            call.held_s - job.queue_s - job.run_s
            for job in jobs
            if job.end is End.DONE and job.queue_s is not None and job.run_s is not None
            for call in job.calls
            if call.kind in HELD_KINDS and call.held_s is not None and call.fault is None
        )
    )
    return late.percentile(99)


def warm_up_text(jobs: Iterable[Job]) -> str:
    """One sentence on what was left out."""
    marks = [(job.warm_up, job.intended_s) for job in jobs]
    cut = sum(is_warm_up for is_warm_up, _ in marks)
    if not cut:
        return "no warm-up was cut: all jobs count"
    begin = min((at for is_warm_up, at in marks if not is_warm_up), default=max(at for _, at in marks))
    return (
        f"{cut:,} of {len(marks):,} jobs, those that arrived in the first {time_text(begin)}, are left out as warm-up; "
        "they count for conservation only"
    )
