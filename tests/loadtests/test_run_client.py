"""The requests of a load run, against servers that break off, lie, stall and send in pieces."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import pytest

from imageproof.loadtests import users
from imageproof.loadtests.books import End, Fault
from imageproof.loadtests.client import Wire, new_pool, numeric
from imageproof.loadtests.mix import Mix
from imageproof.loadtests.options import Options, Share
from imageproof.loadtests.reading import Reader, excerpt
from imageproof.loadtests.users import Bench, play
from imageproof.specs.library import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.loadtests.reading import Said
    from imageproof.specs.model import Operation

GO_S = 20.0


@contextmanager
def server(*talks: Callable[[socket.socket], None]) -> Iterator[str]:
    """Serve one talk on each connection, in turn."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def run() -> None:
            for talk in talks:
                peer, _ = listening.accept()
                with peer:
                    peer.settimeout(GO_S)
                    peer.recv(65536)
                    talk(peer)

        thread = threading.Thread(target=run)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(GO_S)
        assert not thread.is_alive()


def says(text: bytes) -> Callable[[socket.socket], None]:
    return lambda peer: peer.sendall(text)


@pytest.fixture
def wire() -> Iterator[Callable[[float], Wire]]:
    pools = []

    def make(network_s: float) -> Wire:
        pools.append(new_pool(network_s))
        return Wire(pools[-1], network_s)

    yield make
    for pool in pools:
        pool.close()


def test_an_answer_is_timed_and_counted(wire: Callable[[float], Wire]) -> None:
    text = b"HTTP/1.1 200 OK\r\nX-Imageproof-Held-Ms: 12.5\r\nContent-Length: 2\r\n\r\n{}"
    with server(says(text)) as url:
        answer = wire(GO_S).send("POST", f"{url}/a", headers={}, body=b"x")

    assert (answer.status, answer.body, answer.received, answer.fault) == (200, b"{}", 2, None)
    assert answer.ms("x-imageproof-held-ms") == 0.0125
    assert answer.first_byte is not None
    assert answer.began <= answer.first_byte <= answer.ended


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"no http at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Le",
    ],
)
def test_what_breaks_off_or_is_no_http_is_a_fault_of_transport(text: bytes, wire: Callable[[float], Wire]) -> None:
    with server(says(text)) as url:
        answer = wire(GO_S).send("POST", url, headers={}, body=b"x")

    assert answer.fault is Fault.TRANSPORT
    assert answer.says


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_whose_answer_is_lost_is_sent_once(method: str, wire: Callable[[float], Wire]) -> None:
    bodies = []

    def lose(_: socket.socket) -> None:
        bodies.append(1)

    with server(lose) as url:
        answer = wire(GO_S).send(method, url, headers={})

    assert answer.fault is Fault.TRANSPORT
    assert len(bodies) == 1


