"""Judge goals: pass, fail, or invalid, which is neither, with the number of samples that says so.

A percentile needs about ten samples beyond it. With fewer, the exact binomial interval of the share beyond the limit
decides, where it lies on one side; else there are too few samples. What the generator, the upstream or the machine has
spoilt is invalid, whatever it looks like; a lost job is lost all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from imageproof.loadtests.books import End
from imageproof.loadtests.conservation import Breach, Conservation
from imageproof.loadtests.goals import NET_OF, PERCENT, Goal, Sort
from imageproof.loadtests.histograms import Histogram
from imageproof.loadtests.intervals import CONFIDENCE, Interval, share_interval
from imageproof.loadtests.results import Results
from imageproof.loadtests.selfcheck import Bound, limits_for

BEYOND = 10  # samples beyond a percentile, to take it at its word
FEWEST = 30  # samples of a mean
FEWEST_ENDS = 20  # of a rate
ONE_SIDED = 2 * CONFIDENCE - 1  # an interval whose one end is sure to 95 %
MICRO = 1_000_000
PASSES, FAILS, NOTHING_JUDGED = 0, 1, 4  # imageproof.exits
BREACHES = {breach.value: breach for breach in Breach}


class Outcome(StrEnum):
    """What became of a goal."""

    PASS = "pass"  # noqa: S105  (no password)
    FAIL = "fail"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The verdict on one goal. `samples` is what it rests on; `interval` is that of the value, where one is known."""

    goal: Goal
    outcome: Outcome
    value: float | None
    samples: int
    says: str
    interval: Interval | None = None


def judge(goals: Iterable[Goal], results: Results) -> list[Judgement]:
    """Judge all goals."""
    return [judge_one(goal, results) for goal in goals]


def judge_one(goal: Goal, results: Results) -> Judgement:
    """Judge a goal."""
    if goal.clock is not None and goal.clock != results.clock:
        ran = "the real one" if results.clock == 1 else f"{results.clock:g}x"
        return _invalid(goal, f"the goal is for a clock of {goal.clock:g}x, and that of the run was {ran}")
    made = _judged(goal, results)
    is_counted = goal.sort in (Sort.COUNT, Sort.COST)
    bound, why = results.health.against(limits_for(goal))
    if is_counted or bound is Bound.NONE or made.outcome is Outcome.INVALID:
        return made
    return _invalid(goal, why, value=made.value, samples=made.samples)


def _judged(goal: Goal, results: Results) -> Judgement:
    """Judge a goal by what was measured, as if nothing had spoilt it."""
    if goal.is_net:
        return _of_net(goal, results)
    match goal.sort:
        case Sort.TIME | Sort.NUMBER:
            return _of_histogram(goal, results)
        case Sort.SHARE:
            return _of_share(goal, *_share(goal, results))
        case Sort.RATE:
            return _of_rate(goal, results)
        case Sort.COUNT:
            return _of_count(goal, results)
        case Sort.COST:
            return _of_number(goal, results.micro_usd / MICRO, len(results.jobs), "jobs")


def exit_code(judgements: Iterable[Judgement], conservation: Conservation) -> int:
    """0 when all is met and nothing lost, 1 when something is not, 4 when it can't be told or nothing was judged."""
    outcomes = {judgement.outcome for judgement in judgements}
    if Outcome.FAIL in outcomes or not conservation.is_kept:
        return FAILS
    return NOTHING_JUDGED if Outcome.INVALID in outcomes or not conservation.jobs else PASSES


def needed(percent: float) -> int:
    """How many samples a percentile needs."""
    share = min(percent, PERCENT - percent) / PERCENT
    return ceil(round(BEYOND / share, 6))


def percentile_interval(histogram: Histogram, percent: float) -> Interval | None:
    """The exact interval of a percentile, whatever the values' distribution; None for a histogram without values."""
    count = histogram.count
    shares = share_interval(round(count * percent / PERCENT), count)
    low, high = histogram.percentile(shares.low * PERCENT), histogram.percentile(shares.high * PERCENT)
    return None if low is None or high is None else Interval(low, high)


