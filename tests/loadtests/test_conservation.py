"""Each way in which a job can go missing is planted, and found; and nothing is found where all is well."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from imageproof.loadtests.books import Call, End, Fault, Job, Kind
from imageproof.loadtests.conservation import Breach, conserved
from imageproof.loadtests.truth import Upstream, from_mock
from tests.loadtests.books_made import call, held, polled, row

Side = tuple[Job, list[Upstream]]


def _refused(job: Job) -> Job:
    refusal = call(Kind.SUBMIT, 0.0, 0.1, status=429, fault=Fault.UPSTREAM)
    return replace(job, end=End.REFUSED, task=None, calls=(refusal,), images=0)


def _unanswered(job: Job) -> Job:
    nothing = Call(kind=Kind.SUBMIT, intended_s=0.0, began_s=0.0, ended_s=1.0, fault=Fault.TRANSPORT)
    return replace(job, end=End.LOST, task=None, calls=(nothing,), images=0)


FINE: dict[str, Callable[[Job], Side]] = {
    "done": lambda job: (job, [row(job)]),
    "failed on both sides": lambda job: (replace(job, end=End.FAILED), [row(job, succeeded=False, micro_usd=0)]),
    "refused, and not billed": lambda job: (_refused(job), []),
    "never arrived": lambda job: (_unanswered(job), []),
    "still at work": lambda job: (replace(job, end=End.OPEN), [row(job, succeeded=None)]),
    "made again after a failure": lambda job: (job, [row(job, task="a", succeeded=False, micro_usd=0), row(job)]),
}
PLANTED: dict[str, tuple[Callable[[Job], Side], set[Breach]]] = {
    "forgotten, and never made": (lambda job: (replace(job, end=End.LOST), []), {Breach.LOST}),
    "forgotten after it was made": (
        lambda job: (replace(job, end=End.LOST), [row(job)]),
        {Breach.LOST, Breach.ORPHANED},
    ),
    "accepted, unknown upstream": (lambda job: (replace(job, end=End.OPEN), []), {Breach.LOST}),
    "never told to be done": (
        lambda job: (replace(job, end=End.OPEN), [row(job)]),
        {Breach.LOST, Breach.ORPHANED},
    ),
    "ordered twice": (lambda job: (job, [row(job, task="a"), row(job, task="b")]), {Breach.DUPLICATED}),
    "ordered twice under one id": (lambda job: (job, [row(job, accepted=2)]), {Breach.DUPLICATED}),
    "refused, and billed": (lambda job: (_refused(job), [row(job)]), {Breach.ORPHANED}),
    "no answer, and billed": (lambda job: (_unanswered(job), [row(job)]), {Breach.ORPHANED}),
    "failed here, made there": (lambda job: (replace(job, end=End.FAILED), [row(job)]), {Breach.ORPHANED}),
    "another job's image": (lambda job: (replace(job, swapped=1), [row(job)]), {Breach.SWAPPED}),
    "an image from nowhere": (lambda job: (job, []), {Breach.INVENTED}),
    "an image of a failed task": (lambda job: (job, [row(job, succeeded=False)]), {Breach.INVENTED}),
    "one image of two": (lambda job: (job, [row(job, images=2)]), {Breach.SHORT}),
}


@settings(max_examples=40)
@given(kinds=st.lists(st.sampled_from(sorted(FINE)), max_size=12))
def test_what_is_well_is_kept(kinds: list[str]) -> None:
    sides = [FINE[kind](polled(mark, 0.0)) for mark, kind in enumerate(kinds)]
    found = conserved([job for job, _ in sides], [line for _, rows in sides for line in rows])
    assert found.is_kept
    assert all(found.count(breach) == 0 for breach in Breach)
    assert found.says == f"all {len(kinds):,} jobs ended exactly once in both books"


@settings(max_examples=80)
@given(
    kinds=st.lists(st.sampled_from(sorted(FINE)), max_size=6),
    planted=st.lists(st.sampled_from(sorted(PLANTED)), min_size=1, max_size=6),
    order=st.randoms(use_true_random=False),
)
def test_each_planted_fault_is_found_and_nothing_else(kinds: list[str], planted: list[str], order: object) -> None:
    plans = [(FINE[kind], set[Breach]()) for kind in kinds] + [PLANTED[kind] for kind in planted]
    sides = [(mark, make(polled(mark, 0.0)), breaches) for mark, (make, breaches) in enumerate(plans)]
    rows = [line for _, (_, lines), _ in sides for line in lines]
    order.shuffle(rows)  # type: ignore[attr-defined]
    found = conserved([job for _, (job, _), _ in sides], rows)
    for breach in Breach:
        assert found.breaches[breach] == tuple(mark for mark, _, breaches in sides if breach in breaches), breach
    assert not found.is_kept
    assert found.says.startswith(f"of {len(plans):,} jobs, ")


def test_an_order_that_no_client_made_is_orphaned() -> None:
    found = conserved([], [row(polled(7, 0.0))])
    assert found.breaches[Breach.ORPHANED] == (7,)


def test_a_run_that_was_cut_leaves_open_jobs_to_nobody() -> None:
    job = replace(polled(1, 0.0), end=End.OPEN)
    assert conserved([job], [row(job)], was_cut=True).is_kept
    assert conserved([job], [], was_cut=True).count(Breach.LOST) == 1


def test_without_the_upstreams_books_only_half_is_known() -> None:
    found = conserved([polled(1, 0.0), replace(polled(2, 0.0), end=End.LOST)], None)
    assert found.count(Breach.LOST) == 1
    assert found.count(Breach.SWAPPED) == 0
    assert found.count(Breach.DUPLICATED) is None
    kept = conserved([polled(1, 0.0)], None)
    assert kept.says == "none of 1 jobs was lost or swapped; without the upstream's books nobody knows the rest"


def test_errors_are_counted_by_their_maker_and_money_on_both_sides() -> None:
    jobs = [polled(1, 0.0), _refused(polled(2, 0.0)), _unanswered(polled(3, 0.0))]
    found = conserved(jobs, [row(jobs[0]), row(polled(2, 0.0))])
    assert found.faults == {Fault.UPSTREAM: 1, Fault.TRANSPORT: 1}
    assert (found.errors, found.calls, found.refused_billed) == (2, 7, 1)
    assert (found.expected_micro_usd, found.paid_micro_usd) == (40_000, 80_000)


def test_an_answer_of_200_without_a_task_is_lost() -> None:
    answer = call(Kind.SUBMIT, 0.0, 0.1, fault=Fault.CONTRACT)
    job = replace(polled(1, 0.0), end=End.LOST, task=None, calls=(answer,))
    assert conserved([job], []).count(Breach.LOST) == 1


@pytest.mark.parametrize("breach", list(Breach))
def test_each_breach_has_its_words(breach: Breach) -> None:
    assert breach.means
    assert any(breach in breaches for _, breaches in PLANTED.values())


def test_the_mocks_books_are_read() -> None:
    jobs: list[Mapping[str, object]] = [
        {"id": "a", "prompt": "fox, load-7", "phase": "succeeded", "queue_s": 60.0, "run_s": 120.0, "count": 1,
         "cost_usd": 0.04, "failure": None, "size": "1x1"},
        {"id": "b", "prompt": "fox, load-8", "phase": "failed", "failure": "moderated", "cost_usd": 0.04, "count": 1},
        {"id": "c", "prompt": "fox, load-9", "phase": "running", "cost_usd": 0.04, "count": 1},
        {"id": "d", "prompt": "somebody else's"},
    ]  # fmt: skip
    marks = {"fox, load-7": 7, "fox, load-8": 8, "fox, load-9": 9}
    rows, unmarked = from_mock(jobs, marks.get, scale=60.0)
    assert unmarked == 1
    assert rows[0] == Upstream(mark=7, task="a", micro_usd=40_000, queue_s=1.0, run_s=2.0, images=1)
    assert [(item.mark, item.succeeded, item.micro_usd, item.is_owed) for item in rows[1:]] == [
        (8, False, 0, False),
        (9, None, 40_000, False),
    ]


def test_held_jobs_are_joined_as_well() -> None:
    job = held(1, 0.0)
    assert conserved([job], [row(job)]).is_kept
