"""What each phase took, from the intended start: known plans come out, and a frozen second can't hide."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from imageproof.loadtests.books import Call, End, Fault, Job, Kind
from imageproof.loadtests.histograms import RELATIVE_ERROR, HistogramError
from imageproof.loadtests.phases import HAS_NAIVE, NAMES, Phases, measured
from tests.loadtests.books_made import WAY_S, call, held, polled


@pytest.mark.parametrize("planned", [0.05, 1.0, 60.0])
def test_constant_planned_times_are_what_is_reported(planned: float) -> None:
    phases = Phases(held(mark, mark * 0.1, seconds=planned) for mark in range(300))
    for histogram in (phases.corrected["e2e"], phases.naive["e2e"], phases.corrected["generate"]):
        found = [histogram.percentile(percent) for percent in (50, 90, 99, 99.9)]
        assert found == [pytest.approx(planned, rel=RELATIVE_ERROR)] * 4


def test_a_frozen_second_shows_in_the_corrected_p99_and_not_in_the_naive_one() -> None:
    free = 0.0
    jobs = []
    for mark in range(2000):  # a hundred a second, one after another; at ten seconds, one answer takes a second
        due = mark / 100
        began = max(due, free)
        seconds = 1.0 if mark == 1000 else 0.002
        free = began + seconds
        jobs.append(held(mark, due, seconds=seconds, late=began - due))
    phases = Phases(jobs)
    corrected, naive = phases.corrected["generate"].percentile(99), phases.naive["generate"].percentile(99)
    assert naive == pytest.approx(0.002, rel=0.01)
    assert corrected is not None
    assert corrected > 0.5


@settings(max_examples=30)
@given(parts=st.lists(st.lists(st.floats(0.01, 500), max_size=5), max_size=4))
def test_merged_processes_are_the_whole(parts: list[list[float]]) -> None:
    jobs = [[polled(at, 1.0, run=run, every=max(1.0, run / 5)) for at, run in enumerate(part)] for part in parts]
    together = Phases()
    for part in jobs:
        together.merge(Phases.from_text(Phases(part).text()))
    whole = Phases(job for part in jobs for job in part)
    assert together.jobs == whole.jobs
    assert {name: item.bars() for name, item in together.corrected.items()} == {
        name: item.bars() for name, item in whole.corrected.items()
    }
    assert {name: item.text() for name, item in together.naive.items()} == {
        name: item.text() for name, item in whole.naive.items()
    }


def test_a_polled_job_tells_all_its_phases() -> None:
    values = {item.phase: item.corrected for item in measured(polled(1, 10.0, queue=1.0, run=4.0, every=2.0))}
    assert values["queue"] == 1.0
    assert values["run"] == 4.0
    assert values["polls"] == 3
    assert values["lag"] == pytest.approx(1.0 + 2 * WAY_S)
    assert values["submit"] == pytest.approx(2 * WAY_S)
    assert values["e2e"] == pytest.approx(6.0 + 4 * WAY_S + 0.05)


def test_each_event_of_a_stream_is_told_from_the_intended_start() -> None:
    stream = call(Kind.STREAM, 2.0, 9.0, intended_s=1.0, events_s=(4.0, 7.0, 11.0))
    job = held(1, 1.0)
    values = {item.phase: (item.corrected, item.naive) for item in measured(_with_calls(job, stream))}
    assert values["first_event"] == (3.0, 2.0)
    assert values["partial.1"] == (3.0, 2.0)
    assert values["partial.2"] == (6.0, 5.0)
    assert "partial.3" not in values


def test_an_error_is_no_latency_but_a_time_out_is() -> None:
    quick = call(Kind.SUBMIT, 0.0, 0.001, fault=Fault.GATEWAY, status=502)
    slow = call(Kind.SUBMIT, 0.0, 30.0, fault=Fault.TIMEOUT, status=None)
    jobs = [_with_calls(held(mark, 0.0, end=End.LOST), made) for mark, made in enumerate((quick, slow))]
    histogram = Phases(jobs).corrected["submit"]
    assert (histogram.count, histogram.most) == (1, 30.0)


def test_the_warm_up_is_left_out_and_counted() -> None:
    phases = Phases([held(1, 0.0, seconds=9.0, warm_up=True), held(2, 5.0, seconds=1.0)])
    assert (phases.jobs, phases.warm_up, phases.corrected["e2e"].most) == (1, 1, 1.0)


def test_phases_stand_in_the_order_of_a_job() -> None:
    names = Phases([polled(1, 0.0)]).names()
    assert names == sorted(names, key=NAMES.index)
    assert set(NAMES) > HAS_NAIVE


def test_nonsense_is_no_text_of_phases() -> None:
    with pytest.raises(HistogramError, match=r"expected the text of a run's phases, got '\{\}'"):
        Phases.from_text("{}")


def _with_calls(job: Job, *calls: Call) -> Job:
    return replace(job, calls=calls)