def _invalid(goal: Goal, why: str, *, value: float | None = None, samples: int = 0) -> Judgement:
    seen = "" if value is None else f"{goal.subject} looked like {goal.shown(value)}, but "
    return Judgement(goal=goal, outcome=Outcome.INVALID, value=value, samples=samples, says=f"{seen}{why}")


def _of_histogram(goal: Goal, results: Results) -> Judgement:
    histogram = results.histogram(goal.name)
    open_jobs = results.ends.get(End.OPEN, 0) if goal.name == "e2e" else 0
    if histogram is None or not histogram.count:
        why = f"nothing was measured of {goal.name}"
        return _invalid(goal, f"{why}: {open_jobs:,} jobs never ended" if open_jobs else why)
    if goal.percent is not None:
        return _of_percentile(goal, histogram, goal.percent, open_jobs)
    value = histogram.mean if goal.stat == "mean" else histogram.most
    if goal.stat == "mean" and histogram.count < FEWEST:
        return _invalid(goal, _too_few(histogram.count, FEWEST), value=value, samples=histogram.count)
    if open_jobs and goal.sign in ("<", "<="):
        return _invalid(goal, f"{open_jobs:,} jobs never ended", value=value, samples=histogram.count)
    return _of_number(goal, value or 0.0, histogram.count, "samples")


def _of_net(goal: Goal, results: Results) -> Judgement:
    """Judge the overhead without the own path's: only an interval on one side of the limit tells."""
    found = results.nets.get((NET_OF[goal.name], goal.percent or 0.0))
    if found is None and not results.floors:
        return _invalid(goal, "nobody knows what the own path takes: name the mock behind the target with --upstream")
    if found is None:
        return _invalid(goal, f"too little was measured of {goal.name}, or of the own path")
    edges = [goal.is_met(value) for value in found.difference[:2]]
    basis = f"{found.samples:,} samples, {found.floor_samples:,} of the own path"
    says = _sentence(goal, found.seconds, is_met=all(edges), basis=basis, interval=found.difference)
    if edges[0] is not edges[1]:
        sure = f"{goal.shown(found.difference.low)} to {goal.shown(found.difference.high)}"
        why = f"it may be {sure} ({basis}): a longer run tells"
        return _invalid(goal, why, value=found.seconds, samples=found.samples)
    return _made(
        goal, is_met=all(edges), value=found.seconds, samples=found.samples, says=says, interval=found.difference
    )


def _of_percentile(goal: Goal, histogram: Histogram, percent: float, never: int) -> Judgement:
    """Judge a percentile; `never` jobs took longer than anything that was measured."""
    count = histogram.count + never
    value = histogram.percentile(min(100.0, percent * count / histogram.count))
    beyond = never + sum(bar.times for bar in histogram.bars() if not _is_within(goal, bar.high))
    allowed = 1 - percent / PERCENT
    is_upper = goal.sign in ("<", "<=")
    is_met = value is not None and goal.is_met(value) and not (is_upper and beyond > allowed * count + 1e-9)
    interval = percentile_interval(histogram, percent)
    if count < needed(percent):
        shares = share_interval(beyond, count, ONE_SIDED)
        low, high = (shares.low, shares.high) if is_upper else (1 - shares.high, 1 - shares.low)
        bar = allowed if is_upper else percent / PERCENT
        if low <= bar < high:
            return _invalid(goal, _too_few(count, needed(percent)), value=value, samples=count)
        is_met = high <= bar
    more = f"; {never:,} of them never ended" if never else ""
    says = _sentence(goal, value or 0.0, is_met=is_met, basis=f"{count:,} samples{more}", interval=interval)
    return _made(goal, is_met=is_met, value=value, samples=count, says=says, interval=interval)


