"""What charts are made of: axes, ticks, names that make room, bars that share out what lies between them."""

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.reports.load_axis import Axis, Percentiles, clock_ticks, close_axis, values_axis
from imageproof.reports.load_chart import NAME_STEP, Name, levels_of, line_of, spread_names, table_of, thinned
from imageproof.reports.load_data import Bar, load_data
from imageproof.reports.load_rates import columns_of
from imageproof.reports.load_shapes import binned
from imageproof.reports.load_units import (
    bytes_text,
    clock_text,
    number_text,
    percent_name,
    rate_text,
    share_text,
    time_text,
)
from tests.reports.load_runs import sample, slices

FLOATS = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0"), (1e-12, "0"), (0.00000123, "1.23 µs"), (0.00085, "850 µs"), (0.0123456, "12.3 ms"),
        (0.9996, "1 s"), (0.0009996, "1 ms"), (1.5, "1.5 s"), (59.94, "59.9 s"), (75.0, "75 s"), (900.0, "15 min"),
        (7200.0, "2 h"), (-0.000158, "-158 µs"),
    ],
)  # fmt: skip
def test_times_have_the_unit_that_fits(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_numbers_are_short() -> None:
    assert clock_text(12.5) == "12.5 s"
    assert clock_text(725.0) == "12:05 min"
    assert clock_text(7325.0) == "2:02:05 h"
    assert [number_text(value) for value in (0.0, 0.000012, 39.64, 12345.0)] == ["0", "0.000012", "39.6", "12,345"]
    assert rate_text(0.5) == "0.5/s"
    assert share_text(0.0264) == "2.64 %"
    assert [bytes_text(size) for size in (12, 2200, 5_000_000)] == ["12 bytes", "2.2 kB", "5 MB"]
    assert [percent_name(percent) for percent in (50.0, 99.9, 100.0)] == ["p50", "p99.9", "max"]


@given(st.lists(FLOATS, max_size=20))
def test_values_stay_in_the_drawing_and_in_their_order(values: list[float]) -> None:
    for axis in (values_axis(values, 200.0, 10.0), close_axis(values, 200.0, 10.0)):
        places = [axis.at(value) for value in sorted(values)]
        assert all(10.0 <= place <= 200.0 for place in places)
        assert places == sorted(places, reverse=True)
        assert len(axis.ticks(str)) <= 24


def test_values_far_apart_are_drawn_by_their_logarithms() -> None:
    near, far = values_axis([0.5, 1.0], 0.0, 100.0), values_axis([0.001, 1.0], 0.0, 100.0)
    assert not near.is_log
    assert near.at(0.0) == 0.0
    assert far.is_log
    assert far.at(0.1) - far.at(0.01) == pytest.approx(far.at(0.01) - far.at(0.001), abs=0.2)
    assert [tick.label for tick in far.ticks(time_text)] == [
        "1 ms",
        "3 ms",
        "10 ms",
        "30 ms",
        "100 ms",
        "300 ms",
        "1 s",
    ]


def test_ticks_of_time_are_times_that_people_use() -> None:
    axis = Axis(low=0.0, high=3600.0, begin=0.0, end=900.0)
    assert [tick.label for tick in clock_ticks(axis, clock_text)] == [
        "0 s", "10:00 min", "20:00 min", "30:00 min", "40:00 min", "50:00 min", "1:00:00 h",
    ]  # fmt: skip


def test_each_nine_takes_the_same_room() -> None:
    axis = Percentiles(samples=10_000, begin=0.0, end=400.0)
    assert [axis.at(percent) for percent in (0.0, 90.0, 99.0, 99.9, 99.99, 100.0)] == [0, 100, 200, 300, 400, 400]
    assert [tick.label for tick in axis.ticks()] == ["0 %", "50 %", "90 %", "99 %", "99.9 %", "max"]


@given(st.lists(st.floats(min_value=0, max_value=300), max_size=12))
def test_names_make_room_for_one_another(heights: list[float]) -> None:
    names = [Name(css="", x=0.0, y=y, text=str(at)) for at, y in enumerate(heights)]
    placed = spread_names(names, 0.0, 300.0)
    tops = [name.y for name in placed]
    assert all(low - high >= NAME_STEP - 0.2 for high, low in pairwise(tops))
    assert len(placed) == len(names)
    if tops:
        assert tops[-1] <= 300.2


def test_names_of_levels_stand_above_one_another() -> None:
    levels = levels_of([("low", 100.0), ("lower", 104.0), ("high", 20.0)], "limit")
    assert [(level.text, level.text_y) for level in levels] == [("lower", 100.0), ("low", 87.0), ("high", 16.0)]


def test_a_line_is_broken_at_a_gap_and_a_lonely_point_is_a_dot() -> None:
    axis = Axis(low=0.0, high=10.0, begin=0.0, end=10.0)
    line = line_of([(0, 1), (1, 1), (5, 2), (8, 3), (9, 3)], axis, axis, "x", 1.5)
    assert line.path == "M0 1L1 1M8 3L9 3"
    assert line.dots == ((5.0, 2.0),)
    assert line_of([], axis, axis, "x", 1.0).path == ""


def test_many_points_are_thinned_to_their_worst_or_their_mean() -> None:
    points = [(float(at), float(at % 10)) for at in range(10_000)]
    worst, mean = thinned(points), thinned(points, worst=False)
    assert len(worst) == 400
    assert {value for _, value in worst} == {9.0}
    assert sum(value for _, value in mean) / len(mean) == pytest.approx(4.5, abs=0.1)
    assert thinned(points[:400]) == points[:400]


def test_long_tables_say_how_much_they_leave_out() -> None:
    table = table_of("t", ("a",), ((str(number),) for number in range(1_000)))
    assert len(table.rows) == 600
    assert table.left_out == 400


@given(
    st.lists(
        st.tuples(st.floats(min_value=0.001, max_value=10), st.floats(min_value=0, max_value=5), st.integers(1, 99)),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_no_value_of_a_histogram_is_lost_or_counted_twice(raw: list[tuple[float, float, int]]) -> None:
    bars = [Bar(low=low, high=low + width, times=times) for low, width, times in raw]
    axis = close_axis([edge for bar in bars for edge in (bar.low, bar.high)], 0.0, 100.0)
    low, high = axis.low, axis.high
    edges = [low + (high - low) * number / 12 for number in range(12)] + [high]
    inside = [bar for bar in bars if bar.low >= low]
    assert sum(binned(inside, edges)) == pytest.approx(sum(bar.times for bar in inside), rel=1e-6)


def test_rates_are_summed_up_over_wider_slices() -> None:
    data = load_data(slices(240, width_s=0.5, offered=6.0))
    columns, wide = columns_of(data.series["offered"], data)
    assert wide == 2.0
    assert len(columns) == 60
    assert {value for _, value in columns} == {6.0}
    assert columns_of((), data) == ([], 0.5)


def test_a_rate_that_is_told_of_few_slices_was_nothing_in_the_others() -> None:
    samples = [*slices(10), sample("errors.by", 4.0, 9.0, fault="gateway")]
    data = load_data(samples)
    columns, _ = columns_of(data.faults["gateway"], data)
    assert [value for _, value in columns] == [0.0] * 9 + [4.0]


def test_a_name_is_parted_into_phase_and_statistic() -> None:
    samples = [
        sample("overhead.poll.p99.9", 1.0, measured="corrected", samples="5", unit="s"),
        sample("overhead.poll.mean", 2.0, measured="corrected", samples="5", unit="s"),
        sample("polls.p50", 3.0, measured="corrected", samples="5", unit=""),
        sample("submit.p50", 4.0, measured="naive", samples="5", unit="s"),
        sample("per_megabyte", 4.0, measured="gross", samples="5", way="url"),
        sample("overhead.p50", 4.0, measured="direct", samples="5"),
    ]
    data = load_data(samples)
    assert data.phases["overhead.poll"].stats == {"p99.9": 1.0, "mean": 2.0}
    assert not data.phases["polls"].is_time
    assert set(data.phases) == {"overhead.poll", "polls"}
    assert [item.name for item in data.slopes] == ["per_megabyte"]
    assert not math.isnan(data.end_s)
