"""Redis servers of a test's own: on a free port, in a folder that goes away, ended by their process id."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

DATABASES = 2_000
TRIES = 5
PATIENCE_S = 20.0


@dataclass
class Store:
    """A Redis server. It can be killed and started again at the same address."""

    folder: Path
    host: str
    port: int
    arguments: tuple[str, ...]
    process: subprocess.Popen[str] | None = None
    _databases: Iterator[int] = field(default_factory=lambda: count(1))  # the first one is that of `url`

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"redis://{self.host}:{self.port}/0"

    def new_url(self) -> str:
        """The URL of a database that nobody has used yet."""
        return f"redis://{self.host}:{self.port}/{next(self._databases)}"

    def start(self) -> bool:
        """Start it, and wait until it takes connections; False when its port was taken meanwhile."""
        self.process = subprocess.Popen(
            [
                *("redis-server", "--bind", self.host, "--port", str(self.port), "--dir", str(self.folder)),
                *("--save", "", "--databases", str(DATABASES), "--protected-mode", "no", *self.arguments),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "Ready to accept connections" in line:
                return True
        self.end()
        return False

    def end(self) -> None:
        """Kill it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(PATIENCE_S)
            if self.process.stdout is not None:
                self.process.stdout.close()
            self.process = None


def free_port(host: str) -> int:
    """A port that is free just now."""
    with socket.create_server((host, 0)) as held:
        return int(held.getsockname()[1])


@contextmanager
def running_store(*arguments: str, host: str = "127.0.0.1") -> Iterator[Store]:
    """A Redis server for as long as the block lasts."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed, so nothing was shared: install it to run this")
    with tempfile.TemporaryDirectory(prefix="imageproof-store-") as folder:
        for _ in range(TRIES):
            store = Store(Path(folder), host, free_port(host), arguments)
            try:
                if store.start():
                    yield store
                    return
            finally:
                store.end()
        pytest.fail(f"no Redis server started in {TRIES} tries")