def _is_within(goal: Goal, value: float) -> bool:
    """Whether one value is on the smaller side of the limit, as the sign draws it."""
    return value <= goal.limit if goal.sign in ("<=", ">") else value < goal.limit


def _share(goal: Goal, results: Results) -> tuple[int, int, str]:
    """How many of how many of what."""
    name, _, kind = goal.name.partition(".")
    match name:
        case "errors":
            faults = results.faults
            return (faults.get(kind, 0) if kind else sum(faults.values())), results.calls, "requests"
        case "wasted":
            return results.polls.wasted, results.polls.polls, "polls"
        case "refused":
            return results.ends.get(End.REFUSED, 0), results.measured, "jobs"
        case _:
            bad = sum(results.ends.get(end, 0) for end in (End.FAILED, End.LOST, End.OPEN))
            return bad, results.measured, "jobs"


def _of_share(goal: Goal, hits: int, count: int, what: str) -> Judgement:
    if not count:
        return _invalid(goal, f"there were no {what}")
    value = hits / count
    interval = share_interval(hits, count)
    is_met = goal.is_met(value)
    rare = min(goal.limit, 1 - goal.limit)
    if rare > 0 and count < ceil(round(BEYOND / rare, 6)):
        sure = share_interval(hits, count, ONE_SIDED)
        if sure.low <= goal.limit < sure.high:
            return _invalid(goal, _too_few(count, ceil(round(BEYOND / rare, 6))), value=value, samples=count)
    says = _sentence(goal, value, is_met=is_met, basis=f"{hits:,} of {count:,} {what}", interval=interval)
    return _made(goal, is_met=is_met, value=value, samples=count, says=says, interval=interval)


def _of_rate(goal: Goal, results: Results) -> Judgement:
    rates = results.rates
    value = rates.goodput if goal.name == "goodput" else rates.throughput
    if rates.ended < FEWEST_ENDS:
        return _invalid(goal, _too_few(rates.ended, FEWEST_ENDS), value=value, samples=rates.ended)
    return _of_number(goal, value, rates.ended, "jobs")


def _of_count(goal: Goal, results: Results) -> Judgement:
    breach = BREACHES.get(goal.name)
    jobs = results.conservation.jobs
    if not jobs:
        return _invalid(goal, "no job was begun")
    if breach is not None:
        count = results.conservation.count(breach)
        if count is None:
            return _invalid(goal, f"without the upstream's books nobody knows how many were {goal.name}")
        return _of_number(goal, count, jobs, "jobs")
    found = results.measured if goal.name == "jobs" else results.conservation.ends.get(End.OPEN, 0)
    return _of_number(goal, found, jobs, "jobs")


def _of_number(goal: Goal, value: float, samples: int, what: str) -> Judgement:
    is_met = goal.is_met(value)
    says = _sentence(goal, value, is_met=is_met, basis=f"{samples:,} {what}")
    return _made(goal, is_met=is_met, value=value, samples=samples, says=says)


def _made(
    goal: Goal, *, is_met: bool, value: float | None, samples: int, says: str, interval: Interval | None = None
) -> Judgement:
    outcome = Outcome.PASS if is_met else Outcome.FAIL
    return Judgement(goal=goal, outcome=outcome, value=value, samples=samples, says=says, interval=interval)


def _sentence(goal: Goal, value: float, *, is_met: bool, basis: str, interval: Interval | None = None) -> str:
    """What was found, and on what it rests."""
    sure = ""
    if interval is not None:
        sure = f"; {goal.shown(interval.low)} to {goal.shown(interval.high)} at {interval.confidence:.0%}"
    verb = "as wanted" if is_met else f"where {goal.says.removeprefix(goal.subject).strip()} is wanted"
    return f"{goal.subject} is {goal.shown(value)}, {verb} ({basis}{sure})".replace("where is ", "where ")


def _too_few(count: int, wanted: int) -> str:
    return f"{count:,} samples are too few to tell: about {wanted:,} are needed"
