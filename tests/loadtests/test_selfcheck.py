"""The self-check says plainly who was the limit, and what was cut as warm-up."""

from __future__ import annotations

import pytest

from imageproof.loadtests.books import Job
from imageproof.loadtests.goals import read_goal
from imageproof.loadtests.lines import Beat
from imageproof.loadtests.selfcheck import Bound, Limits, limits_for, self_check
from tests.loadtests.books_made import held


def _beats(lag: float = 0.002, cpu: float = 0.3, *, workers: int = 1) -> list[Beat]:
    return [
        Beat(worker=worker, at_s=float(at), lag_s=lag, cpu=cpu, late_s=0.0, open=1, began=at)
        for at in range(1, 11)
        for worker in range(workers)
    ]


def _jobs(*, late: float = 0.0, slower: float = 1.0, longer: float = 0.0) -> list[Job]:
    """A hundred at ten a second; they may begin late, at a lower rate, or be held longer than planned."""
    jobs = [held(mark, mark / 10, seconds=1.0, late=late + mark / 10 * (slower - 1)) for mark in range(100)]
    return [held(job.mark, job.intended_s, seconds=1.0 + longer, run_s=1.0) for job in jobs] if longer else jobs


@pytest.mark.parametrize(
    ("beats", "jobs", "bound", "says"),
    [
        (_beats(), _jobs(), Bound.NONE, "the generator had time to spare: 30% of a core, its loop late by 2 ms"),
        (_beats(cpu=0.95), _jobs(), Bound.GENERATOR, "took 95% of a core; add --workers"),
        (_beats(), _jobs(slower=1.1), Bound.GENERATOR, "it began only 91% of the jobs that arrived each second"),
        (_beats(lag=0.2), _jobs(), Bound.MACHINE, "too busy with other things: its loop was late by 200 ms"),
        (_beats(lag=0.2, cpu=0.8), _jobs(), Bound.GENERATOR, "its loop was late by 200 ms in a usual second"),
        (_beats(), _jobs(late=0.3), Bound.MACHINE, "the start of jobs was late by 300 ms (p99), where 50 ms"),
        (_beats(), _jobs(longer=0.4), Bound.UPSTREAM, "it held calls 400 ms longer than planned (p99)"),
        ([], _jobs(), Bound.NONE, "the generator told nothing of itself"),
        ([], _jobs(late=0.3), Bound.GENERATOR, "the start of jobs was late by 300 ms"),
    ],
)
def test_who_was_the_limit(beats: list[Beat], jobs: list[Job], bound: Bound, says: str) -> None:
    health = self_check(beats, jobs)
    assert health.bound is bound
    assert says in health.says


def test_one_frozen_second_of_many_is_told() -> None:
    beats = _beats()
    frozen = [*beats[:-1], Beat(worker=0, at_s=10.0, lag_s=0.9, cpu=0.3, late_s=0.0, open=1, began=9)]
    health = self_check(frozen, _jobs())
    assert health.bound is Bound.MACHINE
    assert "its loop stood still for 9.0% of the time, where 1% is allowed" in health.says


def test_one_process_of_several_at_its_limit_is_enough() -> None:
    beats = [
        *_beats(workers=3),
        *(Beat(worker=3, at_s=at, lag_s=0, cpu=0.99, late_s=0, open=1, began=1) for at in (1, 2)),
    ]
    assert self_check(beats, _jobs()).bound is Bound.GENERATOR


def test_an_upstream_at_its_limit_is_told() -> None:
    health = self_check(_beats(), _jobs(), upstream_cpu=0.98)
    assert (health.bound, health.says) == (
        Bound.UPSTREAM,
        "the upstream was the limit, not the target: it took 98% of a core",
    )


def test_a_goal_sets_its_own_limits() -> None:
    health = self_check(_beats(lag=0.012), _jobs(late=0.012))
    assert health.bound is Bound.NONE
    assert health.against(limits_for(read_goal("overhead.p99<20ms")))[0] is Bound.MACHINE
    assert health.against(limits_for(read_goal("submit.p99<20ms")))[0] is Bound.MACHINE
    assert health.against(limits_for(read_goal("e2e.p99<45s")))[0] is Bound.NONE
    assert health.against(limits_for(read_goal("errors<1%")))[0] is Bound.NONE


def test_a_late_start_spoils_only_what_is_measured_from_the_intended_one() -> None:
    health = self_check(_beats(), _jobs(late=0.03))
    assert health.against(limits_for(read_goal("submit.p99<20ms")))[0] is Bound.MACHINE
    assert health.against(limits_for(read_goal("poll.p99<20ms")))[0] is Bound.NONE
    assert limits_for(read_goal("poll.p99<20ms")).late_s > Limits().late_s


def test_the_warm_up_is_told() -> None:
    jobs = [held(mark, mark / 10, warm_up=mark < 20) for mark in range(100)]
    assert self_check([], jobs).warm_up == (
        "20 of 100 jobs, those that arrived in the first 2 s, are left out as warm-up; they count for conservation only"
    )
    assert self_check([], jobs[20:]).warm_up == "no warm-up was cut: all jobs count"
    assert self_check([], jobs[:20]).warm_up.startswith("20 of 20 jobs")


def test_lateness_in_the_warm_up_does_not_count() -> None:
    jobs = [held(mark, mark / 10, warm_up=mark < 20, late=1.0 if mark < 20 else 0.0) for mark in range(100)]
    early = [Beat(worker=0, at_s=1.0, lag_s=2.0, cpu=1.0, late_s=1.0, open=1, began=1)]
    assert self_check([*early, *_beats()[2:]], jobs).bound is Bound.NONE


def test_nothing_at_all_is_no_crash() -> None:
    assert self_check([], []).bound is Bound.NONE
