"""A gateway that drops headers still has its overhead told, by the upstream's books, where they are plain."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from imageproof.loadtests.books import Call, Job, Kind
from imageproof.loadtests.joined import joined, says_joined
from imageproof.loadtests.overhead import overheads
from imageproof.loadtests.truth import Upstream
from tests.loadtests.books_made import held, polled

RUN_S, ADDED_S = 2.0, 0.015


def stripped(job: Job) -> Job:
    """The job as a client books it whose gateway drops the headers."""
    calls = tuple(replace(call, held_s=None) for call in job.calls)
    return replace(job, calls=calls, queue_s=None, run_s=None, done_ago_s=None)


def order(mark: int, **more: object) -> Upstream:
    return replace(Upstream(mark=mark, task=f"task-{mark}", queue_s=0.5, run_s=RUN_S - 0.5), **more)


def test_the_overhead_of_held_calls_comes_from_the_books() -> None:
    jobs = [stripped(held(mark, 0.0, seconds=RUN_S, added=ADDED_S)) for mark in range(20)]
    assert not overheads(jobs)
    told, count = joined(jobs, [order(mark) for mark in range(20)])
    assert count == 20
    assert overheads(told)["overhead.generate"].percentile(99) == pytest.approx(ADDED_S, rel=0.001)
    assert [job.mark for job in told] == list(range(20))


def test_what_answers_told_is_not_replaced() -> None:
    job = held(1, 0.0, seconds=RUN_S, added=ADDED_S)
    told, count = joined([job], [order(1, run_s=1.0)])
    assert (told, count) == ([job], 0)


@pytest.mark.parametrize(
    "orders",
    [
        (),
        (order(2),),
        (order(1), order(1)),
        (order(1, accepted=2),),
        (order(1, succeeded=False),),
        (order(1, succeeded=None),),
    ],
)
def test_books_that_are_not_plain_tell_nothing(orders: tuple[Upstream, ...]) -> None:
    job = stripped(held(1, 0.0, seconds=RUN_S))
    assert joined([job], orders) == ([job], 0)


def test_a_polled_job_learns_its_queue_and_run_and_that_no_submit_or_poll_was_held() -> None:
    (told,), count = joined([stripped(polled(1, 0.0))], [order(1)])
    assert (told.queue_s, told.run_s, count) == (0.5, RUN_S - 0.5, 1)
    assert {call.kind: call.held_s for call in told.calls} == {Kind.SUBMIT: 0.0, Kind.POLL: 0.0, Kind.DOWNLOAD: None}


def test_the_overhead_of_submits_and_polls_is_all_that_they_took() -> None:
    true = [polled(mark, 0.0, added=ADDED_S) for mark in range(20)]
    told, _ = joined([stripped(job) for job in true], [order(mark) for mark in range(20)])
    for name in ("overhead.submit", "overhead.poll"):
        assert overheads(told)[name].percentile(50) == pytest.approx(overheads(true)[name].percentile(50), rel=0.001)


def test_an_upstream_that_was_asked_to_fail_may_have_held_any_call() -> None:
    (told,), count = joined([stripped(polled(1, 0.0))], [order(1)], is_disturbed=True)
    assert (told.queue_s, told.run_s, count) == (0.5, RUN_S - 0.5, 1)
    calls: list[Call] = [call for call in told.calls if call.held_s is not None]
    assert not calls


def test_a_person_is_told_of_it() -> None:
    assert not says_joined(0)
    assert "1,200 jobs" in says_joined(1200)[0]
    assert says_joined(1200)[0].endswith("polls not held")
    assert says_joined(1200, is_disturbed=True)[0].endswith("by its books")
