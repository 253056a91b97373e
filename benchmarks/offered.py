"""Requests at a rate that waits for nobody, timed from when each was due: what wrk leaves out.

One process and 32 connections, without an event loop: it spins on its own core, as timers of a millisecond are too
coarse for answers of a tenth of one. A request that finds every connection busy waits, and its wait counts. How late
requests leave although a connection is free is the generator's own error, and is told beside the times.

`python benchmarks/offered.py PORT RATE SECONDS` reads the request, as it goes over the wire, from standard input and
prints its numbers as one line of JSON.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from math import ceil

CONNECTIONS = 32
WARM_S = 0.5
PATIENCE_S = 10.0
BLOCK = 1 << 18
HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """What came of a round. Times are milliseconds since the request was due; `late` is the generator's own part."""

    rate: float
    answers: int
    p50: float
    p90: float
    p99: float
    highest: float
    late_p99: float


class Connection:
    """A connection with at most one request under way; it is opened again where the server closes it."""

    __slots__ = ("_closes", "_port", "_received", "_wanted", "due", "socket")

    def __init__(self, port: int) -> None:
        self._port = port
        self._received = b""
        self._wanted = 0  # bytes of the whole answer, 0 until its head is read, -1 for one in chunks
        self._closes = False
        self.due = 0.0
        self.socket: socket.socket | None = None

    def send(self, request: bytes, due: float) -> bool:
        """Send a request; whether it went over a new connection. Raises OSError."""
        self._received, self._wanted, self.due = b"", 0, due
        sock = self.socket
        if is_new := sock is None:
            sock = self.socket = socket.create_connection(("127.0.0.1", self._port))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(request)
        return is_new

    def has_all(self) -> bool:
        """Take what has come; whether the answer is whole. Raises OSError for an end of it or a bad status."""
        if self.socket is None:
            return False
        block = self.socket.recv(BLOCK)
        if not block:
            raise ConnectionError("the server closed a connection with a request on it")
        self._received = self._received + block if self._received else block
        if not self._wanted:
            self._wanted, self._closes = size_of(self._received)
        if self._wanted < 0:
            is_whole = self._received.endswith(b"0" + HEAD_END)
        else:
            is_whole = 0 < self._wanted <= len(self._received)
        if is_whole and self._closes:
            self.close()
        return is_whole

    def close(self) -> None:
        """Close it; a poller forgets it by that."""
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def size_of(received: bytes) -> tuple[int, bool]:
    """Bytes of the whole answer that begins so, and whether the server closes the connection after it.

    The bytes are 0 if the head is not there yet, -1 for an answer in chunks. Raises ConnectionError for a status other
    than 2xx.
    """
    end = received.find(HEAD_END)
    if end < 0:
        return 0, False
    head = received[:end].lower()
    if not head.startswith((b"http/1.1 2", b"http/1.0 2")):
        raise ConnectionError(f"answered {head.partition(bytes((13, 10)))[0].decode()}")
    closes = b"\r\nconnection: close" in head
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        return -1, closes
    return end + len(HEAD_END) + int(head[at + 17 :].split(b"\r\n", 1)[0]), closes


def request_bytes(method: str, path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + HEAD_END + body


def percentile(ordered: list[float], share: float) -> float:
    """The smallest value that so great a share of all does not exceed; 0 for none."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else 0.0


def offer(port: int, rate: float, seconds: float, request: bytes) -> Times:
    """Offer `rate` requests each second; the first half second is not counted. Raises OSError and TimeoutError."""
    connections = [Connection(port) for _ in range(CONNECTIONS)]
    with contextlib.ExitStack() as stack:
        poller = stack.enter_context(contextlib.closing(select.epoll()))
        for connection in connections:
            stack.callback(connection.close)
        return _drive(connections, poller, rate, seconds, request)


def _drive(connections: list[Connection], poller: select.epoll, rate: float, seconds: float, request: bytes) -> Times:
    idle = deque(connections)
    by_number: dict[int, Connection] = {}
    took, late = [], []
    clock, poll = time.perf_counter, poller.poll
    count, skipped = int(rate * (seconds + WARM_S)), int(rate * WARM_S)
    step, sent, done = 1 / rate, 0, 0
    start = free_since = clock() + 0.01
    end = start + seconds + WARM_S + PATIENCE_S
    while done < count:
        now = clock()
        due = start + sent * step
        while sent < count and due <= now and idle:
            # one that waited for a connection is late by the server's fault, not by ours
            late.append(now - max(due, free_since))
            connection = idle.popleft()
            if connection.send(request, due) and connection.socket is not None:
                number = connection.socket.fileno()
                by_number[number] = connection
                poller.register(number, select.EPOLLIN)
            sent += 1
            due = start + sent * step
            now = clock()
        for number, _ in poll(0):
            connection = by_number[number]
            if connection.has_all():
                now = clock()
                took.append((connection.due, now - connection.due))
                if not idle:
                    free_since = now
                idle.append(connection)
                done += 1
        if now > end:
            left = count - done
            raise TimeoutError(f"{left:,} of {count:,} requests were not answered {PATIENCE_S:g} s after the end")
    first = start + skipped * step
    times = sorted(lasted * 1000 for due, lasted in took if due >= first)
    return Times(
        rate=rate,
        answers=len(times),
        p50=percentile(times, 0.5),
        p90=percentile(times, 0.9),
        p99=percentile(times, 0.99),
        highest=times[-1],
        late_p99=percentile(sorted(late), 0.99) * 1000,
    )


def main() -> int:
    """One round, as the command line says."""
    port, rate, seconds = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    try:
        times = offer(port, rate, seconds, sys.stdin.buffer.read())
    except OSError as error:  # a TimeoutError is one of them
        print(f"offered: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(times)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
