"""Requests on geventhttpclient, timed where it happens: when it began, the first byte, each event, the end.

Nothing is retried and no redirect of a request with a body is followed: a job that is sent twice is paid twice.
Import this only in a process of Locust's own: it patches sockets.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from socket import AI_NUMERICHOST, SOCK_STREAM, AddressFamily, SocketKind, gaierror
from ssl import SSLError
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from gevent import Timeout, monkey
from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.response import HTTPConnectionClosed, HTTPParseError
from geventhttpclient.url import URL

from imageproof.loadtests.books import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from geventhttpclient.response import HTTPSocketPoolResponse

native_getaddrinfo = monkey.get_original("socket", "getaddrinfo")
Address = tuple[AddressFamily, SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]
BLOCK = 1 << 16
MANY = 100_000  # connections of one process: a held call needs one of its own
NEVER_AGAIN = -1
REDIRECTS = 3
PLAIN = re.compile(r"(https?://[A-Za-z0-9.:-]+)(/[A-Za-z0-9/._~=&?-]*)")
MOVED = frozenset({301, 302, 303, 307, 308})
HELD, QUEUE, RUN, DONE_AGO = (f"x-imageproof-{name}-ms" for name in ("held", "queue", "run", "done-ago"))
BROKEN = (HTTPConnectionClosed, HTTPParseError, SSLError, OSError, zlib.error, ValueError)
"""What goes wrong on a connection; ValueError is a header or an address that can't be sent or read."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """What came of a request. Times are seconds on the monotonic clock; `status` 0 means that no answer came."""

    began: float
    ended: float = 0.0
    first_byte: float | None = None
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    received: int = 0
    events: list[float] = field(default_factory=list)
    fault: Fault | None = None
    says: str = ""

    def ms(self, name: str) -> float | None:
        """A header that tells milliseconds, in seconds."""
        value = self.headers.get(name)
        try:
            return float(value) / 1000 if value is not None else None
        except ValueError:  # somebody else's header of this name
            return None


class Wire:
    """The connections of a process to whatever it talks to.

    A request that takes over `network_s` is given up: a peer that sends a byte now and then would hold it for ever, and
    so would a name that nobody resolves.
    """

    __slots__ = ("_clients", "_network_s", "_pool")

    def __init__(self, pool: HTTPClientPool, network_s: float) -> None:
        self._pool = pool
        self._network_s = network_s
        self._clients: dict[str, HTTPClient] = {}

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        on_line: Callable[[bytes], bool] | None = None,
    ) -> Answer:
        """Send one request; it never raises for what happens on the way. `on_line` gets the lines of a stream.

        It says whether the line was an event: then its time is kept.
        """
        answer = Answer(began=monotonic())
        limit = Timeout.start_new(self._network_s, TimeoutError(f"not over after {self._network_s:g} s"))
        try:
            for _ in range(REDIRECTS + 1):
                url = self._once(method, url, headers, body, answer, on_line)
                if not url:
                    break
        except TimeoutError as error:
            answer.fault, answer.says = Fault.TIMEOUT, str(error) or "timed out"
        except BROKEN as error:
            answer.fault, answer.says = Fault.TRANSPORT, f"{type(error).__name__}: {error}"
        finally:
            limit.close()
        answer.ended = monotonic()
        return answer

    def _found(self, url: str) -> tuple[HTTPClient, str]:
        """The connections to a host, and the path there: plain addresses are not taken apart each time."""
        match = PLAIN.fullmatch(url)
        if match is None:
            target = URL(url)
            return self._pool.get_client(target), target.quoted_uri
        origin, path = match[1], match[2]
        client = self._clients.get(origin)
        if client is None:
            client = self._clients[origin] = self._pool.get_client(URL(origin))
        return client, path

    def _once(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        answer: Answer,
        on_line: Callable[[bytes], bool] | None,
    ) -> str:
        """Send it; the address to go on to where a GET is redirected, else nothing."""
        client, path = self._found(url)
        response = client.request(method, path, body, headers)
        if answer.first_byte is None:
            answer.first_byte = monotonic()
        answer.status = response.get_code()
        answer.headers = {name.lower(): value for name, value in response.info().items()}
        if on_line is not None and answer.headers.get("content-type", "").startswith("text/event-stream"):
            _read_lines(response, answer, on_line)
        else:
            answer.body = response.read()
        answer.received += len(answer.body)
        place = answer.headers.get("location")
        return urljoin(url, place) if method == "GET" and answer.status in MOVED and place else ""


def _read_lines(response: HTTPSocketPoolResponse, answer: Answer, on_line: Callable[[bytes], bool]) -> None:
    """Read a stream line by line: bigger bites would see the first event when the last one comes."""
    while line := response.readline(b"\n"):
        answer.received += len(line)
        if on_line(line):
            answer.events.append(monotonic())


class OncePool(HTTPClientPool):
    """Connections on which each request is sent once: a gateway that resets polls would go unseen otherwise."""

    def get_client(self, url: str | URL) -> HTTPClient:
        """The connections to a host."""
        client = super().get_client(url)
        pool = client._connection_pool  # noqa: SLF001  (it has no options for either)
        if pool.size != NEVER_AGAIN:
            pool.size = NEVER_AGAIN  # it tries so often and once more
            found = numeric(client.host, client.port or 0)
            if found:
                pool._resolve = lambda: found  # type: ignore[method-assign]  # noqa: SLF001  (as above)
        return client


def numeric(host: str, port: int) -> list[Address]:
    """The addresses of a host that is a number. A name is looked up for each connection, by a thread, which takes time.

    Empty for a name.
    """
    try:
        return list(native_getaddrinfo(host, port, type=SOCK_STREAM, flags=AI_NUMERICHOST))
    except gaierror:  # it is a name
        return []


def new_pool(network_s: float) -> HTTPClientPool:
    """Connections that wait so long for a byte, check certificates, and are as many as are needed."""
    return OncePool(
        concurrency=MANY, network_timeout=network_s, connection_timeout=min(30.0, network_s), block_size=BLOCK
    )
