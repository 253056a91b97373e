"""Calls back: signed, after the end of the task by its account's clock, tried again, and only to who asked for them."""

from __future__ import annotations

import socket
from queue import Empty
from typing import cast

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from tests.mock_server.held import held_until, turn, until
from tests.mock_server.receiver import HEADER, Receiver, is_signed, told

START = 1_795_000_000.0
SUBMIT = "/v1/images/generations"
BODY = {"model": "gpt-image-2", "prompt": "a red fox"}


@pytest.fixture
def toapis(mock: Mock) -> MockAccount:
    return mock.account("toapis")


def submit(account: MockAccount, **changes: object) -> str:
    answer = httpx.post(f"{account.base_url}{SUBMIT}", json={**BODY, **changes}, headers=account.headers)
    assert answer.status_code == 200, answer.text[:500]
    return str(answer.json()["id"])


def end(account: MockAccount) -> float:
    """Wait until the call back waits for the end of the task; when that is."""
    until(lambda: held_until(account) is not None)
    return cast("float", held_until(account))


def test_a_call_back_comes_at_the_end_of_the_task_and_not_before(toapis: MockAccount, receiver: Receiver) -> None:
    told(toapis, receiver)
    task_id = submit(toapis, prompt="[[queue: 5s]] [[slow: 20s]] a red fox", client_business_id="order-7")
    assert end(toapis) == START + 25
    toapis.advance(24)
    turn(toapis.mock)
    assert receiver.is_quiet()
    toapis.advance(1)
    delivery = receiver.next()
    assert is_signed(delivery)
    assert delivery.path == "/hook"
    assert delivery.headers["Content-Type"] == "application/json"
    assert delivery.headers[f"{HEADER}-Timestamp"] == str(int(START) + 25)
    assert delivery.body == {
        "id": delivery.headers[f"{HEADER}-Id"],
        "type": "generation.completed",
        "api_version": "v1",
        "created_at": int(START) + 25,
        "data": {
            "task_id": task_id,
            "client_business_id": "order-7",
            "task_type": "image",
            "model": "gpt-image-2",
            "status": "completed",
            "progress": 100,
            "result": {
                "type": "image",
                "data": [{"url": f"{toapis.base_url}/generated/{task_id}-0.png"}],
            },
            "error": None,
            "submitted_at": int(START),
            "finished_at": int(START) + 25,
        },
    }
    toapis.advance("3d")
    turn(toapis.mock)
    assert receiver.is_quiet()


def test_the_call_back_of_a_failed_task_says_so(toapis: MockAccount, receiver: Receiver) -> None:
    told(toapis, receiver)
    submit(toapis, prompt="[[fail: upstream_failed]] a red fox")
    end(toapis)
    toapis.advance("10m")
    delivery = receiver.next()
    assert is_signed(delivery)
    assert (delivery.body["type"], delivery.data["status"]) == ("generation.failed", "failed")
    assert cast("dict[str, object]", delivery.data["error"])["code"] == "generation_failed"
    assert delivery.data["result"] is None


def test_each_delivery_has_an_id_of_its_own_and_its_retries_the_same(toapis: MockAccount, receiver: Receiver) -> None:
    told(toapis, receiver)
    receiver.statuses = [500]
    submit(toapis)
    submit(toapis)
    end(toapis)
    toapis.advance("10m")
    found = [receiver.next(), receiver.next()]
    until(lambda: held_until(toapis) is not None)
    toapis.advance("10s")
    ids = [delivery.headers[f"{HEADER}-Id"] for delivery in (*found, receiver.next())]
    assert len(set(ids)) == 2
    assert all(is_signed(delivery) for delivery in found)


RETRIES = (10, 30, 120, 600, 3600, 21_600, 86_400)


