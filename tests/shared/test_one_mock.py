"""Mocks on one store are one mock: what was done at one of them shows at the others, at once and exactly once."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count, cycle
from typing import cast

import httpx2 as httpx
import pytest
from PIL import Image

from imageproof import Mock, MockAccount
from imageproof.mock_server.wire import parse_json
from tests.mock_server.held import PATIENCE_S, SMALLEST, is_held, png, until
from tests.mock_server.receiver import Receiver, is_signed, receiving, told
from tests.shared.stores import Store

START = 1_795_000_000.0
KEYS = {"reapi": "rk_live_one", "toapis": "sk-one", "apiyi": "sk-one"}
SUBMIT = {"reapi": "/api/v1/images/generations", "toapis": "/v1/images/generations"}
BODY = {"model": "gpt-image-2", "prompt": "a red fox"}
RED = (200, 30, 30)
ASKED, STRUCK = 40, 5

Pair = tuple[MockAccount, MockAccount]


@pytest.fixture(scope="module")
def mocks(store: Store) -> Iterator[list[Mock]]:
    """Two mocks on one store."""
    url = store.new_url()
    with ExitStack() as stack:
        yield [
            stack.enter_context(Mock("reapi", "toapis", "apiyi", clock="manual", start=START, store=url))
            for _ in range(2)
        ]


NUMBERS = count(1)


def pair(mocks: list[Mock], provider: str) -> Pair:
    """One fresh account, as both mocks see it."""
    key = f"{KEYS[provider]}-{next(NUMBERS)}"
    first, second = (mock.account(provider, key) for mock in mocks)
    return first, second


@pytest.fixture
def reapi(mocks: list[Mock]) -> Pair:
    """An account at the simplest of the providers."""
    return pair(mocks, "reapi")


@pytest.fixture
def toapis(mocks: list[Mock]) -> Pair:
    """An account at a provider with uploads and calls back."""
    return pair(mocks, "toapis")


@pytest.fixture
def apiyi(mocks: list[Mock]) -> Pair:
    """An account at a provider that holds its calls."""
    return pair(mocks, "apiyi")


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads for requests at the same time."""
    with ThreadPoolExecutor(8) as threads:
        yield threads


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Somebody to call back."""
    with receiving() as own:
        yield own


def submit(account: MockAccount, **changes: object) -> str:
    url = account.base_url + SUBMIT[account.provider]
    answer = httpx.post(url, json={**BODY, **changes}, headers=account.headers, timeout=PATIENCE_S)
    assert answer.status_code == 200, answer.text[:500]
    return str(answer.json()["id"])


def polled(account: MockAccount, task_id: str) -> httpx.Response:
    path = "/api/v1/tasks" if account.provider == "reapi" else SUBMIT["toapis"]
    return httpx.get(f"{account.base_url}{path}/{task_id}", headers=account.headers, timeout=PATIENCE_S)


def generate(account: MockAccount) -> httpx.Response:
    body = {**BODY, "size": SMALLEST, "quality": "low"}
    url = f"{account.base_url}/v1/images/generations"
    return httpx.post(url, json=body, headers=account.headers, timeout=PATIENCE_S * 2)


def fetched(url: str, mocks: list[Mock]) -> bytes:
    """The bytes that every mock gives for what is at a URL of one of them: they are the same."""
    _, _, path = url.partition("://")[2].partition("/")
    answers = [httpx.get(f"{mock.url}/{path}", timeout=PATIENCE_S) for mock in mocks]
    assert [answer.status_code for answer in answers] == [200] * len(mocks), answers[-1].text[:300]
    assert len({answer.content for answer in answers}) == 1
    return answers[0].content


def colours(data: bytes) -> set[tuple[int, int, int]]:
    with Image.open(io.BytesIO(data)) as image:
        found = image.convert("RGB").getcolors(1 << 24)
    return {cast("tuple[int, int, int]", colour) for _, colour in found or []}


def test_a_result_is_the_same_picture_wherever_it_is_fetched(mocks: list[Mock], reapi: Pair) -> None:
    task_id = submit(reapi[0])
    reapi[1].finish(task_id)
    urls = [polled(account, task_id).json()["output"]["image_urls"][0] for account in reapi]
    assert [url.startswith(mock.url) for url, mock in zip(urls, mocks, strict=True)] == [True, True]
    with Mock("reapi", clock="manual", start=START) as alone:
        own = alone.account("reapi", reapi[0].key)
        assert submit(own) == task_id
        own.finish(task_id)
        expected = httpx.get(polled(own, task_id).json()["output"]["image_urls"][0]).content
    assert fetched(urls[0], mocks) == fetched(urls[1], mocks) == expected


def test_an_order_that_comes_again_is_read_no_more_than_where_nothing_is_shared(
    reapi: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[bytes] = []

    def noted(body: bytes, content_type: str) -> dict[str, object]:
        reads.append(body)
        return parse_json(body, content_type)

    monkeypatch.setattr("imageproof.mock_server.service.parse_json", noted)
    assert len({submit(reapi[0], prompt="the same fox") for _ in range(5)}) == 5
    assert len(reads) == 2


def test_an_upload_at_one_is_a_reference_at_the_other(mocks: list[Mock], toapis: Pair) -> None:
    first, second = toapis
    data = png((300, 300))
    sent = {"file": ("a.png", data, "image/png")}
    told = httpx.post(f"{first.base_url}/v1/uploads/images", files=sent, headers=first.headers, timeout=PATIENCE_S)
    url = told.json()["data"]["url"]
    assert fetched(url, mocks) == data
    task_id = submit(second, reference_images=[url])
    second.finish(task_id)
    result = polled(first, task_id).json()["result"]["data"][0]["url"]
    assert RED in colours(fetched(result, mocks))


def test_an_edit_is_the_same_picture_wherever_it_is_fetched(mocks: list[Mock], apiyi: Pair) -> None:
    apiyi[0].set(clock="jump")
    form = {"model": "gpt-image-2-all", "prompt": "a red fox", "response_format": "url"}
    files = [("image", (f"{number}.png", png((64, 64)), "image/png")) for number in range(2)]
    url = f"{apiyi[1].base_url}/v1/images/edits"
    answer = httpx.post(url, data=form, files=files, headers=apiyi[1].headers, timeout=PATIENCE_S * 2)
    assert answer.status_code == 200, answer.text[:500]
    assert RED in colours(fetched(answer.json()["data"][0]["url"], mocks))


def test_time_that_is_moved_at_one_wakes_a_call_that_the_other_holds(apiyi: Pair, pool: ThreadPoolExecutor) -> None:
    call = pool.submit(generate, apiyi[0])
    assert is_held(apiyi[0], call) > START
    apiyi[1].advance(600)
    assert call.result(PATIENCE_S).status_code == 200
    assert apiyi[0].describe()["clock"] == {"mode": "manual", "now": START + 600}


def test_time_that_is_moved_for_everybody_reaches_everybody(
    mocks: list[Mock], apiyi: Pair, pool: ThreadPoolExecutor
) -> None:
    call = pool.submit(generate, apiyi[1])
    is_held(apiyi[1], call)
    told = httpx.post(f"{mocks[0].url}/__imageproof__/clock", json={"advance": "10m"}, timeout=PATIENCE_S)
    assert told.status_code == 200
    assert call.result(PATIENCE_S).status_code == 200


def test_a_call_that_is_held_ends_when_its_account_is_forgotten_at_the_other(
    apiyi: Pair, pool: ThreadPoolExecutor
) -> None:
    call = pool.submit(generate, apiyi[0])
    is_held(apiyi[0], call)
    apiyi[1].reset()
    assert call.result(PATIENCE_S).status_code == 200
    assert apiyi[1].ledger()["movements"] == []
    assert [account.describe()["jobs"] for account in apiyi] == [0, 0]


def test_a_call_that_waits_for_a_hand_is_moved_by_the_other(apiyi: Pair, pool: ThreadPoolExecutor) -> None:
    apiyi[0].set(scenario="hold")
    call = pool.submit(generate, apiyi[0])
    until(lambda: bool(apiyi[1].tasks()))
    (task,) = apiyi[1].tasks()
    until(lambda: str(task["id"]) in apiyi[0].mock.handler.upstream.holds)
    apiyi[1].finish(str(task["id"]))
    assert call.result(PATIENCE_S).status_code == 200


def test_a_fault_strikes_exactly_as_often_as_it_is_to(reapi: Pair, pool: ThreadPoolExecutor) -> None:
    task_id = submit(reapi[0])
    reapi[0].fault({"status": 502, "on": "poll", "times": STRUCK})
    turns = [account for _, account in zip(range(ASKED), cycle(reapi), strict=False)]
    answers = [*pool.map(lambda account: polled(account, task_id).status_code, turns)]
    assert Counter(answers) == {502: STRUCK, 200: ASKED - STRUCK}
    (fault,) = cast("list[dict[str, object]]", reapi[1].describe()["faults"])
    assert fault["struck"] == STRUCK
    reapi[1].set(faults=[])
    assert polled(reapi[0], task_id).status_code == 200


def test_settings_of_one_hold_at_the_other(toapis: Pair) -> None:
    first, second = toapis
    first.set(limits="documented", scenario="fail: upstream_failed")
    url = f"{second.base_url}{SUBMIT['toapis']}"
    answer = httpx.post(url, json={**BODY, "prompt": "[[instant]] a fox"}, headers=second.headers, timeout=PATIENCE_S)
    assert "X-RateLimit-Limit" in answer.headers
    assert polled(first, answer.json()["id"]).json()["status"] == "failed"


def test_what_is_forgotten_at_one_is_gone_at_the_other(mocks: list[Mock], reapi: Pair) -> None:
    task_id = submit(reapi[0])
    reapi[0].finish(task_id)
    url = polled(reapi[1], task_id).json()["output"]["image_urls"][0]
    reapi[1].reset()
    assert [polled(account, task_id).status_code for account in reapi] == [404, 404]
    assert [httpx.get(url).status_code, httpx.get(url.replace(mocks[1].url, mocks[0].url)).status_code] == [404, 404]
    assert [task["id"] for task in reapi[0].tasks()] == []
    assert submit(reapi[0]) == task_id  # the first attempt of a fresh account, as ever
    assert reapi[1].describe()["jobs"] == 1


def test_calls_back_come_once_from_whoever_took_the_job(
    toapis: Pair, receiver: Receiver, pool: ThreadPoolExecutor
) -> None:
    told(toapis[0], receiver)
    jobs = [account for _, account in zip(range(8), cycle(toapis), strict=False)]
    ids = [*pool.map(lambda account: submit(account, prompt="[[slow: 30s]] a fox"), jobs)]
    assert receiver.is_quiet()
    toapis[1].advance(600)
    deliveries = [receiver.next() for _ in ids]
    assert all(is_signed(delivery) for delivery in deliveries)
    assert Counter(delivery.data["task_id"] for delivery in deliveries) == Counter(ids)
    until(lambda: sum(account.mock.handler.upstream.counts.webhooks["delivered"] for account in toapis) >= len(ids))
    assert receiver.is_quiet()