def test_nobody_at_the_port_is_a_fault_of_transport(wire: Callable[[float], Wire]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    answer = wire(GO_S).send("GET", f"http://127.0.0.1:{port}/", headers={})

    assert (answer.fault, answer.status) == (Fault.TRANSPORT, 0)


def test_silence_is_a_timeout(wire: Callable[[float], Wire]) -> None:
    gone = threading.Event()
    with server(lambda _: (gone.wait(GO_S), None)[1]) as url:
        answer = wire(0.2).send("GET", url, headers={})
        gone.set()

    assert (answer.fault, answer.status) == (Fault.TIMEOUT, 0)
    assert 0.15 < answer.ended - answer.began < GO_S / 2


def test_a_download_follows_where_it_is_sent(wire: Callable[[float], Wire]) -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with server(says(moved), says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")) as url:
        answer = wire(GO_S).send("GET", f"{url}/here", headers={})

    assert (answer.status, answer.body) == (200, b"ok")


def test_each_event_of_a_stream_is_seen_when_it_comes(wire: Callable[[float], Wire]) -> None:
    """A client that reads in blocks would see all three at the end."""
    go = threading.Event()
    lines = []

    def stream(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            peer.sendall(b"9\r\ndata: 1\n\n\r\n")
            assert go.wait(GO_S)  # the next comes only when this one has been seen
            go.clear()
        peer.sendall(b"0\r\n\r\n")

    def saw(line: bytes) -> bool:
        lines.append(line)
        if line == b"\n":
            go.set()
        return line == b"\n"

    with server(stream) as url:
        answer = wire(GO_S).send("POST", url, headers={}, body=b"x", on_line=saw)

    assert len(answer.events) == 3
    assert answer.fault is None
    assert lines.count(b"data: 1\n") == 3


def test_a_stream_that_breaks_off_is_a_fault_of_transport(wire: Callable[[float], Wire]) -> None:
    text = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
    )
    with server(says(text)) as url:
        answer = wire(GO_S).send("POST", url, headers={}, body=b"x", on_line=lambda line: line == b"\n")

    assert answer.fault is Fault.TRANSPORT
    assert len(answer.events) == 1


def test_a_peer_that_sends_a_byte_now_and_then_holds_nobody_for_ever(wire: Callable[[float], Wire]) -> None:
    gone = threading.Event()

    def drip(peer: socket.socket) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        with suppress(OSError):  # the client has gone, which is what is wanted
            while not gone.wait(0.05):
                peer.sendall(b".")

    with server(drip) as url:
        answer = wire(0.4).send("GET", url, headers={})
        gone.set()

    assert answer.fault is Fault.TIMEOUT
    assert 0.35 < answer.ended - answer.began < GO_S / 2
    assert "not over after 0.4 s" in answer.says


def test_a_number_needs_no_look_up_and_a_name_gets_one() -> None:
    (found,) = numeric("127.0.0.1", 4010)

    assert found[4] == ("127.0.0.1", 4010)
    assert numeric("gateway.example", 80) == []


class BrokenReader(Reader):
    """A reader with a mistake, which none ought to have."""

    def read(self, operation: Operation, body: bytes) -> Said | None:
        raise RuntimeError(f"a mistake at {operation.name} with {len(body)} bytes")


def bench_at(url: str, wire: Wire, reader: type[Reader] = Reader) -> Bench:
    spec = load("openai")
    options = Options(spec="openai", base_url=url, key="sk-demo-1")
    return Bench(options, Mix(spec, (Share(),), seed=1, prompt="a fox"), reader(spec), wire)


def test_a_mistake_of_our_own_ends_the_job_as_lost_and_is_told(wire: Callable[[float], Wire]) -> None:
    with server(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")) as url:
        job = play(bench_at(url, wire(GO_S), BrokenReader), 1, 0.0)

    assert job.end is End.LOST
    assert job.calls[-1].fault is Fault.CLIENT
    assert job.calls[-1].says == "RuntimeError: a mistake at generate with 2 bytes"


def test_a_picture_that_no_thread_reads_in_time_is_read_all_the_same(
    wire: Callable[[float], Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    done, here = threading.Event(), threading.current_thread()
    read_by: list[threading.Thread] = []

    def read(_: bytes) -> None:
        read_by.append(threading.current_thread())
        if threading.current_thread() is not here:
            done.wait(GO_S)

    monkeypatch.setattr(users, "LOOK_S", 0.2)
    monkeypatch.setattr(users, "read", read)
    bench_at("", wire(GO_S)).look(b"no picture")
    done.set()

    assert len(read_by) == 2
    assert read_by[-1] is here


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", ""),
        (b'{\n  "error": 1\n}', '{ "error": 1 }'),
        (b"\n<!doctype html><html><head><title>502\n Bad Gateway</title>", "a page of HTML, '502 Bad Gateway'"),
        (b"<html><body>welcome", "a page of HTML"),
        (b"\xff" + b"a" * 5000, "\ufffd" + "a" * 199),
    ],
)
def test_what_an_answer_says_fits_on_one_line(body: bytes, says: str) -> None:
    assert excerpt(body) == says
