"""A body that is known is answered as one that is read, whatever else its request says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from imageproof.mock_server import bodies
from imageproof.mock_server.wire import parse_json
from imageproof.specs.choices import Seeded
from imageproof.specs.generate import Maker
from imageproof.specs.library import load, shipped
from imageproof.specs.model import MAKES_IMAGES
from imageproof.specs.schema import shapes_of

ORDER: dict[str, object] = {"model": "gpt-image-2", "prompt": "a ginger cat", "size": "1:1", "resolution": "1k"}
PATH = "/api/v1/images/generations"
TIMES = 4
START = 1_795_000_000.0
TOLD = ("model", "size", "count", "format", "cost_usd", "prompt", "references")
JSON = "application/json"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies that were parsed."""
    seen: list[bytes] = []

    def noted(body: bytes, content_type: str) -> dict[str, object]:
        seen.append(body)
        return parse_json(body, content_type)

    monkeypatch.setattr("imageproof.mock_server.service.parse_json", noted)
    return seen


@pytest.fixture
def account() -> Iterator[MockAccount]:
    with Mock("reapi", clock="manual", pictures="plain") as mock:
        yield mock.account()


def order(account: MockAccount, body: bytes, **headers: str) -> httpx.Response:
    return httpx.post(
        account.base_url + PATH, content=body, headers={**account.headers, "Content-Type": JSON, **headers}
    )


def text(**more: object) -> bytes:
    return json.dumps({**ORDER, **more}).encode()


def test_a_valid_body_is_read_twice_and_each_order_is_a_job_of_its_own(
    account: MockAccount, reads: list[bytes]
) -> None:
    answers = [order(account, text()) for _ in range(TIMES)]
    assert [answer.status_code for answer in answers] == [200] * TIMES
    assert reads == [text()] * 2
    tasks = account.tasks()
    assert {task["id"] for task in tasks} == {answer.json()["id"] for answer in answers}
    assert len(tasks) == TIMES
    assert len({json.dumps({key: task[key] for key in TOLD}) for task in tasks}) == 1
    assert len({movement["usd"] for movement in movements(account)}) == 1
    assert len(movements(account)) == TIMES


def movements(account: MockAccount) -> list[dict[str, object]]:
    found = account.ledger()["movements"]
    assert isinstance(found, list)
    return [dict[str, object](item) for item in found if isinstance(item, dict)]


def test_a_balance_that_was_set_and_a_restart_leave_bodies_known(tmp_path: Path, reads: list[bytes]) -> None:
    for expected in (2, 3):  # what is known is forgotten with the process, but not that the body came before
        with Mock("reapi", clock="manual", pictures="plain", state=tmp_path / "mock.state") as mock:
            account = mock.account(key="rk_live_kept")
            account.set(balance_usd=100)
            assert [order(account, text()).status_code for _ in range(TIMES)] == [200] * TIMES
        assert len(reads) == expected


def test_a_refused_body_stays_refused(account: MockAccount, reads: list[bytes]) -> None:
    answers = [order(account, text(size="9:0")) for _ in range(TIMES)]
    assert {answer.status_code for answer in answers} == {400}
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1
    assert len(reads) == TIMES


def test_a_known_body_of_another_content_type_is_refused(account: MockAccount) -> None:
    before = order(account, text(), **{"Content-Type": "text/plain"})
    for _ in range(TIMES):
        order(account, text())
    after = order(account, text(), **{"Content-Type": "text/plain"})
    assert (before.status_code, before.json()["error"]["code"]) == (after.status_code, after.json()["error"]["code"])
    assert after.status_code == 400


def test_header_key_and_money_count_for_a_known_body(account: MockAccount) -> None:
    for _ in range(TIMES):
        assert order(account, text()).status_code == 200
    assert order(account, text(), **{"X-Imageproof-Scenario": "status: 502 x9"}).status_code == 502
    assert order(account, text(), Authorization=f"{account.headers['Authorization']}_nocredit").status_code == 402
    account.set(balance_usd=0)
    assert order(account, text()).status_code == 402


