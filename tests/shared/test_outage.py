"""A store that goes away and comes back: the provider's own 5xx meanwhile, soon, and then everything is as it was."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from tests.shared.crews import until
from tests.shared.stores import Store, running_store

SUBMIT = "/api/v1/images/generations"
BODY = {"model": "gpt-image-2", "prompt": "a red fox"}
SOON_S = 10.0  # an answer takes less than one where nobody listens; a machine that is busy is given the time
CROWD = 30
LOST = "exchanges were lost to the journal while the store did not answer"


@pytest.fixture
def lasting() -> Iterator[Store]:
    """A Redis server that writes down everything at once, so that it knows it when it is started again."""
    with running_store("--appendonly", "yes", "--appendfsync", "always") as running:
        yield running


@pytest.fixture
def account(lasting: Store) -> Iterator[MockAccount]:
    """An account of a mock on that server."""
    with Mock("reapi", clock="manual", start=1_795_000_000.0, store=lasting.url) as mock:
        yield mock.account("reapi")


@pytest.fixture
def http(account: MockAccount) -> Iterator[httpx.Client]:
    """A client of the account."""
    with httpx.Client(base_url=account.base_url, headers=account.headers, timeout=60) as client:
        yield client


def submit(http: httpx.Client) -> str:
    answer = http.post(SUBMIT, json=BODY)
    assert answer.status_code == 200, answer.text[:500]
    return str(answer.json()["id"])


def works(http: httpx.Client, task_id: str) -> bool:
    return http.get(f"/api/v1/tasks/{task_id}").status_code == 200


def require_refused(answer: httpx.Response, store: Store) -> None:
    """It is an error of the provider, in its own envelope, that says in a sentence what is the matter."""
    assert answer.status_code >= 500
    error = answer.json()["error"]
    assert {"code", "message", "request_id"} <= set(error)
    assert error["message"].startswith(f"imageproof: the store at {store.url} does not answer: ")
    assert "\n" not in error["message"]


def test_no_store_no_service_and_all_is_as_it_was_when_it_is_back(
    lasting: Store, account: MockAccount, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="imageproof.mock")  # whatever the command was told in this process before
    before = [submit(http) for _ in range(3)]
    ledger = account.ledger()
    lasting.end()

    began = monotonic()
    for method, path, body in (("POST", SUBMIT, BODY), ("GET", f"/api/v1/tasks/{before[0]}", None)):
        require_refused(http.request(method, path, json=body), lasting)
    with ThreadPoolExecutor(CROWD) as pool:
        for answer in pool.map(lambda _: http.post(SUBMIT, json=BODY), range(CROWD)):
            require_refused(answer, lasting)
    assert monotonic() - began < SOON_S
    control = httpx.get(f"{account.mock.url}/__imageproof__/reapi/ledger", headers=account.headers, timeout=SOON_S)
    assert (control.status_code, [*control.json()]) == (503, ["error"])
    picture = httpx.get(f"{account.base_url}/media/tasks/{before[0].removeprefix('task_')}/0.png", timeout=SOON_S)
    assert picture.status_code >= 500
    assert httpx.get(f"{account.mock.url}/__imageproof__/health", timeout=SOON_S).json()["status"] == "ok"

    assert lasting.start()
    until(lambda: works(http, before[0]))
    assert account.ledger() == ledger
    after = submit(http)
    assert [task["id"] for task in account.tasks()] == [*before, after]
    gone, *rest = [record.getMessage() for record in caplog.records if record.levelname != "DEBUG"]
    assert gone.startswith(f"the store at {lasting.url} does not answer: ")
    assert f"the store at {lasting.url} answers again" in rest
    assert {text.partition(" ")[2] for text in rest if text[0].isdigit()} == {LOST}
    assert len(rest) <= 3


def test_a_store_that_forgot_everything_is_a_new_one(lasting: Store, account: MockAccount, http: httpx.Client) -> None:
    task_id = submit(http)
    lasting.end()
    for path in lasting.folder.rglob("*.*"):
        if path.is_file():
            path.unlink()
    assert lasting.start()
    until(lambda: http.get(f"/api/v1/tasks/{task_id}").status_code == 404)
    again = submit(http)
    assert [task["id"] for task in account.tasks()] == [again]
    assert account.describe()["jobs"] == 1


def test_a_store_that_is_restarted_under_load_loses_and_doubles_nothing(
    lasting: Store, account: MockAccount, http: httpx.Client
) -> None:
    submit(http)

    def one(_: int) -> str | None:
        answer = http.post(SUBMIT, json=BODY)
        return str(answer.json()["id"]) if answer.status_code == 200 else None

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(one, number) for number in range(200)]
        until(lambda: sum(call.done() for call in calls) > 40)
        lasting.end()
        assert lasting.start()
        taken = [name for call in calls if (name := call.result()) is not None]
    until(lambda: works(http, taken[0]))
    kept = [str(task["id"]) for task in account.tasks()]
    assert len({*taken}) == len(taken)
    assert {*taken} <= {*kept}
    movements = account.ledger()["movements"]
    assert isinstance(movements, list)
    assert [move["job"] for move in movements if isinstance(move, dict)] == [*range(1, len(kept) + 1)]
