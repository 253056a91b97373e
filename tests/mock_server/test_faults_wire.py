"""What goes wrong with the connection itself: resets, silence, slowness, lengths that are not true, closed doors."""

from __future__ import annotations

import socket
import threading
from time import monotonic
from typing import cast
from urllib.parse import urlsplit

import pytest

from imageproof import Mock, MockAccount
from tests.mock_server.held import held_until, until
from tests.mock_server.showing import (
    GENERATE,
    HELD,
    ORDER,
    SUBMIT,
    Heard,
    ask,
    faults,
    hear,
    journal,
    now,
    order,
    poll,
    request,
    shows,
    statuses,
    wire,
)


@shows("reset")
@pytest.mark.parametrize("how", ["request", "before"])
def test_a_connection_is_reset_before_anything_is_answered(polled: MockAccount, holding: MockAccount, how: str) -> None:
    for account, path, body in ((polled, SUBMIT, ORDER), (holding, GENERATE, HELD)):
        account.fault({"reset": how})
        assert ask(account, path, body) == Heard(b"", "reset")
        assert (statuses(account), account.truths()) == ([0], [])


@shows("reset")
def test_a_connection_is_reset_while_the_request_still_arrives(polled: MockAccount) -> None:
    polled.fault("{reset: request}")
    whole = request(polled, SUBMIT, ORDER)
    with wire(polled) as connection:
        connection.sendall(whole[:-10])
        assert hear(connection) == Heard(b"", "reset")


@shows("reset")
def test_a_connection_is_reset_in_the_middle_of_an_answer(polled: MockAccount) -> None:
    task = order(polled)
    polled.fault("{reset: during, on: poll}")
    heard = ask(polled, f"/api/v1/tasks/{task}", to_the_end=True)
    assert (heard.status, heard.ended) == (200, "reset")
    assert len(heard.body) == int(heard.head["content-length"]) // 2
    assert poll(polled, task).json["id"] == task


@shows("reset")
def test_a_connection_is_reset_after_a_whole_answer(polled: MockAccount) -> None:
    polled.fault("{reset: after}")
    heard = ask(polled, SUBMIT, ORDER, to_the_end=True)
    assert heard.ended == "reset"
    assert heard.json["status"] == "processing"
    (truth,) = polled.truths()
    assert truth["was_lost"] is False


@shows("half_closed")
def test_the_mock_ends_its_side_alone(polled: MockAccount) -> None:
    polled.fault("{half_closed: true}")
    with wire(polled) as connection:
        connection.sendall(request(polled, SUBMIT, ORDER))
        assert hear(connection) == Heard(b"", "closed")
        connection.sendall(b"x" * 10)  # our own side is open still
    until(lambda: statuses(polled) == [0])


@shows("silent")
def test_a_request_is_taken_and_never_answered(failing: Mock) -> None:
    account = failing.account("reapi")
    account.set(clock="jump")
    began = now(account)
    account.fault("{silent: 10m}")
    assert ask(account, SUBMIT, ORDER) == Heard(b"", "closed")
    assert now(account) == began + 600
    assert (statuses(account), account.truths()) == ([0], [])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("{slow: 20s, on: poll}", 20, id="slow"),
        pytest.param("{drip: 500ms, on: poll}", 10, id="drip"),
        pytest.param("{stall: 60s, on: poll}", 60, id="stall"),
    ],
)
@shows("slow", "drip", "stall")
def test_an_answer_takes_its_time_and_is_whole(failing: Mock, text: str, seconds: float) -> None:
    account = failing.account("reapi")
    task = order(account, prompt="[[hold]]")
    account.set(clock="jump")
    began = now(account)
    account.fault(text)
    heard = poll(account, task)
    assert heard.json["id"] == task
    assert now(account) == began + seconds
    assert poll(account, task).json["id"] == task
    assert now(account) == began + seconds


def test_slow_ones_add_up_with_whatever_else_is_wrong(failing: Mock) -> None:
    account = failing.account("apiyi")
    account.set(clock="jump")
    began = now(account)
    for text in ("{slow: 20s}", "{slow: 5s}", "{drip: 1s}", "{stall: 7s}", "{content_length: none}"):
        account.fault(text)
    heard = ask(account, GENERATE, HELD, to_the_end=True)
    assert (heard.status, heard.ended) == (200, "closed")
    assert "data" in heard.json
    assert now(account) == began + 40 + 25 + 20 + 7


def test_a_scaled_clock_shortens_what_is_slow_and_the_journal_says_how_long_it_was(failing: Mock) -> None:
    account = failing.account("reapi")
    task = order(account)
    account.set(clock="60x")
    account.fault("{slow: 18s, on: poll}")
    began = monotonic()
    assert poll(account, task).status == 200
    assert 0.3 <= monotonic() - began < 15
    until(lambda: "ended" in journal(account)[-1])
    entry = journal(account)[-1]
    until(lambda: float(str(journal(account)[-1]["ended"])) - float(str(entry["began"])) >= 0.299)


def test_a_clock_that_stands_still_waits_for_nothing(polled: MockAccount) -> None:
    polled.fault("{slow: 1h}")
    polled.fault("{stall: 1h}")
    assert ask(polled, SUBMIT, ORDER).status == 200


