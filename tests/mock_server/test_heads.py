"""A request whose head is known is answered as one that is parsed, however its bytes arrive."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from imageproof import Mock
from imageproof.mock_server.heads import MOST

KEY = "rk_live_heads"
BODY = b'{"model": "gpt-image-2", "prompt": "a cat", "size": "1:1", "resolution": "1k"}'
PATH = "/api/v1/images/generations"


def submit(body: bytes = BODY, *, more: str = "", length: int | None = None) -> bytes:
    head = f"POST {PATH} HTTP/1.1\r\nHost: mock\r\nAuthorization: Bearer {KEY}\r\nContent-Type: application/json\r\n"
    return f"{head}{more}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


class Wire:
    """One connection."""

    def __init__(self, url: str) -> None:
        at = urlsplit(url)
        assert at.port is not None
        self.socket = socket.create_connection((at.hostname, at.port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._read = self.socket.makefile("rb")

    def answer(self) -> tuple[int, bytes]:
        """Status and body of the next answer."""
        status = int(self._read.readline().split()[1])
        length = 0
        while line := self._read.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        return status, self._read.read(length)

    def ask(self, data: bytes) -> tuple[int, bytes]:
        self.socket.sendall(data)
        return self.answer()

    def close(self) -> None:
        self._read.close()
        self.socket.close()


@pytest.fixture
def mock() -> Iterator[Mock]:
    with Mock("reapi") as running:
        yield running


@pytest.fixture
def wire(mock: Mock) -> Iterator[Wire]:
    wire = Wire(mock.url)
    yield wire
    wire.close()


def test_each_repeated_submit_is_a_job_of_its_own(mock: Mock, wire: Wire) -> None:
    answers = [wire.ask(submit()) for _ in range(5)]
    assert {status for status, _ in answers} == {200}
    assert len({body for _, body in answers}) == 5
    assert len(mock.account(key=KEY).tasks()) == 5
    assert len(mock.account(key=KEY).journal()) == 5


def test_another_body_of_the_same_length_is_read_anew(wire: Wire) -> None:
    assert wire.ask(submit())[0] == 200
    status, said = wire.ask(submit(BODY.replace(b'"1:1"', b'"9:0"')))
    assert status == 400
    assert b"size" in said
    assert wire.ask(submit())[0] == 200


@pytest.mark.parametrize("cut", [1, 5, 40, len(submit()) - len(BODY), len(submit()) - 1])
def test_a_request_in_pieces_is_whole_in_the_end(wire: Wire, cut: int) -> None:
    whole = submit()
    assert wire.ask(whole)[0] == 200
    for _ in range(3):
        wire.socket.sendall(whole[:cut])
        assert wire.ask(whole[cut:])[0] == 200


def test_a_head_within_what_the_parser_holds_is_no_request(wire: Wire) -> None:
    assert wire.ask(submit())[0] == 200
    wire.socket.sendall(b"GET /api/v1/tasks/x HTTP/1.1\r\nX-Odd: ")
    status, _ = wire.ask(submit())
    assert (
        status == 404
    )  # the first line of the submit is the value of X-Odd: it is the poll of a task that is not there


def test_requests_that_come_at_once_are_all_answered(wire: Wire) -> None:
    assert wire.ask(submit())[0] == 200
    wire.socket.sendall(submit() * 3)
    assert [wire.answer()[0] for _ in range(3)] == [200] * 3
    assert wire.ask(submit())[0] == 200


def test_a_connection_that_is_to_close_is_closed_each_time(mock: Mock) -> None:
    for _ in range(3):
        wire = Wire(mock.url)
        assert wire.ask(submit(more="Connection: close\r\n"))[0] == 200
        assert wire.socket.recv(1) == b""
        wire.close()


def test_more_heads_than_are_kept_are_all_answered(wire: Wire) -> None:
    statuses = {wire.ask(submit(more=f"X-Number: {number}\r\n"))[0] for number in range(MOST + 10)}
    assert statuses == {200}
    assert wire.ask(submit(more="X-Number: 1\r\n"))[0] == 200


def test_large_bodies_do_not_stop_a_connection(wire: Wire) -> None:
    body = BODY[:-1] + b', "note": "' + b"x" * 200_000 + b'"}'
    for _ in range(3):
        status, _ = wire.ask(submit(body))
        assert status in (200, 400)
    assert wire.ask(submit())[0] == 200
