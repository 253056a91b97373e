"""Intervals agree with the tables, and hold the truth as often as they say."""

from __future__ import annotations

from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.loadtests.histograms import Histogram
from imageproof.loadtests.intervals import beta_cdf, quantile_difference, share_interval, student_quantile


@given(hits=st.integers(0, 60), more=st.integers(0, 60), x=st.floats(0.001, 0.999))
def test_the_beta_function_sums_the_binomial(hits: int, more: int, x: float) -> None:
    count = hits + more + 1
    tail = sum(comb(count, k) * x**k * (1 - x) ** (count - k) for k in range(hits + 1, count + 1))
    assert beta_cdf(x, hits + 1, more + 1) == pytest.approx(tail, abs=1e-9)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    [(0, 10, 0.0, 0.3085), (5, 100, 0.01643, 0.11283), (10, 10, 0.6915, 1.0), (50, 100, 0.39832, 0.60168)],
)
def test_shares_have_the_intervals_of_clopper_and_pearson(hits: int, of: int, low: float, high: float) -> None:
    found = share_interval(hits, of)
    assert [found.low, found.high] == pytest.approx([low, high], abs=1e-4)


def test_nothing_seen_says_nothing() -> None:
    assert share_interval(0, 0)[:2] == (0.0, 1.0)


def test_many_samples_cost_no_time_and_give_a_narrow_interval() -> None:
    found = share_interval(20_000, 2_000_000)
    assert found.holds(0.01)
    assert found.half_width == pytest.approx(0.000138, rel=0.01)


@pytest.mark.parametrize(
    ("freedom", "value"), [(1, 12.7062), (4, 2.77645), (9, 2.26216), (30, 2.04227), (1e5, 1.95999)]
)
def test_students_t_is_that_of_the_tables(freedom: float, value: float) -> None:
    assert student_quantile(0.975, freedom) == pytest.approx(value, rel=1e-4)
    assert student_quantile(0.025, freedom) == pytest.approx(-value, rel=1e-4)
    assert student_quantile(0.5, freedom) == 0.0


@pytest.mark.parametrize("percent", [50.0, 90.0, 99.0])
def test_the_difference_of_two_percentiles_holds_the_truth_as_often_as_it_says(percent: float) -> None:
    held = 0
    for seed in range(60):
        random = Random(seed)
        before = Histogram(values=(random.expovariate(10) for _ in range(1000)))
        after = Histogram(values=(random.expovariate(10) + 0.02 for _ in range(1000)))
        held += quantile_difference(before, after, percent, seed=seed).holds(0.02)
    assert held >= 52  # of 60 at 95 %: fewer would come once in five thousand times
