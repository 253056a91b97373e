"""The parts of a job add up to what the client waited, and the error is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from imageproof.loadtests.books import End, Kind
from imageproof.loadtests.waterfall import HELD, POLLED, fall_of, waterfalls
from tests.loadtests.books_made import WAY_S, call, held, polled

times = st.floats(0.01, 100)


@given(queue=times, run=times, every=st.floats(1, 60), added=st.floats(0, 0.5))
def test_a_polled_job_adds_up_within_what_is_known_of_the_error(
    queue: float, run: float, every: float, added: float
) -> None:
    fall = fall_of(polled(1, 3.0, queue=queue, run=run, every=every, added=added))
    assert fall is not None
    assert tuple(fall.parts) == POLLED
    assert fall.is_explained
    # the two ways back, of the submit's answer and of the poll's, are as long: the error is next to nothing
    assert fall.error_s == pytest.approx(0.0, abs=1e-6)


@given(seconds=times, added=st.floats(0, 5), late=st.floats(0, 5))
def test_a_held_job_adds_up_exactly(seconds: float, added: float, late: float) -> None:
    fall = fall_of(held(1, 3.0, seconds=seconds, added=added, late=late))
    assert fall is not None
    assert tuple(fall.parts) == HELD
    assert fall.error_s == pytest.approx(0.0, abs=1e-9)
    assert fall.parts["overhead"] == pytest.approx(added, abs=1e-9)


def test_a_gateway_that_keeps_back_the_answer_to_a_submit_is_an_error_that_is_explained() -> None:
    job = polled(1, 0.0)
    slow = replace(job.calls[0], ended_s=job.calls[0].ended_s + 1.5)
    fall = fall_of(replace(job, calls=(slow, *job.calls[1:])))
    assert fall is not None
    assert fall.error_s == pytest.approx(1.5, abs=1e-6)
    assert fall.is_explained


@pytest.mark.parametrize(("run", "sign"), [(60.0, 1), (0.1, -1)])
def test_wrong_times_of_an_upstream_are_not_explained(run: float, sign: int) -> None:
    found = waterfalls([replace(polled(1, 0.0), run_s=run)])["polled"]
    assert (found.jobs, found.explained) == (1, 0)
    assert found.worst_s * sign > 3
    assert found.says.endswith("1 miss it by more than the ways between two clocks explain")


def test_the_result_and_the_pauses_before_it_are_parts_of_the_whole() -> None:
    job = polled(1, 0.0)
    seen = job.calls[-2]
    result = call(Kind.RESULT, seen.ended_s + 0.2, 0.3)
    download = call(Kind.DOWNLOAD, result.ended_s, 0.4)
    fall = fall_of(replace(job, calls=(*job.calls[:-1], result, download)))
    assert fall is not None
    assert fall.parts["result"] == pytest.approx(0.3)
    assert fall.parts["download"] == pytest.approx(0.4)
    assert fall.error_s == pytest.approx(-0.2, abs=1e-6)
    assert fall.is_explained


def test_means_add_up_and_the_untold_are_counted() -> None:
    jobs = [polled(1, 0.0, run=4.0), polled(2, 0.0, run=8.0), polled(3, 0.0, run_s=None), held(4, 0.0)]
    jobs += [polled(5, 0.0, warm_up=True), polled(6, 0.0, end=End.FAILED)]
    found = waterfalls(jobs)
    assert set(found) == {"polled", "held"}
    fall = found["polled"]
    assert (fall.jobs, fall.untold, fall.explained) == (2, 1, 2)
    assert fall.parts["run"] == 6.0
    assert sum(fall.parts.values()) == pytest.approx(fall.whole_s, abs=WAY_S)
    assert fall.says.startswith("the parts of 2 jobs add up to what the client waited within 0.00 ms")


def test_nothing_told_is_said() -> None:
    (fall,) = waterfalls([polled(1, 0.0, done_ago_s=None)]).values()
    assert fall.says == "no job was done of which the upstream told its times"
    assert waterfalls([]) == {}
