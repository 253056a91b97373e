"""Bodies that were never finished are freed before they fill the memory, though the collector looks seldom."""

from __future__ import annotations

import gc
import socket

import pytest

from imageproof import Mock
from imageproof.mock_server.garbage import LEFTOVERS, MOST_BYTES, Leftovers


def test_many_bytes_have_the_garbage_collected_and_few_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    collected: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda: collected.append(1))
    leftovers = Leftovers()
    for _ in range(3):
        leftovers.add(MOST_BYTES // 2 - 1)
    assert (len(collected), leftovers.held) == (1, 0)
    leftovers.add(10)
    assert (len(collected), leftovers.held) == (1, 10)


def test_the_body_of_a_client_that_leaves_is_counted() -> None:
    with Mock("reapi", journal=10) as mock:
        account = mock.account("reapi")
        before = LEFTOVERS.held
        head = "POST /api/v1/images/generations HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n"
        head += f"Content-Type: application/json\r\nAuthorization: Bearer {account.key}\r\n\r\n"
        with socket.create_connection(
            (mock.url.split("/")[2].split(":")[0], int(mock.url.rpartition(":")[2]))
        ) as client:
            client.sendall(head.encode() + b" " * 4000)
            client.shutdown(socket.SHUT_WR)
            while client.recv(4096):
                continue
        turns = 0
        while LEFTOVERS.held == before and turns < 1000:
            turns += 1
            account.describe()
        assert LEFTOVERS.held - before == 4000
