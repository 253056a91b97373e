"""A goal passes, fails or is invalid, with the samples that say so; what is spoilt is never a pass."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from imageproof.exits import ExitCode
from imageproof.loadtests import verdicts
from imageproof.loadtests.books import End, Fault, Job, Kind
from imageproof.loadtests.goals import read_goal
from imageproof.loadtests.histograms import Histogram
from imageproof.loadtests.lines import Beat
from imageproof.loadtests.results import Beside, results_of
from imageproof.loadtests.verdicts import Judgement, Outcome, exit_code, judge, needed, percentile_interval
from tests.loadtests.books_made import call, held, polled, row

IDLE = Beat(worker=0, at_s=1.0, lag_s=0.001, cpu=0.2, late_s=0.0, open=1, began=1)
BUSY = Beat(worker=0, at_s=1.0, lag_s=0.001, cpu=0.97, late_s=0.0, open=1, began=1)


def _held(count: int, slow: int, *, seconds: float = 0.1, longer: float = 1.0) -> list[Job]:
    """Jobs of which some took longer: at a tenth of a second each, or one."""
    return [held(mark, mark / 10, seconds=longer if mark < slow else seconds) for mark in range(count)]


def _judged(text: str, jobs: Sequence[Job], *, beat: Beat = IDLE, clock: float = 1.0) -> Judgement:
    goal = read_goal(text)
    return judge(
        [goal], results_of(jobs, [row(job) for job in jobs], beside=Beside(beats=[beat]), goals=[goal], clock=clock)
    )[0]


@pytest.mark.parametrize(
    ("count", "slow", "outcome"),
    [
        (1000, 9, Outcome.PASS),
        (1000, 11, Outcome.FAIL),
        (300, 0, Outcome.PASS),  # none of 299 is the least that is sure to 95 %
        (298, 0, Outcome.INVALID),
        (300, 2, Outcome.INVALID),
        (100, 50, Outcome.FAIL),  # surely more than one in a hundred
        (5, 0, Outcome.INVALID),
    ],
)
def test_a_percentile_needs_its_samples(count: int, slow: int, outcome: Outcome) -> None:
    found = _judged("generate.p99<200ms", _held(count, slow))
    assert (found.outcome, found.samples) == (outcome, count)
    assert ("too few" in found.says) == (outcome is Outcome.INVALID)


@pytest.mark.parametrize(("slow", "outcome"), [(0, Outcome.FAIL), (1000, Outcome.PASS), (480, Outcome.FAIL)])
def test_a_percentile_may_have_to_be_above(slow: int, outcome: Outcome) -> None:
    assert _judged("generate.p50>200ms", _held(1000, slow)).outcome is outcome


def test_the_sentence_tells_value_samples_and_interval() -> None:
    found = _judged("generate.p99<200ms", _held(2000, 5))
    assert found.says == "generate.p99 is 100 ms, as wanted (2,000 samples; 100 ms to 100 ms at 95%)"
    missed = _judged("generate.p99<200ms", _held(2000, 500))
    assert missed.says.startswith("generate.p99 is 1 s, where below 200 ms is wanted (2,000 samples; ")


@pytest.mark.parametrize(
    ("percent", "samples"), [(50, 20), (90, 100), (95, 200), (99, 1000), (99.9, 10_000), (1, 1000)]
)
def test_ten_samples_beyond_a_percentile_are_enough(percent: float, samples: int) -> None:
    assert needed(percent) == samples


def test_jobs_that_never_ended_are_beyond_any_time() -> None:
    jobs = _held(1000, 0)
    stuck = [replace(job, end=End.OPEN) if job.mark < 20 else job for job in jobs]
    found = _judged("e2e.p99<200ms", stuck)
    assert found.outcome is Outcome.FAIL
    assert "20 of them never ended" in found.says
    assert _judged("e2e.p95<200ms", stuck).outcome is Outcome.PASS
    assert _judged("e2e.max<200ms", stuck).outcome is Outcome.INVALID
    assert _judged("e2e.p99<1s", [replace(job, end=End.OPEN) for job in jobs]).outcome is Outcome.INVALID


@pytest.mark.parametrize(
    ("text", "bad", "outcome"),
    [
        ("errors<1%", 0, Outcome.PASS),
        ("errors<1%", 20, Outcome.FAIL),
        ("errors.gateway<1%", 20, Outcome.FAIL),
        ("errors.transport<1%", 20, Outcome.PASS),
        ("errors<0.1%", 1, Outcome.INVALID),  # of 1,000: too few to tell
        ("errors<0.1%", 100, Outcome.FAIL),
        ("errors=0%", 0, Outcome.PASS),
        ("errors<=0%", 1, Outcome.FAIL),
        ("failed<1%", 20, Outcome.FAIL),
        ("refused<1%", 20, Outcome.PASS),
        ("goodput>9/s", 0, Outcome.PASS),
        ("goodput>9/s", 200, Outcome.FAIL),
        ("throughput>9/s", 200, Outcome.PASS),
        ("lost=0", 0, Outcome.PASS),
        ("orphaned=0", 3, Outcome.FAIL),
        ("jobs>=1000", 0, Outcome.PASS),
        ("open=0", 0, Outcome.PASS),
        ("cost<30", 0, Outcome.FAIL),
        ("cost<$40.01", 0, Outcome.PASS),
        ("generate.mean<101ms", 0, Outcome.PASS),
        ("generate.max<100ms", 0, Outcome.FAIL),
        ("poll.p99<1s", 0, Outcome.INVALID),  # nothing was polled
        ("wasted<90%", 0, Outcome.INVALID),
    ],
)
def test_goals_of_all_sorts(text: str, bad: int, outcome: Outcome) -> None:
    broken = call(Kind.GENERATE, 0.0, 0.1, status=502, fault=Fault.GATEWAY)
    jobs = [
        replace(job, end=End.FAILED, calls=(replace(broken, began_s=job.intended_s, ended_s=job.intended_s + 0.1),))
        if job.mark < bad
        else job
        for job in _held(1000, 0)
    ]
    assert _judged(text, jobs).outcome is outcome


def test_the_numbers_of_polled_jobs() -> None:
    jobs = [polled(mark, mark / 10) for mark in range(400)]
    assert _judged("wasted<67%", jobs).outcome is Outcome.PASS
    assert _judged("polls.mean<3", jobs).outcome is Outcome.FAIL
    assert _judged("polls.p90<=3", jobs).outcome is Outcome.PASS


def test_goodput_counts_only_what_was_in_time() -> None:
    jobs = _held(1000, 400)
    goals = [read_goal("e2e.p50<200ms"), read_goal("goodput>7/s")]
    found = judge(goals, results_of(jobs, None, beside=Beside(beats=[IDLE]), goals=goals))
    assert [item.outcome for item in found] == [Outcome.PASS, Outcome.FAIL]
    assert found[1].value == pytest.approx(6.0, rel=0.02)


def test_too_few_ends_make_no_rate_and_no_mean() -> None:
    assert _judged("goodput>0/s", _held(10, 0)).outcome is Outcome.INVALID
    assert _judged("generate.mean<1s", _held(10, 0)).outcome is Outcome.INVALID


@pytest.mark.parametrize("text", ["generate.p99<200ms", "goodput>1/s", "errors<1%"])
def test_a_generator_at_its_limit_makes_a_goal_invalid(text: str) -> None:
    found = _judged(text, _held(2000, 0), beat=BUSY)
    assert found.outcome is Outcome.INVALID
    assert "the generator was the limit, not the target: a process of it took 97% of a core" in found.says
    assert "looked like" in found.says


def test_a_lost_job_is_lost_whatever_limited_the_run() -> None:
    jobs = [replace(job, end=End.LOST, task="t") if job.mark == 3 else job for job in _held(100, 0)]
    assert _judged("lost=0", jobs, beat=BUSY).outcome is Outcome.FAIL


def test_a_goal_for_another_clock_is_not_judged() -> None:
    jobs = _held(2000, 0)
    assert _judged("e2e.p95<45s@60x", jobs, clock=60.0).outcome is Outcome.PASS
    assert _judged("e2e.p95<3s@60x", jobs, clock=60.0).outcome is Outcome.FAIL
    found = _judged("e2e.p95<45s@60x", jobs)
    assert found.outcome is Outcome.INVALID
    assert found.says == "the goal is for a clock of 60x, and that of the run was the real one"


def test_without_books_or_jobs_nothing_is_judged() -> None:
    goal = read_goal("orphaned=0")
    assert judge([goal], results_of([held(1, 0.0)], None))[0].outcome is Outcome.INVALID
    empty = results_of([], [])
    assert {item.outcome for item in judge([goal, read_goal("errors<1%"), read_goal("e2e.p99<1s")], empty)} == {
        Outcome.INVALID
    }
    assert exit_code([], empty.conservation) == ExitCode.NOTHING_JUDGED


def test_exit_codes_are_those_of_the_command() -> None:
    assert (verdicts.PASSES, verdicts.FAILS, verdicts.NOTHING_JUDGED) == (
        ExitCode.CONFORMS,
        ExitCode.DOES_NOT_CONFORM,
        ExitCode.NOTHING_JUDGED,
    )
    jobs = _held(100, 0)
    kept = results_of(jobs, [row(job) for job in jobs])
    broken = results_of(jobs, [])
    passed, failed, invalid = (
        _judged(text, jobs) for text in ("generate.p50<200ms", "generate.p50<50ms", "generate.p99.9<1s")
    )
    assert exit_code([], kept.conservation) == ExitCode.CONFORMS
    assert exit_code([passed], kept.conservation) == ExitCode.CONFORMS
    assert exit_code([passed, invalid], kept.conservation) == ExitCode.NOTHING_JUDGED
    assert exit_code([passed, invalid, failed], kept.conservation) == ExitCode.DOES_NOT_CONFORM
    assert exit_code([passed], broken.conservation) == ExitCode.DOES_NOT_CONFORM


def test_the_interval_of_a_percentile_is_that_of_its_rank() -> None:
    found = percentile_interval(Histogram(values=range(1, 101)), 50)
    assert found is not None
    assert found.low == pytest.approx(40, abs=1.1)  # ranks 40 and 61, as tables of order statistics have it
    assert found.high == pytest.approx(61, abs=1.1)
    assert percentile_interval(Histogram(), 50) is None


def test_an_upstream_at_its_limit_makes_times_invalid_and_says_so() -> None:
    goals = [read_goal(text) for text in ("generate.p50<10s", "lost=0")]
    jobs = [held(mark, mark / 10, seconds=1.0) for mark in range(100)]
    results = results_of(jobs, [row(job) for job in jobs], beside=Beside(beats=[IDLE], upstream_cpu=0.97), goals=goals)
    times, count = judge(goals, results)

    assert times.outcome is Outcome.INVALID
    assert "the upstream was the limit, not the target: it took 97% of a core" in times.says
    assert count.outcome is Outcome.PASS