@shows("content_length")
@pytest.mark.parametrize(("how", "more", "ended"), [("more", 64, "closed"), ("less", -16, "open")])
def test_a_length_is_not_true(polled: MockAccount, how: str, more: int, ended: str) -> None:
    task = order(polled)
    polled.fault({"content_length": how, "on": "poll"})
    heard, right = poll(polled, task), poll(polled, task)
    assert (heard.body, heard.ended) == (right.body, ended)
    assert int(heard.head["content-length"]) == len(right.body) + more


@shows("content_length")
def test_the_end_of_the_connection_may_be_the_end_of_the_answer(polled: MockAccount) -> None:
    polled.fault("{content_length: none}")
    heard = ask(polled, SUBMIT, ORDER)
    assert heard.ended == "closed"
    assert "content-length" not in heard.head
    assert heard.json["status"] == "processing"


@shows("refused")
def test_nobody_answers_at_a_door_until_it_is_opened(failing: Mock) -> None:
    door = failing.door()
    place = urlsplit(door.url)
    assert (place.hostname, place.port) == ("127.0.0.1", door.port)
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", door.port), timeout=5)
    door.open()
    door.open()
    was_open = door.is_open
    assert was_open
    account = failing.account("reapi")
    with socket.create_connection(("127.0.0.1", door.port), timeout=5) as connection:
        connection.sendall(request(account, SUBMIT, ORDER))
        assert hear(connection).status == 200
    assert len(account.tasks()) == 1
    door.close()
    door.close()
    door.open()
    assert not door.is_open
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", door.port), timeout=5)


def test_connections_are_numbered(polled: MockAccount) -> None:
    with wire(polled) as connection:
        for _ in range(2):
            connection.sendall(request(polled, SUBMIT, ORDER))
            assert hear(connection).status == 200
    ask(polled, SUBMIT, ORDER)
    first, second, third = (entry["connection"] for entry in journal(polled))
    assert first == second
    assert first != third


def test_nothing_is_left_hanging_when_the_mock_is_stopped() -> None:
    before = threading.active_count()
    with Mock("reapi", pictures="plain") as mock:
        account = mock.account()
        door = mock.door()
        door.open()
        texts = ("{silent: 1h}", "{half_closed: true}", "{lost: silent}", "{slow: 1h}", "{stall: 1h}", "{drip: 1h}")
        open_ones = []
        for number, text in enumerate(texts, 1):
            account.set(faults=[text])
            open_ones.append(wire(account))
            open_ones[-1].sendall(request(account, SUBMIT, ORDER))
            until(lambda number=number: len(journal(account)) == number)  # type: ignore[misc]  # a closure of its own
        began = monotonic()
    assert monotonic() - began < 5
    assert threading.active_count() == before
    for connection in open_ones:
        connection.close()


@pytest.mark.parametrize("text", ["{lost: silent}", "{silent: 1h}", "{stall: 1h}"])
def test_a_client_that_does_not_wait_for_what_never_comes_is_noted(failing: Mock, text: str) -> None:
    account = failing.account("reapi")
    account.set(clock="60x", faults=[text])
    with wire(account) as connection:
        connection.sendall(request(account, SUBMIT, ORDER))
        until(lambda: len(journal(account)) == 1)
        began = cast("float", journal(account)[0]["ended"])
    until(lambda: "client left" in str(journal(account)[0]["note"]))
    assert cast("float", journal(account)[0]["ended"]) > began


def test_a_client_that_leaves_when_all_has_been_sent_is_not(failing: Mock) -> None:
    account = failing.account("reapi")
    account.set(clock="60x", faults=["{drip: 6s}"])
    with wire(account) as connection:
        connection.sendall(request(account, SUBMIT, ORDER))
        heard = body = b""
        while not body or len(body) < int(heard.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            heard += connection.recv(65_536)
            body = heard.partition(b"\r\n\r\n")[2]
        told = cast("float", journal(account)[0]["ended"])
    until(lambda: cast("float", journal(account)[0]["ended"]) > told)
    assert journal(account)[0]["note"] is None


def test_a_client_that_leaves_when_the_server_has_closed_its_half_is_not(failing: Mock) -> None:
    account = failing.account("reapi")
    account.fault("{half_closed: true}")
    with wire(account) as connection:
        connection.sendall(request(account, SUBMIT, ORDER))
        assert connection.recv(1) == b""
        told = cast("float", journal(account)[0]["ended"])
    until(lambda: cast("float", journal(account)[0]["ended"]) > told)
    assert journal(account)[0]["note"] is None


def test_a_client_that_leaves_a_held_call_is_noted_at_once(failing: Mock) -> None:
    account = failing.account("apiyi")
    with wire(account) as connection:
        connection.sendall(request(account, GENERATE, HELD))
        until(lambda: held_until(account) is not None)
    until(lambda: statuses(account) == [0])
    account.advance("5m")
    until(lambda: journal(account)[0]["task"] is not None and bool(account.truths()[0]["micro_usd"]))
    assert statuses(account) == [0]
    assert "the client left" in str(journal(account)[0]["note"])


def test_faults_of_one_account_touch_no_other(failing: Mock) -> None:
    broken, whole = failing.account("reapi"), failing.account("reapi")
    broken.fault("{reset: before, times: always}")
    for _ in range(3):
        assert ask(broken, SUBMIT, ORDER).ended == "reset"
        assert ask(whole, SUBMIT, ORDER).status == 200
    assert faults(whole) == [None] * 3
    assert broken.describe()["faults"] == [{"fault": "{reset: before, times: always}", "met": 3, "struck": 3}]
    assert whole.describe()["faults"] == []
