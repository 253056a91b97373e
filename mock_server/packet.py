"""A whole HTTP answer as bytes.

Nearly every answer of the mock is small and known at once, so it is one write on the socket.

aiohttp's own response classes do more (cookies, compression, chunks) and cost as much as all the rest of a poll; they
are used
where that is needed, for streams.
"""

from __future__ import annotations

from http import HTTPStatus
from time import monotonic, time
from typing import TYPE_CHECKING
from wsgiref.handlers import format_date_time

from imageproof.mock_server.recording import LEFT

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.answers import Reply
    from imageproof.mock_server.clock import Clock
    from imageproof.mock_server.heads import Arrived

SMALL = 65_536
NOT_MODIFIED = 304  # it has no body, and may tell how long that of a 200 would be
UNKNOWN = "Unknown"


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return UNKNOWN


_HEADS = {0: ""} | {
    status: f"HTTP/1.1 {status} {_reason(status)}\r\nServer: imageproof\r\n" for status in range(200, 600)
}


class Dated:
    """The Date header, made once a second."""

    __slots__ = ("_line", "_second")

    def __init__(self) -> None:
        self._second = 0
        self._line = ""

    def line(self) -> str:
        """The header line with its end."""
        now = int(time())
        if now != self._second:
            self._second = now
            self._line = f"Date: {format_date_time(now)}\r\n"
        return self._line


class Packet:
    """An answer ready for the socket.

    It has what aiohttp's connection asks of a response: `keep_alive`, `status`, `body_length`. One that travels badly
    has a `way`, the `clock` by which it waits, and is told when it has been `sent`, and whether the client left before.
    """

    __slots__ = ("body", "body_length", "clock", "head", "keep_alive", "sent", "status", "way")

    def __init__(self, reply: Reply, request: web.BaseRequest | Arrived, dated: Dated) -> None:
        self.status = reply.status
        self.way = reply.way
        self.clock: Clock | None = None
        self.sent: Callable[[bool], None] | None = None
        self.keep_alive = reply.stay and request.keep_alive
        self.body = reply.body if request.method != "HEAD" and reply.status != NOT_MODIFIED else b""
        self.body_length = len(self.body)
        lines = ""
        for name, value in reply.headers.items():
            lines += f"{name}: {value}\r\n"
        if not self.keep_alive:
            lines += "Connection: close\r\n"
        elif request.version.minor == 0:
            lines += "Connection: keep-alive\r\n"
        date = "" if "Date" in reply.headers else dated.line()
        self.head = (
            f"{_HEADS[reply.status]}{date}Content-Type: {reply.content_type}\r\n"
            f"Content-Length: {len(reply.body)}\r\n{lines}\r\n"
        ).encode("latin-1", "replace")


def followed(sent: web.StreamResponse, reply: Reply, account: Account, number: int) -> web.StreamResponse:
    """Let an answer that travels badly wait by the account's clock, and the journal learn when it was over."""
    if reply.way is not None:
        packet: Packet = sent  # type: ignore[assignment]  # what a reply is sent as
        packet.clock = account.clock
        packet.sent = lambda has_left: account.journal.settle(number, monotonic(), LEFT if has_left else None)
    return sent
