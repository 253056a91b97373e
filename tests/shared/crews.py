"""Mocks as processes: the real command with several workers, and what a test asks of it over fresh connections."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import cast

MOCK = (sys.executable, "-m", "imageproof", "mock")
PATIENCE_S = 60.0

Json = dict[str, object]


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Json:
        """The body as JSON."""
        return cast("Json", json.loads(self.raw))


@dataclass
class Crew:
    """A mock that serves with several processes."""

    process: subprocess.Popen[str]
    ready: Json
    said: list[str] = field(default_factory=list)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, _, port = str(self.ready["url"]).removeprefix("http://").rpartition(":")
        return host, int(port)

    def ask(self, method: str, path: str, key: str | None = None, body: object = None, timeout: float = 30) -> Answer:
        """Send a request over a connection of its own, so that any worker may get it."""
        connection = http.client.HTTPConnection(*self.address, timeout=timeout)
        try:
            headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            got = connection.getresponse()
            return Answer(got.status, dict(got.getheaders()), got.read())
        finally:
            connection.close()

    def control(self, method: str, path: str, key: str | None = None, body: object = None) -> Json:
        """Ask the control API."""
        answer = self.ask(method, f"/__imageproof__/{path}", key, body)
        assert answer.status == 200, answer.raw[:500]
        return answer.body

    def some_worker(self) -> int:
        """The process id of the worker that happens to answer."""
        return int(str(self.control("GET", "health")["pid"]))

    def workers(self) -> set[int]:
        """The process ids of all workers."""
        told = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return {int(word) for word in told.stdout.split()}

    def log(self) -> str:
        """What it has written to standard error up to now."""
        return "".join(self.said)


def is_alive(pid: int) -> bool:
    """Whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def until(is_so: Callable[[], bool], why: str = "it did not come to this", patience: float = PATIENCE_S) -> float:
    """Ask until it is so; how many seconds that took."""
    began = monotonic()
    pause = threading.Event()
    while not is_so():
        assert monotonic() - began < patience, why
        pause.wait(0.02)
    return monotonic() - began


@contextmanager
def crew(*arguments: str, prefix: tuple[str, ...] = ()) -> Iterator[Crew]:
    """A mock on a free port, from its line of readiness to the end of the block; the prefix says where it runs."""
    process = subprocess.Popen(
        [*prefix, *MOCK, "--port", "0", "--ready-json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: list[str] = []
    assert process.stdout is not None
    assert process.stderr is not None
    reader = threading.Thread(target=said.extend, args=(process.stderr,))
    reader.start()
    try:
        line = process.stdout.readline()
        assert line, "".join(said)
        yield Crew(process, json.loads(line), said)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0, "".join(said)
    finally:
        process.kill()  # its workers see that it is gone
        process.wait(PATIENCE_S)
        reader.join(PATIENCE_S)
        process.stdout.close()
        process.stderr.close()
