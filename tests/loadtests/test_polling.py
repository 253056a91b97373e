"""Polls are counted, those in vain too; and what other intervals would give follows from when tasks were done."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from imageproof.loadtests.books import End, Fault
from imageproof.loadtests.polling import polls_of, table, what_if
from tests.loadtests.books_made import held, polled


def test_all_polls_but_the_last_are_in_vain() -> None:
    found = polls_of([polled(1, 0.0, run=4.0, every=2.0), polled(2, 0.0, run=1.0, every=5.0), held(3, 0.0)])
    assert (found.tasks, found.polls, found.wasted, found.failed) == (2, 4, 2, 0)
    assert (found.per_task, found.wasted_share) == (2.0, 0.5)


def test_all_polls_of_a_lost_job_are_in_vain_and_bad_ones_are_told_apart() -> None:
    job = polled(1, 0.0)
    first, *polls, _ = job.calls
    bad = replace(polls[0], fault=Fault.GATEWAY, status=502)
    lost = replace(job, end=End.LOST, calls=(first, bad, *polls[1:]))
    found = polls_of([lost])
    assert (found.polls, found.failed, found.wasted) == (3, 1, 2)


def test_no_polls_are_no_crash() -> None:
    found = polls_of([held(1, 0.0), polled(2, 0.0, warm_up=True)])
    assert (found.per_task, found.wasted_share, table([]), what_if([])) == (0.0, 0.0, [], [])


def test_longer_intervals_cost_lag_and_spare_requests() -> None:
    jobs = [polled(mark, 0.0, run=10.0 + mark / 50, every=every) for every in (1.0, 4.0) for mark in range(100)]
    quick, slow = table(jobs)
    assert [quick.interval_s, slow.interval_s] == pytest.approx([1.0, 4.0], rel=0.01)
    assert (quick.jobs, slow.jobs) == (100, 100)
    assert quick.lag_mean_s < slow.lag_mean_s
    assert quick.requests > slow.requests
    assert quick.requests == quick.polls + 2
    assert quick.micro_usd == 40_000


@settings(max_examples=30)
@given(runs=st.lists(st.floats(4, 60), min_size=1, max_size=10), every=st.sampled_from([1.0, 2.0, 5.0]))
def test_what_would_have_been_is_what_is_when_it_is_done(runs: list[float], every: float) -> None:
    other = [polled(mark, 0.0, run=run, every=3.7) for mark, run in enumerate(runs)]
    real = [polled(mark, 0.0, run=run, every=every) for mark, run in enumerate(runs)]
    (guess,) = what_if(other, [every])
    assert not guess.is_measured
    assert guess.polls == pytest.approx(polls_of(real).per_task, abs=1)
    assert guess.lag_mean_s <= every
    lags = [job.done_ago_s or 0.0 for job in real]
    if all(0.01 < lag < every - 0.01 for lag in lags):
        assert guess.lag_mean_s == pytest.approx(sum(lags) / len(lags), abs=0.01)
        assert guess.polls == polls_of(real).per_task
