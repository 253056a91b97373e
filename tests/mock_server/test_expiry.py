"""Tasks that are over are dropped, and all that an account keeps beside them; nothing else ever is."""

from __future__ import annotations

import httpx2 as httpx
import pytest

from imageproof import Mock as LiveMock
from imageproof.mock_server.accounts import Ledger
from imageproof.mock_server.expiry import (
    BLOCK,
    CARRIED,
    GRACE_S,
    LOOKS,
    PATIENCE_S,
    TURNS,
    USUAL_S,
    terms_of,
)
from imageproof.mock_server.faults.book import FaultBook, JobFaults
from imageproof.mock_server.record import Moves
from imageproof.mock_server.tasks import finish
from imageproof.mock_server.truths import Held
from imageproof.mock_server.upstream import FullError
from imageproof.specs.library import load
from tests.mock_server.over_bench import KEEP_S, START, Bench, balances, record_of

# how long


@pytest.mark.parametrize(
    ("name", "seconds"),
    [("toapis", 86_400 + GRACE_S), ("reapi", 7 * 86_400 + GRACE_S), ("openai", USUAL_S + GRACE_S)],
)
def test_a_task_is_kept_as_long_as_its_result_and_an_hour_more(name: str, seconds: float) -> None:
    spec = load(name)
    assert terms_of(spec, None).keep_s == seconds
    assert terms_of(spec, 5.0).keep_s == 5.0


def test_a_task_is_dropped_at_a_submit_after_its_time_and_not_before() -> None:
    bench = Bench()
    account = bench.account()
    old = bench.submit(account, run_s=10)
    account.clock.advance(KEEP_S + 10 - 1e-3)
    bench.submit(account)
    assert bench.has(old)
    account.clock.advance(1e-3)
    assert bench.has(old), "only a submit drops"
    bench.submit(account)
    assert not bench.has(old)
    assert bench.upstream.task_count == 2


def test_a_mock_that_is_full_of_tasks_that_no_time_ends_refuses_more() -> None:
    bench = Bench(keep_s=0.0, max_tasks=3)
    account = bench.account()
    stuck = [bench.submit(account, moves=Moves.BY_HAND) for _ in range(3)]
    account.clock.advance(PATIENCE_S)
    with pytest.raises(FullError, match="holds 3 tasks, its limit"):
        bench.submit(account)
    assert all(bench.has(task) for task in stuck)


def test_many_tasks_are_looked_at_in_turns_and_all_that_are_over_go() -> None:
    bench = Bench()
    account = bench.account()
    for _ in range(3 * BLOCK):
        bench.submit(account, run_s=10)
    account.clock.advance(KEEP_S + 10)
    kept = []
    for _ in range(3 * TURNS):
        bench.submit(account, run_s=10)
        kept.append(bench.upstream.task_count)
    assert len({count - number for number, count in enumerate(kept)}) == 1 + 3, "most submits look at none"
    assert kept[-1] == 3 * BLOCK + 3 * TURNS - 3 * TURNS * LOOKS
    for _ in range(3 * BLOCK):
        bench.submit(account, run_s=10)
    assert bench.upstream.task_count == 3 * TURNS + 3 * BLOCK


def test_a_task_that_no_time_ends_is_kept_for_ever_and_holds_nobody_up() -> None:
    bench = Bench()
    account = bench.account()
    stuck = [bench.submit(account, moves=moves) for moves in (Moves.BY_HAND, Moves.BY_POLLS)]
    slow = bench.submit(account, run_s=100_000)
    usual = bench.submit(account)
    account.clock.advance(KEEP_S + PATIENCE_S)
    bench.submit(account)
    assert [bench.has(task) for task in (*stuck, slow, usual)] == [True, True, True, False]
    account.clock.advance(1e6)
    for _ in range(3):
        bench.submit(account)
    assert [bench.has(task) for task in (*stuck, slow)] == [True, True, False]
    record = bench.upstream.find_task("toapis", stuck[0])
    assert record is not None
    finish(bench.service, account, stuck[0], record, account.clock.now())
    account.clock.advance(2 * KEEP_S)
    for _ in range(3):
        bench.submit(account)
    assert [bench.has(task) for task in stuck] == [False, True]


def test_a_full_mock_drops_what_is_over_of_any_account_before_it_refuses() -> None:
    bench = Bench(max_tasks=3)
    idle, busy = bench.account("sk-a"), bench.account("sk-b")
    gone = [bench.submit(idle) for _ in range(2)]
    bench.submit(busy)
    with pytest.raises(FullError, match="holds 3 tasks, its limit"):
        bench.submit(busy)
    bench.upstream.expiry._rested_at = 0.0  # noqa: SLF001  (a full mock looks once in a second, and a test does not wait)
    idle.clock.advance(KEEP_S + 10)
    kept = [bench.submit(busy) for _ in range(2)]
    assert [bench.has(task) for task in (*gone, *kept)] == [False, False, True, True]


# what goes with a task


