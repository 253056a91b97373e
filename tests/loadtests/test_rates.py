"""Jobs per second, counted so that neither the first wait nor the last job falsifies them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from imageproof.loadtests.books import End
from imageproof.loadtests.rates import per_second, rates_of
from tests.loadtests.books_made import held


@pytest.mark.parametrize("seconds", [0.1, 10.0, 300.0])
def test_an_even_rate_is_told_however_long_jobs_take(seconds: float) -> None:
    found = rates_of(held(mark, mark / 20, seconds=seconds) for mark in range(400))
    assert [found.offered, found.throughput, found.goodput] == pytest.approx([20.0] * 3)


def test_a_target_at_its_limit_ends_fewer_than_are_offered() -> None:
    found = rates_of(held(mark, mark / 20, seconds=1.0, late=mark * 0.05) for mark in range(400))
    assert found.offered == pytest.approx(20.0)
    assert found.throughput == pytest.approx(10.0)


def test_goodput_is_what_came_well_and_in_time() -> None:
    jobs = [held(mark, mark / 20, seconds=3.0 if mark % 4 == 0 else 1.0) for mark in range(400)]
    jobs = [replace(job, swapped=1) if job.mark % 4 == 1 else job for job in jobs]
    jobs = [replace(job, end=End.FAILED) if job.mark % 4 == 2 else job for job in jobs]
    found = rates_of(jobs, limit_s=2.0)
    assert (found.ended, found.good) == (400, 100)
    assert found.goodput == pytest.approx(found.throughput / 4)


def test_open_jobs_have_not_ended_and_the_warm_up_is_left_out() -> None:
    jobs = [held(1, 0.0, warm_up=True), held(2, 1.0, end=End.OPEN), held(3, 2.0)]
    assert rates_of(jobs).ended == 1
    assert rates_of([]).throughput == 0.0


def test_times_that_are_few_or_all_at_once_are_told_over_the_whole() -> None:
    assert per_second([5.0, 5.0, 5.0], 10.0) == pytest.approx(0.3)
    assert per_second([5.0], 10.0) == pytest.approx(0.1)
    assert per_second([], 0.0) == 0.0
