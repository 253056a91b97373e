"""The proxy changes nothing: what a client and an upstream exchange is the same with it and without it."""

import gzip
import socket
import threading
from contextlib import suppress
from pathlib import Path

import httpx2 as httpx
import pytest

from imageproof import Mock
from tests.imageproof.proxying import PATIENCE_S, proxied, raw_upstream, read_message, rest_of, talk

GET = b"GET /v1/thing?a=1&b=%%20x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n"
PLAIN = b"HTTP/1.1 200 Fine By Me\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
ANSWERS = {
    "plain": PLAIN,
    "odd headers": b"HTTP/1.1 200 OK\r\nX-b: 1\r\nx-B: 2\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nX-Empty:\r\n"
    b"x-latin: caf\xe9\r\nConnection: close\r\nContent-Length:0\r\n\r\n",
    "line feeds alone": b"HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\nok",
    "no reason": b"HTTP/1.1 404 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "chunks and trailers": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    b"3;ext=1\r\nabc\r\n0004\r\ndefg\r\n0\r\nX-Trailer: t\r\n\r\n",
    "until close": b"HTTP/1.1 200 OK\r\n\r\nas long as it lasts",
    "old": b"HTTP/1.0 200 OK\r\n\r\nas long as it lasts",
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    + gzip.compress(b'{"a": 1}', mtime=0),
    "no content": b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
    "hints before": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + PLAIN,
    "cut body": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nonly this",
    "cut chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    "bytes": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 256\r\n\r\n" + bytes(range(256)),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_an_answer_is_the_same_with_the_proxy_and_without(answer: bytes, tmp_path: Path) -> None:
    def serve(sock: socket.socket, _: bytes) -> None:
        sock.sendall(answer)
        sock.shutdown(socket.SHUT_WR)

    with raw_upstream(serve) as upstream, proxied("reapi", upstream.url, tmp_path) as proxy:
        without = talk(upstream.port, GET % upstream.port)
        assert without == answer
        assert talk(proxy.port, GET % upstream.port) == without
        assert upstream.heard[0] == upstream.heard[1]
    assert proxy.failed is None


REQUESTS = {
    "headers": b"PATCH /a//b/../c?x=%2F&y HTTP/1.1\r\nhOsT: 127.0.0.1:%d\r\nX-a: 1\r\nx-A:   2  \r\n"
    b"Connection: close\r\n\r\n",
    "body": b"POST /a HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 5\r\nConnection: close\r\n\r\n\x00\xffabc",
    "chunks": b"POST /a HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    b"2;q\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n",
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_request_is_the_same_with_the_proxy_and_without(request_: bytes, tmp_path: Path) -> None:
    with (
        raw_upstream(lambda sock, _: sock.sendall(PLAIN)) as upstream,
        proxied("reapi", upstream.url, tmp_path) as proxy,
    ):
        sent = request_.replace(b"%d", str(upstream.port).encode())
        assert talk(proxy.port, sent) == PLAIN
        assert upstream.heard == [sent]


def test_the_host_is_that_of_the_upstream_unless_it_is_to_be_kept(tmp_path: Path) -> None:
    with raw_upstream(lambda sock, _: sock.sendall(PLAIN)) as upstream:
        for keep, wanted in ((False, f"127.0.0.1:{upstream.port}"), (True, "example.com")):
            (tmp_path / str(keep)).mkdir()
            with proxied("reapi", f"{upstream.url}/base/", tmp_path / str(keep), keep_host=keep) as proxy:
                talk(proxy.port, b"GET /x HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n")
            assert upstream.heard[-1].startswith(b"GET /base/x HTTP/1.1\r\n")
            assert f"\r\nHost: {wanted}\r\n".encode() in upstream.heard[-1]


def test_requests_share_a_connection_and_may_be_sent_ahead(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    last = GET
    first = last.replace(b"Connection: close\r\n", b"")

    def serve(sock: socket.socket, request: bytes) -> None:
        sock.sendall(PLAIN if b"Connection: close" in request else answer)

    with raw_upstream(serve) as upstream, proxied("reapi", upstream.url, tmp_path) as proxy:
        assert (
            talk(proxy.port, first % upstream.port, first % upstream.port, last % upstream.port) == answer * 2 + PLAIN
        )
    assert [tape.connection for tape in proxy.tapes] == [1, 1, 1]
    assert [tape.number for tape in proxy.tapes] == [1, 2, 3]


def test_an_upstream_that_closes_an_idle_connection_closes_it_for_the_client(tmp_path: Path) -> None:
    def serve(sock: socket.socket, _: bytes) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        sock.shutdown(socket.SHUT_WR)

    request = GET.replace(b"Connection: close\r\n", b"")
    with raw_upstream(serve) as upstream, proxied("reapi", upstream.url, tmp_path) as proxy:
        assert talk(proxy.port, request % upstream.port).endswith(b"ok")  # reads until the other end closes


def test_each_piece_is_passed_on_before_the_next_one_is_there(tmp_path: Path) -> None:
    """The upstream sends an event only when the client has seen the one before, so nothing may wait in between."""
    seen = threading.Semaphore(0)
    events = [b"event: a\ndata: %d\n\n" % number for number in range(5)]

    def serve(sock: socket.socket, _: bytes) -> None:
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for event in events:
            sock.sendall(b"%x\r\n%b\r\n" % (len(event), event))
            assert seen.acquire(timeout=PATIENCE_S)
        sock.sendall(b"0\r\n\r\n")

    got = []
    with (
        raw_upstream(serve) as upstream,
        proxied("reapi", upstream.url, tmp_path) as proxy,
        httpx.stream("GET", f"{proxy.url}/x", timeout=PATIENCE_S) as answer,
    ):
        for piece in answer.iter_raw():
            got.append(piece)
            seen.release()
    assert b"".join(got) == b"".join(events)


def test_pieces_of_a_request_are_passed_on_before_it_is_whole(tmp_path: Path) -> None:
    begun = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def upstream() -> None:
        sock, _ = listener.accept()
        with sock:
            data = b""
            while not data.endswith(b"first"):
                data += sock.recv(65_536)
            begun.set()
            while not data.endswith(b"second"):
                data += sock.recv(65_536)
            sock.sendall(PLAIN)

    thread = threading.Thread(target=upstream)
    thread.start()
    with listener, proxied("reapi", f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S) as sock:
            sock.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nConnection: close\r\n\r\nfirst")
            assert begun.wait(PATIENCE_S)
            sock.sendall(b"second")
            assert rest_of(sock) == PLAIN
        thread.join(PATIENCE_S)


def test_a_client_that_expects_to_be_told_to_go_on_is_told_by_the_upstream(tmp_path: Path) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def upstream() -> None:
        sock, _ = listener.accept()
        with sock:
            data = b""
            while not data.endswith(b"\r\n\r\n"):
                data += sock.recv(65_536)
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            assert sock.recv(65_536) == b"body"
            sock.sendall(PLAIN)

    thread = threading.Thread(target=upstream)
    thread.start()
    with listener, proxied("reapi", f"http://127.0.0.1:{listener.getsockname()[1]}", tmp_path) as proxy:
        head = b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S) as sock:
            sock.sendall(head)
            assert sock.recv(65_536) == b"HTTP/1.1 100 Continue\r\n\r\n"
            sock.sendall(b"body")
            assert rest_of(sock) == PLAIN
        thread.join(PATIENCE_S)


def test_a_client_that_leaves_ends_the_request_at_the_upstream(tmp_path: Path) -> None:
    asked, gone = threading.Event(), threading.Event()

    def serve(sock: socket.socket, _: bytes) -> None:
        asked.set()
        with suppress(ConnectionResetError):
            assert sock.recv(1) == b""
        gone.set()

    with raw_upstream(serve) as upstream, proxied("reapi", upstream.url, tmp_path) as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S) as sock:
            sock.sendall(GET % upstream.port)
            assert asked.wait(PATIENCE_S)
        assert gone.wait(PATIENCE_S)
    assert proxy.tapes[0].note == "the client left before the answer was whole"
    assert proxy.failed is None


def test_a_change_of_protocol_is_a_tunnel(tmp_path: Path) -> None:
    def serve(sock: socket.socket, _: bytes) -> None:
        sock.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
        sock.sendall(sock.recv(65_536)[::-1])
        sock.shutdown(socket.SHUT_WR)

    with (
        raw_upstream(serve) as upstream,
        proxied("reapi", upstream.url, tmp_path) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE_S) as sock,
    ):
        sock.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
        assert sock.recv(65_536).startswith(b"HTTP/1.1 101 ")
        sock.sendall(b"abc")
        assert sock.recv(65_536) == b"cba"