def test_all_that_an_account_keeps_beside_a_task_goes_with_it() -> None:
    bench = Bench()
    account = bench.account()
    account.faults = book = FaultBook(seed=b"", key=account.key)
    old = bench.submit(account, alias="order 1")
    again = bench.submit(account, alias="order 2")
    account.idempotent["key"] = (b"", old)
    bench.upstream.polls_left[old] = 1
    bench.upstream.expired[old] = True
    book.jobs[old], book.job_of[old] = JobFaults([]), b"job"
    book.lost.add(old)
    account.clock.advance(KEEP_S + 10)
    young = bench.submit(account, alias="order 2")
    assert not bench.has(again)
    assert account.aliases == {"order 2": young}
    kept = (account.idempotent, bench.upstream.polls_left, bench.upstream.expired, book.jobs, book.job_of, book.lost)
    assert not any(kept)


def test_what_belongs_to_tasks_that_are_kept_is_kept() -> None:
    bench = Bench()
    account = bench.account()
    stuck = bench.submit(account, moves=Moves.BY_HAND, alias="order 1")
    bench.submit(account)
    account.idempotent["key"] = (b"", stuck)
    account.clock.advance(KEEP_S + PATIENCE_S)
    bench.submit(account)
    bench.submit(account)
    assert bench.upstream.task_count == 3
    assert account.aliases == {"order 1": stuck}
    assert account.idempotent == {"key": (b"", stuck)}


def test_an_account_that_is_reset_is_watched_no_more() -> None:
    bench = Bench()
    account = bench.account()
    bench.submit(account)
    bench.upstream.drop_account("toapis", account)
    assert bench.upstream.task_count == 0
    fresh = bench.account()
    task = bench.submit(fresh)
    fresh.clock.advance(KEEP_S + 10)
    bench.submit(fresh)
    assert not bench.has(task)
    assert bench.upstream.task_count == 1


# money


def test_old_lines_of_a_ledger_become_one_and_those_of_kept_jobs_stay() -> None:
    ledger = Ledger(1000)
    for job in range(1, 6):
        ledger.charge(10 * job, float(job), job)
    ledger.refund_at(4.0, 20, 2)
    ledger.settle(5.0)
    ledger.carry(4.0, {1})
    lines = [(move.kind, move.micro_usd, move.job) for move in ledger.movements()]
    assert lines == [("carried", -50, 0), ("charge", 10, 1), ("charge", 40, 4), ("charge", 50, 5), ("refund", 20, 2)]
    assert ledger.net_by_job() == {1: 10, 4: 40, 5: 50, 2: -20}
    ledger.carry(1e9, ())
    assert [(move.kind, move.micro_usd) for move in ledger.movements()] == [("carried", -130)]
    assert ledger.balance == 870
    assert balances(ledger)


@pytest.mark.parametrize("is_held", [False, True])
def test_a_ledger_does_not_grow_with_the_jobs_that_have_been(is_held: bool) -> None:  # noqa: FBT001  (a parameter)
    bench = Bench()
    account = bench.account()
    longest = 0
    for number in range(6 * CARRIED):
        account.clock.advance(1.0)
        if is_held:
            account.jobs += 1
            record = record_of(account, 10.0)
            held = Held(f"img_{number}", record.pack(), has_failed=False)
            bench.upstream.expiry.note_held(account, held, record.submitted)
            account.ledger.charge(record.micro_usd, account.clock.now(), account.jobs)
        else:
            bench.submit(account)
        longest = max(longest, len(account.ledger.movements()) if number % 256 == 0 else 0)
    assert longest <= CARRIED + KEEP_S + 10 + 256
    assert bench.upstream.task_count <= KEEP_S + 12 + TURNS
    assert len(account.held) <= 100
    assert balances(account.ledger)
    assert account.ledger.opening - account.ledger.balance == 6 * CARRIED * 1_000_000


# on the wire


def test_a_client_is_told_that_it_has_no_such_task_once_that_is_dropped() -> None:
    with LiveMock("reapi", clock="manual", start=START, keep_tasks_s=KEEP_S) as mock:
        account = mock.account("reapi")
        with httpx.Client(base_url=account.base_url, headers=account.headers) as http:
            body = {"model": "gpt-image-2", "prompt": "a red fox"}
            task = http.post("/api/v1/images/generations", json=body).json()["id"]
            account.advance(95)
            image = http.get(f"/api/v1/tasks/{task}").json()["output"]["image_urls"][0]
            assert http.get(image).status_code == 200
            account.advance(KEEP_S)
            young = http.post("/api/v1/images/generations", json=body).json()["id"]
            unknown = http.get(f"/api/v1/tasks/{task}")
            never = http.get("/api/v1/tasks/task_00000000000000000000000000000000")
            assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, 40001)
            assert unknown.json()["error"]["code"] == never.json()["error"]["code"]
            assert http.get(image).status_code == 404
            assert http.get(f"/api/v1/tasks/{young}").json()["status"] == "processing"
        assert [str(plan["id"]) for plan in account.tasks()] == [young]
