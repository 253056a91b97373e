"""A lean HTTP client for the benchmarks: one request at a time on each connection, bytes in and bytes out.

It reads just enough of an answer to know its status and its end, and it measures how late its own event loop runs, so
that a result which the generator spoils is told as such.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self
from urllib.request import Request, urlopen

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length: "
LAST_CHUNK = b"0\r\n\r\n"
PROBE_S = 0.005
AT_A_TIME = 100
PORTS = 20_000  # of one address


class Line(asyncio.Protocol):
    """One connection. `ask` sends the bytes of a request; `answered` is called with the line when it has its answer."""

    __slots__ = (
        "_missing",
        "_tail",
        "about",
        "answered",
        "body",
        "ended",
        "head",
        "is_lost",
        "keeps",
        "sent",
        "size",
        "status",
        "transport",
    )

    def __init__(self, answered: Callable[[Line], None], *, keeps: bool = False) -> None:
        self.answered = answered
        self.about: object = None  # whatever the user of the line wants to remember
        self.keeps = keeps  # the body: most are thrown away
        self.transport: asyncio.Transport | None = None
        self.is_lost = False
        self._start()

    def _start(self) -> None:
        self.status = 0
        self.head = b""
        self.body = b""
        self.size = 0
        self.sent = self.ended = 0.0
        self._missing = -1  # bytes of the body; -2 for chunks
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what to write to."""
        self.transport = transport  # type: ignore[assignment]

    def ask(self, request: bytes) -> None:
        """Send a request, now."""
        self._start()
        self.sent = time.perf_counter()
        if self.transport is None or self.is_lost:
            self._finish()
            return
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Read on; a body of known length is only counted."""
        if not self.status:
            self.head += data
            at = self.head.find(END_OF_HEAD)
            if at < 0:
                return
            data, self.head = self.head[at + 4 :], self.head[: at + 2]
            self.status = int(self.head[9:12])
            low = self.head.lower()
            found = low.find(LENGTH)
            self._missing = int(low[found + len(LENGTH) : low.index(b"\r", found)]) if found >= 0 else -2
        self.size += len(data)
        if self.keeps:
            self.body += data
        if self._missing >= 0:
            self._missing -= len(data)
            if self._missing == 0:
                self._finish()
            return
        self._tail = (self._tail + data)[-len(LAST_CHUNK) :]
        if self._tail == LAST_CHUNK:
            self._finish()

    def _finish(self) -> None:
        self.ended = time.perf_counter()
        self.answered(self)

    def connection_lost(self, _: Exception | None) -> None:
        """An answer that never came whole has the status 0."""
        self.is_lost = True
        if self.sent and not self.ended:
            self.status = 0
            self._finish()


class Delay:
    """How late the event loop runs, in seconds, looked at every five milliseconds."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self._due = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Look from now on."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + PROBE_S
        self._handle = loop.call_at(self._due, self._look)

    def _look(self) -> None:
        self.seen.append(max(0.0, asyncio.get_running_loop().time() - self._due))
        self.start()

    def stop(self) -> list[float]:
        """All that was seen, sorted."""
        if self._handle is not None:
            self._handle.cancel()
        return sorted(self.seen)


def request(method: str, path: str, key: str, body: dict[str, object] | None = None) -> bytes:
    """The bytes of a request."""
    raw = json.dumps(body).encode() if body is not None else b""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Authorization: Bearer {key}"]
    if raw:
        lines += ["Content-Type: application/json", f"Content-Length: {len(raw)}"]
    return "\r\n".join([*lines, "", ""]).encode() + raw


def set_scenario(port: int, provider: str, key: str, text: str) -> None:
    """Put test cards such as `slow: 1s` on every job of an account. Raises OSError when the mock refuses."""
    url = f"http://127.0.0.1:{port}/__imageproof__/{provider}/account"
    headers = {"Authorization": f"Bearer {key}"}
    order = Request(url, json.dumps({"scenario": text}).encode(), headers, method="PATCH")
    with urlopen(order) as answer:  # noqa: S310  (the mock that was started here)
        answer.read()


async def connect(
    port: int, count: int, answered: Callable[[Line], None], *, keeps: bool = False, first: int = 0
) -> list[Line]:
    """Open so many connections, from several addresses of the loopback where one has too few ports.

    `first` is how many there are already.
    """
    loop = asyncio.get_running_loop()
    out: list[Line] = []
    for start in range(first, first + count, AT_A_TIME):
        sources = [f"127.0.0.{1 + number // PORTS}" for number in range(start, min(first + count, start + AT_A_TIME))]
        made = await asyncio.gather(
            *(
                loop.create_connection(lambda: Line(answered, keeps=keeps), "127.0.0.1", port, local_addr=(source, 0))
                for source in sources
            )
        )
        out += [line for _, line in made]
    return out


def open_files() -> int:
    """Raise the soft limit of open files of this process to the hard one, and give it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


class Served:
    """A mock as a process on core 0. Used as a context; `port` is where it listens."""

    def __init__(self, *words: str, core: str = "0") -> None:
        self._command = ["taskset", "-c", core, sys.executable, "-m", "imageproof", "mock", *words]
        self._process: subprocess.Popen[str] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        """Start it and wait until it is ready. Raises SystemExit when it does not start."""
        self._process = subprocess.Popen(
            [*self._command, "--port", "0", "--ready-json", "--log-level", "error"], stdout=subprocess.PIPE, text=True
        )
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            sys.exit("the mock did not start")
        self.port = int(json.loads(line)["url"].rpartition(":")[2])
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def pid(self) -> int:
        """The number of its process."""
        return self._process.pid if self._process is not None else 0

    def resident(self) -> int:
        """Its resident memory in bytes."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    def cpu_seconds(self) -> float:
        """Its user and system time so far."""
        stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def percentile(ordered: list[float], share: float) -> float:
    """The value below which this share of the sorted values lies; 0 for none."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