@pytest.mark.parametrize("status", [301, 404, 500])
def test_it_is_tried_again_by_the_clock_until_somebody_takes_it(
    toapis: MockAccount, receiver: Receiver, status: int
) -> None:
    told(toapis, receiver)
    receiver.statuses = [status, status, status]
    submit(toapis, prompt="[[queue: 0s]] [[slow: 20s]] a red fox")
    end(toapis)
    now = START + 20
    toapis.advance(20)
    assert receiver.next().path == "/hook"
    for wait in RETRIES[:3]:
        until(lambda when=now + wait: held_until(toapis) == when)  # type: ignore[misc]
        toapis.advance(wait - 1)
        turn(toapis.mock)
        assert receiver.is_quiet()
        toapis.advance(1)
        now += wait
        delivery = receiver.next()
        assert is_signed(delivery)
        assert delivery.headers[f"{HEADER}-Timestamp"] == str(int(now))
    turn(toapis.mock)
    assert held_until(toapis) is None


def test_it_gives_up_after_the_documented_retries_and_the_metrics_say_so(receiver: Receiver) -> None:
    receiver.statuses = [503] * 20
    with Mock("toapis", clock="manual", start=START) as mock:
        account = mock.account()
        told(account, receiver)
        submit(account)
        for _ in range(1 + len(RETRIES)):
            until(lambda: held_until(account) is not None)
            account.advance_to_next()
            account.advance_to_next()
            receiver.next()
        until(lambda: mock.handler.upstream.counts.webhooks["given_up"] == 1)
        assert mock.handler.upstream.counts.webhooks["failed"] == 8
        assert receiver.is_quiet()


def test_nobody_at_the_other_end_is_tried_again_too(toapis: MockAccount, receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        gone = Receiver(url=f"http://127.0.0.1:{taken.getsockname()[1]}")
    told(toapis, gone)
    submit(toapis)
    when = end(toapis)
    toapis.advance_to_next()
    toapis.advance_to_next()
    until(lambda: (held_until(toapis) or 0) > when)
    told(toapis, receiver)
    assert receiver.is_quiet()


def test_a_url_of_the_same_origin_is_used_and_one_of_another_is_not(toapis: MockAccount, receiver: Receiver) -> None:
    told(toapis, receiver)
    submit(toapis, callback_url=f"{receiver.url}/mine?order=7")
    elsewhere = receiver.url.replace("127.0.0.1", "localhost")
    submit(toapis, callback_url=f"{elsewhere}/hook", prompt="another fox")
    end(toapis)
    toapis.advance("10m")
    assert receiver.next().path == "/mine?order=7"
    with pytest.raises(Empty):
        receiver.got.get_nowait()
    notes = [str(cast("dict[str, object]", entry)["note"]) for entry in toapis.journal()]
    assert "another origin" in notes[1]
    turn(toapis.mock)
    assert held_until(toapis) is None


def test_a_call_back_url_that_no_parser_takes_is_not_called(toapis: MockAccount, receiver: Receiver) -> None:
    told(toapis, receiver)
    submit(toapis, callback_url="http://[")
    (entry,) = [cast("dict[str, object]", item) for item in toapis.journal()]
    assert "another origin" in str(entry["note"])


def test_without_set_up_a_request_that_names_a_url_makes_nobody_call_it(
    toapis: MockAccount, receiver: Receiver
) -> None:
    submit(toapis, callback_url=f"{receiver.url}/hook")
    turn(toapis.mock)
    assert held_until(toapis) is None
    toapis.advance("10m")
    turn(toapis.mock)
    assert receiver.is_quiet()


def test_a_task_that_is_moved_by_hand_is_announced_when_it_has_been_moved(
    toapis: MockAccount, receiver: Receiver
) -> None:
    told(toapis, receiver)
    task_id = submit(toapis, prompt="[[hold]] a red fox")
    toapis.advance("1h")
    turn(toapis.mock)
    assert receiver.is_quiet()
    toapis.fail(task_id, "moderated_output")
    toapis.advance(1)
    assert receiver.next().body["type"] == "generation.failed"


def test_an_account_that_is_reset_is_not_called(toapis: MockAccount, receiver: Receiver) -> None:
    told(toapis, receiver)
    submit(toapis)
    end(toapis)
    toapis.reset()
    turn(toapis.mock)
    assert receiver.is_quiet()
    assert toapis.describe()["webhook"] is None
