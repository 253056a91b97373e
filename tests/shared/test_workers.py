"""`imageproof mock --workers 3`, loaded from many connections at once: nothing is lost, doubled or let through."""

from __future__ import annotations

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from typing import cast

import pytest

from tests.shared.crews import MOCK, Crew, Json, crew, is_alive, until
from tests.shared.stores import Store

WORKERS = 3
JOBS = 240
THREADS = 12
BURST = {"submit": 50, "poll": 500}  # of toapis, by its documents
SUBMIT = "/reapi/api/v1/images/generations"
PRICE = 7_000


@pytest.fixture(scope="module")
def running(store: Store) -> Iterator[Crew]:
    """Three workers on one port."""
    arguments = ("--workers", str(WORKERS), "--store", store.new_url(), "--clock", "manual", "--pictures", "plain")
    with crew(*arguments, "reapi", "toapis") as started:
        yield started


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for requests at the same time."""
    with ThreadPoolExecutor(THREADS) as threads:
        yield threads


def body(prompt: str = "a red fox") -> Json:
    return {"model": "gpt-image-2", "prompt": prompt}


def submit(mock: Crew, key: str, prompt: str = "a red fox") -> str | None:
    """The id of a task; None when no answer came."""
    try:
        answer = mock.ask("POST", SUBMIT, key, body(prompt))
    except (OSError, HTTPException):
        return None
    assert answer.status == 200, answer.raw[:500]
    return str(answer.body["id"])


def micro(value: object) -> int:
    return round(float(str(value)) * 1_000_000)


def charged_jobs(ledger: Json) -> list[int]:
    """The numbers of the jobs that were charged, when the sums are right and nothing else has happened."""
    moves = cast("list[Json]", ledger["movements"])
    assert {(move["kind"], micro(move["usd"])) for move in moves} <= {("charge", PRICE)}
    assert micro(ledger["opening_usd"]) - PRICE * len(moves) == micro(ledger["balance_usd"])
    return [int(str(move["job"])) for move in moves]


def task_ids(mock: Crew, key: str) -> list[str]:
    answer = mock.ask("GET", "/__imageproof__/reapi/tasks", key)
    return [str(task["id"]) for task in cast("list[Json]", answer.body)]


def journal(mock: Crew, key: str) -> list[Json]:
    return cast("list[Json]", mock.control("GET", "reapi/journal", key)["entries"])


def test_several_workers_answer(running: Crew) -> None:
    seen: list[int] = []

    def have_all_answered() -> bool:
        seen.append(running.some_worker())
        return len({*seen}) == WORKERS

    until(have_all_answered, "some worker never answers")
    assert {*seen} == running.workers()
    assert running.ready["pid"] == running.process.pid
    assert running.process.pid not in seen


def test_another_mock_with_workers_does_not_share_the_port_by_mistake(running: Crew, url: str) -> None:
    port = str(running.address[1])
    words = ("--workers", "2", "--store", url, "--port", port, "reapi")
    done = subprocess.run([*MOCK, *words], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr


def test_hundreds_of_submits_on_one_key_are_all_booked_and_kept(running: Crew, pool: ThreadPoolExecutor) -> None:
    key = "rk_live_stress"

    ids = [*pool.map(lambda number: submit(running, key, f"fox {number % 7}"), range(JOBS))]

    assert len({*ids}) == JOBS
    polls = [*pool.map(lambda name: running.ask("GET", f"/reapi/api/v1/tasks/{name}", key), ids)]
    assert {(answer.status, answer.body["status"]) for answer in polls} == {(200, "processing")}
    assert charged_jobs(running.control("GET", "reapi/ledger", key)) == [*range(1, JOBS + 1)]
    assert {*task_ids(running, key)} == {*ids}
    until(lambda: len(journal(running, key)) == 2 * JOBS)  # other workers send theirs a few milliseconds later
    entries = journal(running, key)
    assert Counter(entry["operation"] for entry in entries) == {"submit": JOBS, "poll": JOBS}
    assert [entry["number"] for entry in entries] == [*range(1, 2 * JOBS + 1)]
    assert {entry["task"] for entry in entries if entry["operation"] == "submit"} == {*ids}


@pytest.mark.parametrize("operation", BURST)
def test_a_documented_limit_lets_exactly_as_many_through_as_one_worker_would(
    running: Crew, pool: ThreadPoolExecutor, operation: str
) -> None:
    key = f"sk-shared-{operation}_limited"
    path = "/toapis/v1/images/generations"
    if operation == "poll":
        path += "/" + str(running.ask("POST", path, key, body()).body["id"])
    method = "GET" if operation == "poll" else "POST"
    asked = BURST[operation] + 20

    answers = [*pool.map(lambda _: running.ask(method, path, key, None if method == "GET" else body()), range(asked))]

    assert Counter(answer.status for answer in answers) == {200: BURST[operation], 429: 20}
    left = sorted(int(answer.headers["X-RateLimit-Remaining"]) for answer in answers if answer.status == 200)
    assert left == [*range(BURST[operation])]


def test_a_worker_that_is_killed_loses_nothing_and_is_replaced(store: Store, pool: ThreadPoolExecutor) -> None:
    key = "rk_live_killed"
    arguments = ("--workers", str(WORKERS), "--store", store.new_url(), "--clock", "manual", "--pictures", "plain")
    with crew(*arguments, "reapi") as mock:
        before = mock.workers()
        victim = mock.some_worker()
        calls = [pool.submit(submit, mock, key, f"fox {number}") for number in range(JOBS)]
        until(lambda: sum(call.done() for call in calls) > JOBS // 4)
        os.kill(victim, signal.SIGKILL)
        answered = [name for call in calls if (name := call.result()) is not None]

        assert len({*answered}) == len(answered) >= JOBS - THREADS
        kept = task_ids(mock, key)
        assert {*answered} <= {*kept}
        assert charged_jobs(mock.control("GET", "reapi/ledger", key)) == [*range(1, len(kept) + 1)]
        polls = [*pool.map(lambda name: mock.ask("GET", f"/reapi/api/v1/tasks/{name}", key), kept)]
        assert {answer.status for answer in polls} == {200}
        until(lambda: len(mock.workers()) == WORKERS and victim not in mock.workers())
        assert len(mock.workers() & before) == WORKERS - 1
        (new,) = mock.workers() - before
        until(lambda: mock.some_worker() == new, "the worker that took its place never answers")
        assert submit(mock, key) is not None
    assert mock.log().count(f"worker {victim} has ended (by signal 9): another one takes its place") == 1
    assert not any(is_alive(pid) for pid in before | {new})
