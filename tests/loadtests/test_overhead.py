"""What the gateway added comes out, whatever the upstream took; no gateway is nothing, within the stated error."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace

from imageproof.loadtests.books import Fault, Job
from imageproof.loadtests.histograms import Histogram
from imageproof.loadtests.overhead import net, overhead_of, overheads
from tests.loadtests.books_made import held, polled


@pytest.mark.parametrize("seconds", [0.05, 1.0, 240.0])
def test_the_gateways_own_time_is_told_for_calls_of_any_length(seconds: float) -> None:
    found = overheads(held(mark, 0.0, seconds=seconds, added=0.015) for mark in range(100))
    assert set(found) == {"overhead", "overhead.generate"}
    assert found["overhead"].percentile(99) == pytest.approx(0.015, rel=0.001)


def test_no_gateway_at_all_is_zero_exactly_where_the_books_say_so() -> None:
    found = overheads(held(mark, 0.0) for mark in range(100))["overhead"]
    assert (found.least, found.most) == (0.0, 0.0)


def test_it_may_be_slightly_negative_and_stays_so() -> None:
    found = overheads([held(1, 0.0, added=-0.0004), held(2, 0.0, added=0.0006)])["overhead"]
    assert found.least == pytest.approx(-0.0004)
    assert found.percentile(50) == pytest.approx(-0.0004, rel=0.001)


def test_kinds_are_told_apart_and_untold_calls_left_out() -> None:
    found = overheads([polled(1, 0.0, added=0.1), held(2, 0.0, warm_up=True)])
    assert set(found) == {"overhead", "overhead.submit", "overhead.poll"}
    assert found["overhead"].count == 1 + 3


def test_an_error_has_no_overhead() -> None:
    (call,) = held(1, 0.0).calls
    assert overhead_of(call) == 0.0
    assert overhead_of(replace(call, fault=Fault.GATEWAY)) is None


def test_no_gateway_against_a_direct_run_is_not_distinguishable() -> None:
    direct, again = (overheads(_noisy(seed, 0.0))["overhead"] for seed in (1, 2))
    for percent in (50.0, 99.0):
        found = net(again, direct, percent)
        assert found is not None
        assert found.is_zero
        assert abs(found.seconds) <= found.difference.half_width + abs(found.difference.low + found.difference.high) / 2
        assert "not distinguishable from none" in found.says


def test_a_gateway_of_five_milliseconds_is_told_with_its_error() -> None:
    found = net(overheads(_noisy(1, 0.005))["overhead"], overheads(_noisy(2, 0.0))["overhead"], 50.0)
    assert found is not None
    assert not found.is_zero
    assert found.difference.holds(0.005)
    assert found.says.startswith("p50 of the overhead is +")


def test_nothing_measured_is_no_overhead() -> None:
    assert net(Histogram(), Histogram(values=[1.0]), 50.0) is None


def _noisy(seed: int, added: float) -> list[Job]:
    random = Random(seed)
    return [held(mark, 0.0, seconds=2.0, added=added + random.expovariate(1000)) for mark in range(1000)]