def test_a_test_card_in_a_known_body_goes_on_counting(account: MockAccount) -> None:
    body = text(prompt="a ginger cat [[status: 502 x3]]")
    assert [order(account, body).status_code for _ in range(5)] == [502, 502, 502, 200, 200]


def test_long_bodies_are_read_each_time_and_few_are_kept(
    account: MockAccount, reads: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = text() + b" " * bodies.LONGEST
    for _ in range(TIMES):
        order(account, long)
    assert len(reads) == TIMES
    monkeypatch.setattr(bodies, "MOST", 2)
    for _ in range(TIMES):
        for number in range(5):
            assert order(account, text(prompt=f"cat {number}")).status_code == 200
    assert len(reads) > TIMES + 10


@pytest.mark.parametrize("name", shipped())
def test_any_valid_body_comes_to_the_same_however_often_it_comes(name: str) -> None:
    spec = load(name)
    with Mock(name, clock="jump", pictures="plain") as mock:
        account = mock.account(name)
        for operation in spec.operations.values():
            if operation.does not in MAKES_IMAGES or operation.content != "json":
                continue
            for seed, shape in enumerate(shapes_of(spec, operation)):
                maker = Maker(shape, spec.selector)
                drawn = {key: value for key, value in maker.valid(Seeded(Random(seed))).items() if key != "stream"}
                body = json.dumps({**drawn, **({"partial_images": 0} if "partial_images" in drawn else {})}).encode()
                path = operation.path.replace("{model}", shape.model or "")
                answers = [
                    httpx.post(account.base_url + path, content=body, headers={**account.headers, "Content-Type": JSON})
                    for _ in range(TIMES)
                ]
                assert len({answer.status_code for answer in answers}) == 1, body
        told = [{key: value for key, value in task.items() if key in TOLD} for task in account.tasks()]
        assert told
        groups = [told[at : at + TIMES] for at in range(0, len(told), TIMES)]
        assert all(task == group[0] for group in groups for task in group)


def exchanged(name: str, orders: list[tuple[str, bytes]]) -> dict[str, object]:
    """What a mock answers to orders, each of them sent several times, and what it knows of them afterwards."""
    with Mock(name, clock="jump", pictures="plain", start=START) as mock:
        account = mock.account(key=load(name).auth.key_example)
        answers = []
        with httpx.Client(headers={**account.headers, "Content-Type": JSON, "Host": "mock"}) as client:
            for path, body in orders:
                found = [client.post(account.base_url + path, content=body) for _ in range(TIMES)]
                answers += [
                    (answer.status_code, answer.headers.get("x-request-id"), answer.content) for answer in found
                ]
        journal = [
            {key: value for key, value in entry.items() if key not in {"began", "ended", "connection"}}
            for entry in account.journal()
            if isinstance(entry, dict)
        ]
        return {
            "answers": answers,
            "journal": journal,
            "ledger": account.ledger(),
            "tasks": account.tasks(),
            "truths": account.truths(),
        }


def drawn(name: str) -> list[tuple[str, bytes]]:
    """Orders of all kinds that a provider takes as JSON: path and body."""
    spec = load(name)
    out = []
    for operation in spec.operations.values():
        if operation.does not in MAKES_IMAGES or operation.content != "json":
            continue
        for seed, shape in enumerate(shapes_of(spec, operation)):
            maker, path = Maker(shape, spec.selector), operation.path.replace("{model}", shape.model or "")
            for turn in range(3):
                body = {k: v for k, v in maker.valid(Seeded(Random(f"{seed}{turn}"))).items() if k != "stream"}
                body |= {"partial_images": 0} if "partial_images" in body else {}
                out.append((path, json.dumps(body).encode()))
    return out


@pytest.mark.parametrize("name", shipped())
def test_orders_that_are_known_are_answered_byte_for_byte_as_those_that_are_read(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = drawn(name)
    assert orders
    known = exchanged(name, orders)
    monkeypatch.setattr(bodies, "AGAIN", 0)  # none ever comes for the time 0
    read = exchanged(name, orders)
    for what, told in known.items():
        assert told == read[what], what
