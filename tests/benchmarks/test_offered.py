"""The generator of the benchmarks counts from when a request was due, keeps its rate, and ends at an error answer."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from imageproof import Mock

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "offered.py"
KEY = "rk_live_offered"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
BAD = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
FROZEN_S = 0.6


def offer(port: int, rate: int, seconds: float, request: bytes = GET) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, str(SCRIPT), str(port), str(rate), str(seconds)]
    return subprocess.run(words, input=request, capture_output=True, timeout=60, check=False)


@contextmanager
def server(answer: Callable[[], bytes]) -> Iterator[int]:
    """A server that gives what `answer` makes to every request, one at a time, and closes where it says so."""
    turn = threading.Lock()

    def serve(connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):  # a run that has failed leaves
            while connection.recv(65_536):
                with turn:
                    said = answer()
                connection.sendall(said)
                if said == CLOSING:
                    return

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:  # the test is over
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0), backlog=200) as listening:
        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]


def test_a_mock_is_polled_at_the_rate_and_all_is_answered() -> None:
    with Mock("reapi") as mock:
        port = int(mock.url.rpartition(":")[2])
        head = f"GET /api/v1/balance HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n"
        done = offer(port, 100, 1, head.encode())
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["answers"] == 100
        assert 0 < found["p50"] <= found["p99"] <= found["highest"]
        assert len(mock.account(key=KEY).journal()) == 150  # with those of the first half second, which are not counted


def test_a_server_that_freezes_once_shows_in_the_times_of_all_who_waited() -> None:
    asked = 0

    def answer() -> bytes:
        nonlocal asked
        asked += 1
        if asked == 200:  # the first 100 are not counted
            time.sleep(FROZEN_S)
        return GOOD

    with server(answer) as port:
        done = offer(port, 200, 2)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # 120 of 400 were due while it was frozen: counted from when they were sent, only 32 of them would be late
    assert found["answers"] == 400
    assert found["highest"] >= FROZEN_S * 1000 * 0.9
    assert found["p90"] >= FROZEN_S * 1000 * 0.3


@pytest.mark.parametrize("said", [CLOSING, CHUNKED])
def test_closed_connections_are_opened_again_and_chunks_are_read(said: bytes) -> None:
    with server(lambda: said) as port:
        done = offer(port, 100, 0.5)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["answers"] == 50


def test_an_error_answer_spoils_the_run() -> None:
    with server(lambda: BAD) as port:
        done = offer(port, 100, 0.5)
    assert done.returncode == 1
    assert b"503" in done.stderr
    assert not done.stdout
