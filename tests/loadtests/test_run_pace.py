"""When jobs begin: the same for the same seed, right for any shape, shared out without loss."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.loadtests.pace import arrivals, expected, level_at, most_of, pieces, read_shape, waits_until

SHAPES = st.sampled_from(["flat", "ramp", "step", "step:7", "spike", "spike:8x", "soak"]).map(read_shape)


@given(shape=SHAPES, rate=st.floats(0.5, 200), duration=st.floats(1, 60), warm_up=st.floats(0, 10))
def test_constant_arrivals_are_as_many_as_the_area_of_the_shape(
    shape: object, rate: float, duration: float, warm_up: float
) -> None:
    profile = pieces(read_shape(str(shape)), duration, warm_up)
    times = list(arrivals(profile, rate, how="constant", seed=1))

    assert abs(len(times) - expected(profile, rate)) <= 1
    assert all(before <= after for before, after in pairwise(times))
    assert all(0 <= at <= warm_up + duration + 1e-6 for at in times)


def test_constant_arrivals_at_a_flat_rate_are_evenly_spaced() -> None:
    times = list(arrivals(pieces(read_shape("flat"), 2.0), 10.0, how="constant", seed=1))

    assert times == pytest.approx([at / 10 for at in range(1, 20)], abs=1e-9)


def test_a_ramp_has_a_quarter_of_its_arrivals_in_its_first_half() -> None:
    times = list(arrivals(pieces(read_shape("ramp"), 100.0), 100.0, how="constant", seed=1))

    assert len(times) == pytest.approx(5000, abs=1)
    assert sum(at < 50 for at in times) == pytest.approx(1250, abs=1)


def test_poisson_arrivals_have_the_spread_of_chance_and_repeat_by_seed() -> None:
    profile = pieces(read_shape("flat"), 1000.0)
    times = list(arrivals(profile, 10.0, how="poisson", seed=7))
    gaps = [after - before for before, after in pairwise(times)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5

    assert mean == pytest.approx(0.1, rel=0.05)
    assert spread == pytest.approx(mean, rel=0.05)
    assert times == list(arrivals(profile, 10.0, how="poisson", seed=7))
    assert times != list(arrivals(profile, 10.0, how="poisson", seed=8))


def test_a_spike_is_so_many_times_the_rate_for_a_fifth_of_the_time() -> None:
    profile = pieces(read_shape("spike:8x"), 100.0)

    assert most_of(profile) == 8
    assert [level_at(profile, at) for at in (0, 39.9, 40, 59.9, 60, 99, 100)] == [1, 1, 8, 8, 1, 1, 0]


def test_a_warm_up_comes_before_the_shape() -> None:
    profile = pieces(read_shape("step:2"), 10.0, 5.0)

    assert [level_at(profile, at) for at in (0, 4.9, 5, 9.9, 10, 14.9, 15)] == [0.5, 0.5, 0.5, 0.5, 1, 1, 0]
    assert level_at(pieces(read_shape("ramp"), 10.0, 5.0), 1.0) == 0.1


def test_users_come_as_the_shape_rises_and_go_as_it_ends() -> None:
    ramp = pieces(read_shape("ramp"), 10.0)
    steps = pieces(read_shape("step:2"), 10.0)

    assert waits_until(ramp, 0.0, 0.0) == 0.0
    assert waits_until(ramp, 0.5, 0.0) == pytest.approx(5.0)
    assert waits_until(ramp, 0.5, 7.0) == 7.0
    assert waits_until(ramp, 0.5, 10.0) is None
    assert waits_until(steps, 0.5, 0.0) == 5.0
    assert waits_until(steps, 0.4, 1.0) == 1.0


@pytest.mark.parametrize("text", ["round", "flat:2", "step:0", "step:1.5", "spike:0.5x", "ramp:3", "", "step:"])
def test_nonsense_is_refused_with_the_words_that_are_known(text: str) -> None:
    with pytest.raises(ValueError, match="expected a "):
        read_shape(text)
