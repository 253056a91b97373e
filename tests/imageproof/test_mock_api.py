"""`Mock` from Python: in sync and async code, several at once, and everything that one can do to an account."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import cast

import httpx2 as httpx
import pytest

import imageproof
from imageproof import Mock, MockAccount
from imageproof.mock_server.powers import PowerError
from imageproof.specs.library import UnknownSpecError, shipped
from imageproof.specs.problems import SpecError
from tests.mock_server.held import GENERATE, held_until, is_held, post

SUBMIT = "/api/v1/images/generations"
BODY = {"model": "gpt-image-2", "prompt": "a red fox"}
END_S = 5.0  # it takes less than one; a call that holds the end up would hold it for ever


def submit(account: MockAccount, prompt: str = "a red fox") -> str:
    answer = httpx.post(f"{account.base_url}{SUBMIT}", json={**BODY, "prompt": prompt}, headers=account.headers)
    assert answer.status_code == 200, answer.text[:500]
    return str(answer.json()["id"])


def status(account: MockAccount, task_id: str) -> str:
    return str(httpx.get(f"{account.base_url}/api/v1/tasks/{task_id}", headers=account.headers).json()["status"])


def running_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "imageproof-mock"]


# start and end


def test_the_package_offers_the_mock_and_nothing_else() -> None:
    assert set(imageproof.__all__) == {"Mock", "MockAccount", "__version__"}
    with pytest.raises(AttributeError, match="has no attribute 'Mok'"):
        _ = imageproof.Mok


def test_it_serves_as_long_as_the_block_lasts() -> None:
    before = len(running_threads())
    with Mock("reapi", clock="manual") as mock:
        url = mock.url
        assert url.startswith("http://127.0.0.1:")
        assert len(running_threads()) == before + 1
        assert httpx.get(f"{url}/__imageproof__/health").status_code == 200
    assert len(running_threads()) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_it_works_in_async_code_without_blocking_the_loop() -> None:
    before = running_threads()

    async def use() -> list[str]:
        async with Mock("reapi", clock="jump") as mock, httpx.AsyncClient() as http:
            account = mock.account()
            url = f"{account.base_url}{SUBMIT}"
            bodies = [{**BODY, "prompt": f"fox {number}"} for number in (1, 2)]
            answers = await asyncio.gather(*(http.post(url, json=body, headers=account.headers) for body in bodies))
            ids = [answer.json()["id"] for answer in answers]
            states: list[str] = []
            while states[-1:] != ["completed"]:
                answer = await http.get(f"{account.base_url}/api/v1/tasks/{ids[0]}", headers=account.headers)
                states.append(answer.json()["status"])
            return states

    assert asyncio.run(use()) == ["processing", "completed"]
    assert running_threads() == before


def test_two_mocks_at_once_know_nothing_of_each_other() -> None:
    with Mock("reapi", clock="manual", seed=1) as one, Mock("reapi", clock="manual", seed=2) as two:
        assert one.url != two.url
        first, second = (mock.account("reapi", "rk_live_same") for mock in (one, two))
        task, other = submit(first), submit(second)
        assert task != other
        first.advance("1h")
        assert (status(first, task), status(second, other)) == ("completed", "processing")
        assert httpx.get(f"{second.base_url}/api/v1/tasks/{task}", headers=second.headers).status_code == 404


def test_an_exception_in_the_block_ends_the_mock_and_is_not_swallowed() -> None:
    before = running_threads()

    def fail() -> None:
        with Mock("reapi"):
            message = "mine"
            raise LookupError(message)

    with pytest.raises(LookupError, match="mine"):
        fail()
    assert running_threads() == before


def test_it_can_be_started_again_and_keeps_what_it_knows() -> None:
    mock = Mock("reapi", clock="manual")
    with mock:
        account = mock.account()
        task_id = submit(account)
    with mock:
        assert status(account, task_id) == "processing"
    mock.stop()


def test_a_taken_port_is_an_os_error_and_leaves_nothing_behind() -> None:
    before = running_threads()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        mock = Mock("reapi", port=port)
        with pytest.raises(OSError, match=r"\S"):
            mock.start()
    assert running_threads() == before
    with mock:
        assert mock.url == f"http://127.0.0.1:{port}"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"clock": "fast"}, "60x"),
        ({"clock": "0x"}, "60x"),
        ({"limits": "some"}, "documented"),
        ({"queue": "slots=0"}, "slots"),
        ({"queue": "lots=4"}, "slots"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_starts(options: dict[str, str], named: str) -> None:
    before = running_threads()
    with pytest.raises(ValueError, match=named):
        Mock("reapi", **options)  # type: ignore[arg-type]
    assert running_threads() == before


def test_an_unknown_spec_names_the_nearest_and_a_broken_one_its_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UnknownSpecError, match="did you mean 'reapi'") as caught:
        Mock("reapl")
    assert caught.value.nearest == "reapi"
    broken = tmp_path / "broken.yaml"
    broken.write_text("imageproof: 1\nprovidr: x\n")
    with pytest.raises(SpecError, match=r"broken\.yaml"):
        Mock(str(broken))


def test_without_names_all_shipped_specs_are_served_and_a_file_and_a_profile_too(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("imageproof: 1\nprovider: own\nextends: reapi\n")
    assert set(Mock().specs) == set(shipped())
    with Mock(str(own), "toapis@ratios", clock="manual") as mock:
        names = list(mock.specs)
        assert names[0] == "own"
        submit(mock.account("own"))
        toapis = mock.account(names[1])
        body = {**BODY, "size": "16:9", "resolution": "4K"}
        answer = httpx.post(f"{toapis.base_url}/v1/images/generations", json=body, headers=toapis.headers)
        assert answer.status_code == 200
        assert toapis.tasks()[0]["size"] == "3840x2160"


def test_what_needs_a_running_mock_says_so() -> None:
    mock = Mock("reapi")
    for use in (lambda: mock.url, mock.account, lambda: mock.run(lambda: None)):
        with pytest.raises(RuntimeError, match="not running"):
            use()
    with mock:
        account = mock.account()
    for later in (account.describe, account.journal, account.reset, lambda: account.base_url):
        with pytest.raises(RuntimeError, match="not running"):
            cast("Callable[[], object]", later)()


def test_the_end_cuts_calls_that_are_held() -> None:
    with ThreadPoolExecutor(2) as pool, ExitStack() as stack:
        with Mock("apiyi", clock="manual") as mock:
            calls = []
            for stream in (False, True):
                account = mock.account()
                http = stack.enter_context(httpx.Client(base_url=account.base_url, headers=account.headers))
                http.timeout = httpx.Timeout(60)
                calls.append(pool.submit(post, http, stream=stream, partial_images=1))
                is_held(account, calls[-1])
            began = monotonic()
        assert monotonic() - began < END_S
        for cut in calls:
            with pytest.raises(httpx.TransportError):
                cut.result(END_S)


def test_work_on_the_loop_gives_its_result_and_its_exception() -> None:
    with Mock("reapi") as mock:
        assert mock.run(lambda: threading.current_thread().name) == "imageproof-mock"
        with pytest.raises(ZeroDivisionError):
            mock.run(lambda: 1 // 0)


# accounts

START = 1_795_000_000.0


@pytest.fixture(scope="module")
def shared() -> Iterator[Mock]:
    with Mock("reapi", "apiyi", "toapis", clock="manual", start=START) as mock:
        yield mock


@pytest.fixture
def account(shared: Mock) -> MockAccount:
    return shared.account("reapi")


def test_an_account_says_where_it_is_and_how_it_is_named(shared: Mock, account: MockAccount) -> None:
    assert account.base_url == f"{shared.url}/reapi"
    assert account.headers == {"Authorization": f"Bearer {account.key}"}
    assert account.key.startswith("rk_live_")
    assert shared.account("reapi").key != account.key
    assert shared.account("reapi", account.key) == account
    assert shared.account().provider == "reapi"
    assert shared.account("apiyi").key.startswith("sk-")


def test_an_account_that_can_not_be_is_refused(shared: Mock) -> None:
    with pytest.raises(PowerError, match="did you mean 'reapi'"):
        shared.account("reap")
    with pytest.raises(PowerError, match="expected a key of reapi"):
        shared.account("reapi", "sk-of-another-form")


def test_an_account_starts_at_the_time_of_the_mock_with_ample_money(account: MockAccount) -> None:
    described = account.describe()
    assert described["clock"] == {"mode": "manual", "now": START}
    assert (described["balance_usd"], described["limits"], described["tasks"]) == (1_000_000, "off", 0)


def test_settings_are_of_one_account(shared: Mock, account: MockAccount) -> None:
    other = shared.account("reapi")
    before = other.describe()
    account.set(balance_credits=7, limits="documented", scenario="slow: 5s", clock="60x")
    described = account.describe()
    assert (described["balance_credits"], described["balance_usd"], described["limits"]) == (7, 0.007, "documented")
    assert cast("dict[str, object]", described["clock"])["mode"] == "60x"
    submit(account)
    assert account.tasks()[0]["run_s"] == 5
    answer = httpx.post(f"{account.base_url}{SUBMIT}", json=BODY, headers=account.headers)
    assert answer.status_code == 402
    assert other.describe() == before


@pytest.mark.parametrize(
    "settings", [{"balance": 5}, {"clock": "fast"}, {"limits": "on"}, {"balance_usd": "5"}, {"scenario": "slwo: 5s"}]
)
def test_settings_that_make_no_sense_change_nothing(account: MockAccount, settings: dict[str, str]) -> None:
    before = account.describe()
    with pytest.raises(PowerError, match=r"^[a-z]"):
        account.set(**settings)
    assert account.describe() == before


def test_time_is_moved_by_words_by_seconds_and_to_the_next_event(account: MockAccount) -> None:
    task_id = submit(account)
    for step in ("5s", 5, 0.5, "0s"):
        account.advance(step)
    assert account.describe()["clock"] == {"mode": "manual", "now": START + 10.5}
    account.advance_to_next()
    assert status(account, task_id) == "completed"
    assert cast("dict[str, float]", account.describe()["clock"])["now"] == account.tasks()[0]["ends"]
    account.advance_to_next()
    with pytest.raises(PowerError, match="expected"):
        account.advance(-1)
    with pytest.raises(PowerError, match="expected"):
        account.advance("soon")


def test_journal_har_and_ledger_tell_what_happened(account: MockAccount) -> None:
    task_id = submit(account, "[[fail: upstream_failed]] a red fox")
    account.advance("1h")
    assert status(account, task_id) == "failed"
    entries = cast("list[dict[str, object]]", account.journal())
    assert [(entry["operation"], entry["task"]) for entry in entries] == [("submit", task_id), ("poll", task_id)]
    log = json.loads(account.har())["log"]
    assert [entry["response"]["status"] for entry in log["entries"]] == [200, 200]
    assert account.key not in json.dumps(entries) + account.har()
    ledger = account.ledger()
    moves = cast("list[dict[str, object]]", ledger["movements"])
    assert [(move["kind"], move["usd"]) for move in moves] == [("charge", 0.007), ("refund", 0.007)]
    assert ledger["balance_usd"] == ledger["opening_usd"] == 1_000_000


def test_tasks_are_finished_and_failed_by_hand_once(account: MockAccount) -> None:
    finished, failed, named = (submit(account, f"[[hold]] fox {number}") for number in range(3))
    assert account.finish(finished)["phase"] == "succeeded"
    assert account.fail(failed)["failure"] == "upstream_failed"
    assert account.fail(named, "upstream_timeout")["failure"] == "upstream_timeout"
    assert [status(account, task) for task in (finished, failed, named)] == ["completed", "failed", "failed"]
    with pytest.raises(PowerError, match="terminal states never change"):
        account.finish(failed)
    with pytest.raises(PowerError, match="terminal states never change"):
        account.fail(finished)
    with pytest.raises(PowerError, match="no task"):
        account.finish("task_unknown")
    more = submit(account, "[[hold]] one more")
    with pytest.raises(PowerError, match="upstream_failed"):
        account.fail(more, "no_such_failure")


def test_reset_forgets_one_account(shared: Mock, account: MockAccount) -> None:
    other = shared.account("reapi")
    kept, lost = submit(other), submit(account)
    account.advance("1h")
    account.set(balance_usd=1)
    account.reset()
    assert (account.tasks(), account.journal(), account.ledger()["movements"]) == ([], [], [])
    assert account.describe()["clock"] == {"mode": "manual", "now": START}
    answer = httpx.get(f"{account.base_url}/api/v1/tasks/{lost}", headers=account.headers)
    assert answer.status_code == 404
    assert status(other, kept) == "processing"


def test_a_held_call_of_one_account_is_moved_by_its_own_clock(shared: Mock) -> None:
    caller, other = shared.account("apiyi"), shared.account("apiyi")
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=caller.base_url, headers=caller.headers) as http:
        call = pool.submit(http.post, GENERATE, json={**BODY, "size": "1280x512"})
        end = is_held(caller, call)
        other.advance("1h")
        assert held_until(caller) == end
        caller.advance_to_next()
        assert call.result(20).status_code == 200
