"""A proxy in a thread, upstreams that send exactly the bytes that a test wants, and a client that shows what came."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imageproof.proxy.passive import Passive, Result, Source
from imageproof.proxy.server import ProxyServer
from imageproof.proxy.tape import Tape
from imageproof.proxy.upstream import read_upstream
from imageproof.records.reading import Run, read_run
from imageproof.records.writing import NAME, Writer
from imageproof.specs.library import load

PATIENCE_S = 20.0
Serve = Callable[[socket.socket, bytes], None]


@dataclass
class Proxied:
    """A running proxy. After the `with` block `result` and `run` say what it found."""

    url: str
    folder: Path
    tapes: list[Tape] = field(default_factory=list)
    result: Result | None = None
    failed: BaseException | None = None

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    @property
    def run(self) -> Run:
        return read_run(self.folder)

    def verdicts(self) -> dict[str, str]:
        return {item.rule: item.verdict.value for item in self.run.findings}

    def failures(self) -> set[str]:
        return {rule for rule, verdict in self.verdicts().items() if verdict == "failed"}


@contextmanager
def proxied(
    spec: str, upstream: str, folder: Path, *, strict: bool = False, keep_host: bool = False
) -> Iterator[Proxied]:
    """A proxy before an upstream, on a free port, until the end of the block."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    with Writer(folder / NAME) as writer:
        passive = Passive(load(spec), Source(mode="proxy", target=upstream, config={}), writer.write, strict=strict)
        passive.begin()
        out = Proxied("", folder)

        def take(tape: Tape) -> None:
            out.tapes.append(tape)
            passive.take(tape)

        server = ProxyServer(read_upstream(upstream, keep_host=keep_host), take)
        asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result(PATIENCE_S)
        out.url = server.url
        try:
            yield out
        finally:
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(PATIENCE_S)
            loop.call_soon_threadsafe(loop.stop)
            thread.join(PATIENCE_S)
            loop.close()
            out.failed = server.failed
            out.result = passive.finish(failed=server.failed)


@dataclass
class Raw:
    """An upstream of bare sockets. `heard` are the requests, byte for byte."""

    port: int
    heard: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def raw_upstream(serve: Serve) -> Iterator[Raw]:
    """An upstream that reads one request after the other from a connection and lets `serve` answer it."""
    listener = socket.create_server(("127.0.0.1", 0))
    out = Raw(listener.getsockname()[1])
    threads: list[threading.Thread] = []

    def connection(sock: socket.socket) -> None:
        with sock:
            sock.settimeout(PATIENCE_S)
            while request := read_message(sock):
                out.heard.append(request)
                serve(sock, request)

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=_quietly, args=(connection, sock), daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield out
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *threads):
            thread.join(PATIENCE_S)


def _quietly(work: Callable[[socket.socket], None], sock: socket.socket) -> None:
    try:
        work(sock)
    except OSError:  # the other end has gone, which some tests want
        return


def read_message(sock: socket.socket) -> bytes:
    """One request, byte for byte; empty when the other end has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65_536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    low = head.lower()
    if b"transfer-encoding: chunked" in low:
        while not (body == b"0\r\n\r\n" or body.endswith(b"\r\n0\r\n\r\n")):
            body += sock.recv(65_536)
    elif b"content-length:" in low:
        length = int(low.split(b"content-length:")[1].split(b"\r\n")[0])
        while len(body) < length:
            body += sock.recv(65_536)
    return head + b"\r\n\r\n" + body


def rest_of(sock: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    out = b""
    while piece := sock.recv(65_536):
        out += piece
    return out


def talk(port: int, *requests: bytes) -> bytes:
    """Send requests on one connection at once, and read until the other end closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S) as sock:
        for request in requests:
            sock.sendall(request)
        return rest_of(sock)


@contextmanager
def fronted(serve: Serve, folder: Path, *, spec: str = "reapi") -> Iterator[Proxied]:
    """A proxy before an upstream of bare sockets."""
    with raw_upstream(serve) as upstream, proxied(spec, upstream.url, folder) as proxy:
        yield proxy