PATHS = {
    "reapi": ["/api/v1/balance", "/api/v1/tasks/task_none", "/nowhere", "/api/v1/images/generations"],
    "openai": ["/v1/models", "/v1/images/generations", "/v1/nothing?x=1"],
    "toapis": ["/v1/balance", "/v1/user/balance", "/v1/images/generations/none"],
}


@pytest.mark.parametrize("name", PATHS)
def test_the_mock_answers_the_same_behind_the_proxy(name: str, tmp_path: Path) -> None:
    """Two mocks of one seed, one of them behind the proxy, are asked the same; ids and times are equal as well."""
    heads = b"Host: %b\r\nAuthorization: Bearer %b\r\nContent-Type: application/json\r\nConnection: close\r\n"

    def all_of(mock: Mock, port: int) -> list[bytes]:
        host = mock.url.removeprefix("http://").encode()
        key = mock.account(name, key=f"{mock.handler.services[name].spec.auth.key_example}-same").key.encode()
        out = []
        for path in PATHS[name]:
            for method, body in ((b"GET", b""), (b"POST", b'{"prompt": "a fox"}'), (b"DELETE", b"")):
                head = b"%b /%b%b HTTP/1.1\r\n" % (method, name.encode(), path.encode())
                raw = head + heads % (host, key) + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
                out.append(talk(port, raw).replace(host, b"HOST"))
        return out

    with Mock(name, clock="jump", start=1_795_000_000.0) as mock:
        direct = all_of(mock, int(mock.url.rpartition(":")[2]))
    with Mock(name, clock="jump", start=1_795_000_000.0) as mock, proxied(name, mock.url, tmp_path) as proxy:
        behind = all_of(mock, proxy.port)
    assert [_undated(answer) for answer in behind] == [_undated(answer) for answer in direct]


def _undated(answer: bytes) -> list[bytes]:
    return [line for line in answer.split(b"\r\n") if not line.startswith(b"Date: ")]


def test_heads_are_read_whole_by_the_helper() -> None:
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\nok")
        assert read_message(other).endswith(b"ok")
