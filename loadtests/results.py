"""All that follows from the books of a run, as one value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from imageproof.loadtests.books import End, Job
from imageproof.loadtests.conservation import Conservation, conserved
from imageproof.loadtests.floor import USUAL, floors, nets
from imageproof.loadtests.goals import Goal, Sort
from imageproof.loadtests.histograms import Histogram
from imageproof.loadtests.lines import Beat
from imageproof.loadtests.overhead import Net, overheads
from imageproof.loadtests.phases import Phases
from imageproof.loadtests.polling import TRIED_S, Polls, Row, polls_of, table, what_if
from imageproof.loadtests.rates import Rates, rates_of
from imageproof.loadtests.selfcheck import Health, self_check
from imageproof.loadtests.truth import Upstream
from imageproof.loadtests.waterfall import Waterfall, waterfalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What was noted beside the jobs: how the generator did, the jobs past the target, and the upstream's processor.

    `upstream_cpu` is the share of a core that it took, None where nobody could see.
    """

    beats: Sequence[Beat] = ()
    direct: Sequence[Job] = ()
    upstream_cpu: float | None = None


ALONE = Beside()


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What was measured. `ends`, `calls`, `faults`, `sent` and `received` (bytes) are without the warm-up.

    `clock` is how many seconds of the provider passed in a real one, `micro_usd` the price of all that was done,
    `floors` what the own path takes, `nets` the overhead without it by name and percentile,
    `polling` the table of intervals, and `tried` what other ones, even in the provider's time, would have given.
    """

    jobs: Sequence[Job]
    phases: Phases
    overheads: Mapping[str, Histogram]
    floors: Mapping[str, Histogram]
    nets: Mapping[tuple[str, float], Net]
    waterfalls: Mapping[str, Waterfall]
    polls: Polls
    polling: Sequence[Row]
    tried: Sequence[Row]
    conservation: Conservation
    rates: Rates
    health: Health
    ends: Mapping[str, int]
    calls: int
    faults: Mapping[str, int]
    sent: int
    received: int
    micro_usd: int
    clock: float

    def histogram(self, name: str) -> Histogram | None:
        """What was measured of a phase or an overhead, corrected; None for nothing."""
        return self.phases.corrected.get(name) or self.overheads.get(name)

    @property
    def measured(self) -> int:
        """The number of jobs after the warm-up."""
        return sum(self.ends.values())


def results_of(
    jobs: Sequence[Job],
    upstream: Iterable[Upstream] | None,
    *,
    beside: Beside = ALONE,
    goals: Iterable[Goal] = (),
    clock: float = 1.0,
    was_cut: bool = False,
) -> Results:
    """Work it all out. `upstream` is None where nobody can look into its books; `was_cut`: see `conserved`."""
    goals = tuple(goals)
    measured = [job for job in jobs if not job.warm_up]
    calls = [call for job in measured for call in job.calls]
    faults = [call.fault.value for call in calls if call.fault is not None]
    ends = [job.end.value for job in measured]
    seen = overheads(jobs)
    percents = {*USUAL, *(goal.percent for goal in goals if goal.is_net and goal.percent is not None)}
    return Results(
        jobs=jobs,
        phases=Phases(jobs),
        overheads=seen,
        floors=floors(beside.direct),
        nets=nets(jobs, beside.direct, seen, percents=percents),
        waterfalls=waterfalls(jobs),
        polls=polls_of(jobs),
        polling=table(jobs),
        tried=what_if(jobs, [interval / clock for interval in TRIED_S]),
        conservation=conserved(jobs, upstream, was_cut=was_cut),
        rates=rates_of(jobs, limit_s=in_time(goals)),
        health=self_check(beside.beats, jobs, upstream_cpu=beside.upstream_cpu),
        ends={end: ends.count(end) for end in dict.fromkeys(ends)},
        calls=len(calls),
        faults={fault: faults.count(fault) for fault in dict.fromkeys(faults)},
        sent=sum(call.sent for call in calls),
        received=sum(call.received for call in calls),
        micro_usd=sum(job.micro_usd for job in jobs if job.end is End.DONE),
        clock=clock,
    )


def in_time(goals: Iterable[Goal]) -> float | None:
    """How long a job may take to count for goodput: the widest goal for times end to end; None without one."""
    return max(
        (goal.limit for goal in goals if goal.name == "e2e" and goal.sort is Sort.TIME and goal.sign in ("<", "<=")),
        default=None,
    )
