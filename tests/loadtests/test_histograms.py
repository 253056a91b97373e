"""Histograms keep what was counted, however it was split among processes, and say no more than they know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.loadtests.histograms import RELATIVE_ERROR, Histogram, HistogramError, Unit, merged

seconds = st.floats(min_value=-1, max_value=4000, allow_nan=False)


@given(parts=st.lists(st.lists(seconds, max_size=20), max_size=5))
def test_merged_parts_are_the_whole(parts: list[list[float]]) -> None:
    whole = Histogram(values=(value for part in parts for value in part))
    together = merged(Histogram.from_text(Histogram(values=part).text()) for part in parts)
    assert together.text() == whole.text()
    assert together.bars() == whole.bars()
    assert (together.count, together.least, together.most, together.mean, together.clipped) == (
        whole.count, whole.least, whole.most, whole.mean, whole.clipped,
    )  # fmt: skip


@given(values=st.lists(st.floats(min_value=-3000, max_value=3000), min_size=1), percent=st.floats(0.01, 100))
def test_a_percentile_is_the_ranked_value_to_three_digits(values: list[float], percent: float) -> None:
    found = Histogram(values=values).percentile(percent)
    at = -(-round(percent / 100 * len(values), 9) // 1)
    ranked = sorted(values)[max(1, int(at)) - 1]
    assert found is not None
    assert found == pytest.approx(ranked, rel=RELATIVE_ERROR, abs=2e-6)


@given(values=st.lists(st.floats(0, 3000), min_size=1), limit=st.floats(0, 3000))
def test_as_many_are_beyond_a_limit_as_the_percentiles_say(values: list[float], limit: float) -> None:
    histogram = Histogram(values=values)
    share = 100 * (1 - histogram.beyond(limit) / len(values))
    found = histogram.percentile(share) if share else None
    assert found is None or found <= limit


@pytest.mark.parametrize("planned", [0.05, 1.0, 60.0, 299.0])
def test_constant_times_give_percentiles_equal_to_the_plan(planned: float) -> None:
    histogram = Histogram(values=[planned] * 1000)
    assert [histogram.percentile(percent) for percent in (50, 90, 99, 99.9, 100)] == [planned] * 5
    assert histogram.mean == planned


def test_a_value_beyond_the_hour_is_counted_and_said() -> None:
    histogram = Histogram(values=[1.0, 7200.0])
    assert (histogram.count, histogram.clipped, histogram.most) == (2, 1, 3600.0)


def test_counts_are_whole_numbers() -> None:
    histogram = Histogram(Unit.COUNT, [3, 3, 4])
    assert (histogram.percentile(50), histogram.most) == (3, 4)
    assert histogram.mean == pytest.approx(10 / 3)


def test_an_empty_one_knows_nothing() -> None:
    empty = Histogram.from_text(Histogram().text())
    assert (empty.percentile(99), empty.mean, empty.most, empty.least, empty.bars()) == (None, None, None, None, [])


def test_units_do_not_mix() -> None:
    with pytest.raises(HistogramError, match="expected a histogram of unit 's', got ''"):
        Histogram().merge(Histogram(Unit.COUNT, [1]))


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"unit":"s","above":"HISTFAAAA"}', '{"unit":"s","above":"xx"}'])
def test_nonsense_is_no_histogram(text: str) -> None:
    with pytest.raises(HistogramError, match="expected the text of a histogram"):
        Histogram.from_text(text)
