"""Heads of requests that have been parsed before: a client sends the same bytes again and again.

The next poll of a task and the next submit of the same length begin with a head that is known to the last byte. Parsing
it took a fifth of the time of a submit. What is not known by its bytes is parsed; nothing is guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.routes import LONGEST_PATH
from imageproof.mock_server.triggers import HEADER
from imageproof.specs.model import HOLDS, Does

if TYPE_CHECKING:
    from aiohttp import StreamReader
    from aiohttp.http_parser import RawRequestMessage

    from imageproof.mock_server.routes import Endpoint, Routes

MOST = 1024
LONGEST = 4096
END = b"\r\n\r\n"
AT_ONCE = frozenset({Does.SUBMIT, Does.POLL, Does.RESULT, Does.BALANCE, Does.MODELS})
POLLS = frozenset({Does.POLL, Does.RESULT})


class Arrived:
    """A request that has arrived whole, by its head: all that calls, packets and the journal ask of a request.

    `endpoint` is where it leads to if it may take the short way by what the head says, else None. `key` is what it
    gives as its key, `task_id` the task that its path names, and `is_held` whether calls of that operation are held.
    """

    __slots__ = (
        "endpoint",
        "headers",
        "is_held",
        "keep_alive",
        "key",
        "method",
        "raw_headers",
        "raw_path",
        "task_id",
        "version",
    )

    def __init__(self, message: RawRequestMessage, routes: Routes) -> None:
        self.method = message.method
        self.raw_path = message.path
        self.headers = message.headers
        self.raw_headers = message.raw_headers
        self.version = message.version
        self.keep_alive = not message.should_close
        self.is_held = False
        self.task_id: str | None = None
        self.key: str | None = None
        self.endpoint = None if message.upgrade or HEADER in message.headers else self._led(routes)

    def _led(self, routes: Routes) -> Endpoint | None:
        """Where it leads to, if what is asked for there may be answered at once."""
        found = routes.find(self.raw_path) if len(self.raw_path) <= LONGEST_PATH else None
        if found is None or len(found.endpoints) != 1:
            return None
        endpoint = next(iter(found.endpoints.values()))
        operation, service = endpoint.operation, endpoint.service
        does = operation.does
        self.is_held = does in HOLDS and operation.content == "json"
        if operation.method != self.method or not (does in AT_ONCE or self.is_held) or endpoint.id_query is not None:
            return None
        self.task_id, self.key = found.task_id, self.headers.get(service.spec.auth.header)
        return None if service.stores_base64 and does in POLLS else endpoint


class Heads:
    """The heads that a mock knows, each with what was read of it and the length of the body that it announces."""

    __slots__ = ("_known", "_routes")

    def __init__(self, routes: Routes) -> None:
        self._known: dict[bytes, tuple[Arrived, int]] = {}
        self._routes = routes

    def split(self, data: bytes) -> tuple[Arrived, bytes] | None:
        """Head and body, if the data are one whole request with a head that is known."""
        end = data.find(END, 0, LONGEST) + len(END)
        known = self._known.get(data[:end])
        return (known[0], data[end:]) if known is not None and known[1] == len(data) - end else None

    def learn(self, data: bytes, message: RawRequestMessage, payload: StreamReader) -> Arrived | None:
        """Keep the head of a request that has been parsed, if the data were just this request; None if not."""
        end = data.find(END, 0, LONGEST) + len(END)
        length = len(data) - end
        if end < len(END) or not payload.is_eof() or (payload.total_bytes or 0) != length:
            return None
        if message.chunked or message.compression or message.upgrade or "Transfer-Encoding" in message.headers:
            return None
        if len(self._known) >= MOST:
            self._known.clear()
        arrived = Arrived(message, self._routes)
        self._known[data[:end]] = (arrived, length)
        return arrived
