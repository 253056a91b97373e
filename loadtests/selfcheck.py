"""Whether the numbers are the target's: what limited a run is told by how the generator itself was doing.

A generator that is late, or has no processor time left, measures itself. So does one on a machine that others keep
busy, or in front of a mock that is later than it planned. What that spoils depends on how small the times are that
matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from imageproof.loadtests.books import End, Job, Kind
from imageproof.loadtests.goals import Goal, Sort, time_text
from imageproof.loadtests.histograms import Histogram
from imageproof.loadtests.lines import Beat
from imageproof.loadtests.phases import HAS_NAIVE
from imageproof.loadtests.rates import per_second

HELD_KINDS = (Kind.GENERATE, Kind.EDIT, Kind.STREAM)
FEWEST_FOR_RATE = 50  # jobs, before a rate of starts means anything
LEAST_S, WIDE_S = 0.005, 0.5  # no goal needs a generator that is more exact, or bears one that is less
NOT_TARGET = "the generator was the limit, not the target"
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

    `late_s` is for the starts of jobs, at the 99th hundredth; `lag_s` for the loop, at the worst of a usual second;
    `stalled` is the share of the time in which the loop was later than that; `cpu` is of a core, `delivered` of the
    rate of arrivals.
    """

    late_s: float = 0.05
    lag_s: float = 0.05
    stalled: float = 0.01
    cpu: float = 0.9
    delivered: float = 0.98


def limits_for(goal: Goal) -> Limits:
    """The limits that suit a goal: being late by a quarter of the time that matters spoils it.

    A late start spoils only what is measured from the intended start. A share, a rate or a mean number of polls is not
    spoilt by being a little late.
    """
    if goal.sort is not Sort.TIME:
        return Limits(late_s=WIDE_S, lag_s=WIDE_S)
    least = min(max(goal.limit / 4, LEAST_S), WIDE_S)
    is_from_start = goal.name.partition(".")[0] in {*HAS_NAIVE, "late"}
    return Limits(late_s=least if is_from_start else WIDE_S, lag_s=least)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How the generator and the upstream did. `warm_up` is a sentence on what was left out.

    `lag_s` is the worst lag of the loop in a usual second, `lags_s` that of each second of each process, `late_s` the
    start of 99 of 100 jobs, `cpu` the largest mean share of a core of a process (None: they told nothing), `delivered`
    the rate of starts over that of arrivals, `upstream_late_s` by how much held calls were held longer than planned, at
    the 99th hundredth.
    """

    warm_up: str
    lag_s: float
    lags_s: tuple[float, ...]
    late_s: float
    cpu: float | None
    delivered: float
    upstream_late_s: float | None
    upstream_cpu: float | None

    @property
    def bound(self) -> Bound:
        """What limited the run, by the usual limits."""
        return self.against(Limits())[0]

    @property
    def says(self) -> str:
        """One plain sentence on it."""
        return self.against(Limits())[1]

    def against(self, limits: Limits) -> tuple[Bound, str]:
        """What limited the run, by these limits, and one plain sentence."""
        if self.cpu is not None and self.cpu >= limits.cpu:
            return Bound.GENERATOR, f"{NOT_TARGET}: a process of it took {self.cpu:.0%} of a core; add --workers"
        if self.delivered < limits.delivered:
            return Bound.GENERATOR, (
                f"{NOT_TARGET}: it began only {self.delivered:.0%} of the jobs that arrived each second; lower the "
                "rate or add --workers"
            )
        late = self._late(limits)
        if late and self.cpu is not None and self.cpu < IDLE:
            return Bound.MACHINE, (
                f"the machine was too busy with other things: {late}, while the generator took {self.cpu:.0%} of a core"
            )
        if late:
            return Bound.GENERATOR, f"{NOT_TARGET}: {late}; add --workers"
        return self._upstream(limits)

    def _late(self, limits: Limits) -> str:
        """What was too late, in words; empty when nothing was."""
        stalled = sum(lag for lag in self.lags_s if lag > limits.lag_s) / max(1, len(self.lags_s))
        if self.lag_s > limits.lag_s:
            return f"its loop was late by {time_text(self.lag_s)} in a usual second, where {_allowed(limits.lag_s)}"
        if stalled > limits.stalled:
            return f"its loop stood still for {stalled:.1%} of the time, where {limits.stalled:.0%} is allowed"
        if self.late_s > limits.late_s:
            return f"the start of jobs was late by {time_text(self.late_s)} (p99), where {_allowed(limits.late_s)}"
        return ""

    def _upstream(self, limits: Limits) -> tuple[Bound, str]:
        if self.upstream_cpu is not None and self.upstream_cpu >= limits.cpu:
            return Bound.UPSTREAM, (
                f"the upstream was the limit, not the target: it took {self.upstream_cpu:.0%} of a core"
            )
        if self.upstream_late_s is not None and self.upstream_late_s > limits.lag_s:
            return Bound.UPSTREAM, (
                f"the upstream was the limit, not the target: it held calls {time_text(self.upstream_late_s)} longer "
                f"than planned (p99), where {_allowed(limits.lag_s)}"
            )
        begun = f"jobs began late by {time_text(self.late_s)} (p99)"
        if self.cpu is None:
            return Bound.NONE, f"the generator told nothing of itself; its {begun}"
        return Bound.NONE, (
            f"the generator had time to spare: {self.cpu:.0%} of a core, its loop late by {time_text(self.lag_s)} in a "
            f"usual second, {begun}{self._upstream_told}"
        )

    @property
    def _upstream_told(self) -> str:
        """What the upstream took, where somebody saw it."""
        return "" if self.upstream_cpu is None else f"; the upstream took {self.upstream_cpu:.0%} of a core"


def _allowed(seconds: float) -> str:
    return f"{time_text(seconds)} is allowed"


def self_check(beats: Sequence[Beat], jobs: Sequence[Job], *, upstream_cpu: float | None = None) -> Health:
    """Look at a run by the beats of its processes and the times of its jobs, after the warm-up."""
    measured = [job for job in jobs if not job.warm_up and job.calls]
    begin = min((job.intended_s for job in measured), default=0.0)
    heard = [beat for beat in beats if beat.at_s >= begin] or list(beats)
    lags = tuple(max(0.0, beat.lag_s) for beat in heard)
    late = Histogram(values=(job.calls[0].began_s - job.intended_s for job in measured))
    return Health(
        warm_up=warm_up_text(jobs),
        lag_s=median(lags) if lags else 0.0,
        lags_s=lags,
        late_s=late.percentile(99) or 0.0,
        cpu=max((_mean_cpu(heard, worker) for worker in {beat.worker for beat in heard}), default=None),
        delivered=_delivered(measured),
        upstream_late_s=_upstream_late(measured),
        upstream_cpu=upstream_cpu,
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
