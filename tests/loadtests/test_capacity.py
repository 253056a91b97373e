"""The search finds the highest rate that meets the goal, of quiet and of noisy targets, and says how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from math import exp
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.loadtests.capacity import Found, Search, Trial, met_more_often, next_step

Target = Callable[[float], bool | None]


def _searched(search: Search, target: Target) -> tuple[Found, list[Trial]]:
    trials: list[Trial] = []
    while len(trials) <= search.trials:
        step = next_step(search, trials)
        if isinstance(step, Found):
            return step, trials
        assert step.says.startswith(f"try {step.rate:g}/s")
        assert search.least <= step.rate <= search.most_rate
        trials.append(Trial(step.rate, target(step.rate)))
    raise AssertionError(trials)


@given(limit=st.floats(1.2, 5000), start=st.floats(1, 1000))
def test_a_quiet_target_is_found_to_the_precision(limit: float, start: float) -> None:
    found, trials = _searched(Search(start=start, least=1), lambda rate: rate <= limit)
    assert found.rate is not None
    assert found.missed is not None
    assert found.rate <= limit < found.missed
    assert found.missed <= found.rate * 1.0501
    assert found.confidence >= 0.85
    assert len(trials) == found.trials <= 60


@pytest.mark.parametrize("width", [0.02, 0.1, 0.2])
def test_a_noisy_target_is_found_near_its_limit(width: float) -> None:
    limit, near = 120.0, 0
    for seed in range(60):
        found, _ = _searched(Search(start=10, least=1), _noisy(Random(seed), limit, width))
        assert found.rate is not None
        near += abs(found.rate / limit - 1) <= 0.05 + 2 * width
    assert near >= 55


def test_a_target_that_meets_it_always_is_searched_to_the_highest_rate() -> None:
    found, _ = _searched(Search(start=10, least=1, most_rate=100), lambda _: True)
    assert (found.rate, found.missed) == (100, None)
    assert found.says == "100/s met the goal in 2 of 2 trials; no higher rate was to be tried"


def test_a_target_that_never_meets_it_has_no_rate() -> None:
    found, _ = _searched(Search(start=10, least=2), lambda _: False)
    assert (found.rate, found.missed) == (None, 2)
    assert found.says == "no rate met the goal; 2/s did not"


def test_a_generator_at_its_limit_ends_the_search_and_says_so() -> None:
    found, _ = _searched(Search(start=10, least=1), lambda rate: True if rate < 50 else None)
    assert found.rate == 40
    assert found.is_bound
    assert found.says == (
        "40/s met the goal in 2 of 2 trials; at 80/s the generator was the limit: the target may carry more"
    )


def test_one_spoilt_trial_is_tried_again() -> None:
    answers = iter([None])
    found, _ = _searched(Search(start=10, least=1), lambda rate: next(answers, rate <= 30))
    assert found.rate == pytest.approx(30, rel=0.05)
    assert not found.is_bound


def test_a_rate_on_the_edge_counts_as_not_met_in_the_end() -> None:
    turns = iter([True, False] * 20)
    found, trials = _searched(Search(start=10, least=10, most=7), lambda _: next(turns))
    assert (found.rate, found.missed, len(trials)) == (None, 10, 7)


def test_used_up_trials_end_it_with_what_is_known() -> None:
    found, _ = _searched(Search(start=10, least=1, trials=3), lambda _: True)
    assert found.rate == 10
    assert found.says.endswith("the 3 trials are used up")


def test_agreement_makes_sure() -> None:
    assert met_more_often(0, 0) == pytest.approx(0.5)
    assert met_more_often(2, 0) == pytest.approx(0.875)
    assert met_more_often(0, 2) == pytest.approx(0.125)
    assert met_more_often(4, 1) == pytest.approx(1 - met_more_often(1, 4))


def _noisy(random: Random, limit: float, width: float) -> Target:
    """A target that meets its goal by chance."""
    return lambda rate: random.random() < _chance(rate, limit, width)


def _chance(rate: float, limit: float, width: float) -> float:
    """How likely a rate meets the goal: half at the limit, and falling over a width."""
    return 1 / (1 + exp(min(50.0, (rate / limit - 1) / width * 4)))
