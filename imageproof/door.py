"""An address at which nobody answers until somebody opens it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Protocol, TypeVar

from imageproof.mock_server.connection import MockServer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from imageproof.mock_server.server import Mock as Handler

T = TypeVar("T")


class House(Protocol):
    """What a door asks of the mock behind it."""

    handler: Handler

    def run_async(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        """Do something on the mock's own loop and give its result."""


class Door:
    """A port of a running mock. It is ours from the beginning, but connections are refused until `open` is called.

    A bound socket that does not listen refuses connections, and keeps the port from being taken by anybody else.
    """

    def __init__(self, mock: House, host: str) -> None:
        self._mock = mock
        self._host = host
        self._server: MockServer | None = None
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, 0))
        self.port: int = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """The root of the mock, as it is reached through the door."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def is_open(self) -> bool:
        """Whether connections are taken."""
        return self._server is not None

    def open(self) -> None:
        """Take connections from now on; nothing happens to a door that is open or closed for good."""
        if self._server is None and self._socket.fileno() >= 0:
            self._server = self._mock.run_async(lambda: MockServer.open_door(self._mock.handler, self._socket))

    def close(self) -> None:
        """Close it for good; connections that came through it are ended."""
        server, self._server = self._server, None
        if server is not None:
            self._mock.run_async(server.stop)
        self._socket.close()
