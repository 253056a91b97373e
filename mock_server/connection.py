"""The socket: answers to broken HTTP are the provider's own, and nobody holds a connection for nothing.

This is the one place that reaches into aiohttp's connection, for speed: see `data_received` and `finish_response`.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from aiohttp import StreamReader, web
from aiohttp.http_parser import RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from imageproof.mock_server.garbage import LEFTOVERS
from imageproof.mock_server.heads import Arrived
from imageproof.mock_server.packet import SMALL, Packet
from imageproof.mock_server.quick import quick

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.mock_server.clock import Clock
    from imageproof.mock_server.faults.way import Way
    from imageproof.mock_server.server import Mock

log = logging.getLogger("imageproof.mock")
BACKLOG = 4096
SHUTDOWN_S = 0.3
PATH_KEPT = 256
KEEP_ALIVE_S = 75.0
SMALL_BODY = 16_384  # aiohttp pauses a connection for larger ones
WARM_UP_S = 0.2


class Connection(RequestHandler):
    """One connection. A client that never sends a whole request head is let go after a while (slow loris)."""

    __slots__ = ("_arriving", "_gone", "_head", "_is_between", "_mock", "_waiting", "number")

    def __init__(self, mock: Mock, manager: web.Server, **settings: object) -> None:
        super().__init__(manager, **settings)  # type: ignore[arg-type]
        self._mock = mock
        self._head = b""
        self._arriving: StreamReader | None = None  # the body of the newest request, while more of it is to come
        self._is_between = True  # the parser is known to hold no part of a request
        self._waiting: asyncio.TimerHandle | None = None
        self._gone: asyncio.Future[None] | None = None
        self.number = mock.next_connection()

    def gone(self) -> asyncio.Future[None]:
        """What is done when the connection is."""
        if self._gone is None:
            self._gone = asyncio.get_running_loop().create_future()
            if self.transport is None:
                self._gone.set_result(None)
        return self._gone

    @contextmanager
    def watched(self, leave: Callable[[], None]) -> Iterator[None]:
        """Call `leave` as soon as the client is gone, should that be within the block."""
        gone = self.gone()

        def tell(_: asyncio.Future[None]) -> None:
            leave()

        gone.add_done_callback(tell)
        try:
            yield
        finally:
            gone.remove_done_callback(tell)

    async def drained(self) -> None:
        """Wait until there is room for more to be sent, or nobody left to send it to."""
        with suppress(ConnectionError):
            await self._drain_helper()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to wait for the first request."""
        super().connection_made(transport)
        self._waiting = asyncio.get_running_loop().call_later(self._mock.options.head_timeout_s, self._give_up)

    def _give_up(self) -> None:
        if self._request_count == 0 and self.transport is not None:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a request that is whole and can be answered at once is answered here.

        When a body that is being read turns out to be malformed, its reader learns of it at once.
        """
        waiter, messages = self._waiter, self._messages
        if self._is_between and waiter is not None and not messages and self._answer_known(data):
            return
        head = data[:PATH_KEPT]
        if b" HTTP/1" in head:
            self._head = head
        if waiter is None or messages:
            is_first = not messages
            super().data_received(data)
            self._is_between = self._is_between and (not data or (is_first and self._learned(data) is not None))
            self._look_at_newest()
            return
        self._waiter = None  # so that the parser's result does not wake the long way yet
        super().data_received(data)
        self._waiter = waiter
        arrived = self._learned(data) if self._is_between else None
        self._is_between = arrived is not None
        if len(messages) == 1 and self._answer_at_once(*messages[0], arrived):
            messages.clear()
        elif messages and not waiter.done():
            self._look_at_newest()
            waiter.set_result(None)

    def _look_at_newest(self) -> None:
        """Note the body that is still to come, or tell its reader that the parser met what is no HTTP."""
        if not self._messages:
            return
        message, payload = self._messages[-1]
        if isinstance(message, RawRequestMessage):
            self._arriving = payload if not payload.is_eof() else None
            return
        body, self._arriving = self._arriving, None
        if body is not None and not body.is_eof():
            body.set_exception(ValueError("the body is malformed"))
            body.feed_eof()  # so that nobody waits for what is left of it

    def _learned(self, data: bytes) -> Arrived | None:
        """The request, if the data were one whole; then its head is known from now on."""
        if len(self._messages) != 1:
            return None
        message, payload = self._messages[0]
        return self._mock.heads.learn(data, message, payload) if isinstance(message, RawRequestMessage) else None

    def _answer_known(self, data: bytes) -> bool:
        """Answer a request whose head has been parsed before; False leaves the data to the parser."""
        transport, known = self.transport, self._mock.heads.split(data)
        if known is None or transport is None or self._force_close or self._close:
            return False
        packet = quick(self._mock, *known, self.number)
        if packet is None:
            return False
        self._request_count += 1
        self._write_now(transport, packet)
        return True

    def _answer_at_once(self, message: object, payload: StreamReader, arrived: Arrived | None) -> bool:
        transport, parser = self.transport, self._parser
        if transport is None or parser is None or not payload.is_eof() or not isinstance(message, RawRequestMessage):
            return False
        size = payload.total_bytes
        body = b"".join(payload._buffer) if size else b""  # noqa: SLF001  (not taken: the long way may need it)
        packet = quick(self._mock, arrived or Arrived(message, self._mock.routes), body, self.number)
        if packet is None:
            return False
        if size > SMALL_BODY:
            payload.read_nowait()  # the connection may have been paused for it
        parser.message_consumed()
        self._write_now(transport, packet)
        return True

    def _write_now(self, transport: asyncio.Transport, packet: Packet) -> None:
        transport.write(packet.head + packet.body)
        if not packet.keep_alive:
            self.force_close()
            return
        loop = self._loop
        self._next_keepalive_close_time = loop.time() + KEEP_ALIVE_S
        if self._keepalive_handle is None:
            self._keepalive_handle = loop.call_at(self._next_keepalive_close_time, self._process_keepalive)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop waiting."""
        if self._waiting is not None:
            self._waiting.cancel()
        request = self._current_request
        if request is not None and not request.content.is_eof():
            LEFTOVERS.add(request.content.total_bytes)
        super().connection_lost(exc)
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse | Packet, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write an answer that is whole in one go; streams and refused upgrades take aiohttp's way."""
        if not isinstance(resp, Packet):
            return await super().finish_response(request, resp, start_time)
        if self._upgraded:
            whole = web.Response(status=resp.status, body=resp.body)
            whole.force_close()
            return await super().finish_response(request, whole, start_time)
        request._finish()  # noqa: SLF001  (what the method that this one replaces does first)
        transport = self.transport
        if transport is None or transport.is_closing():
            return resp, True  # type: ignore[return-value]
        if resp.way is not None and resp.clock is not None:
            return resp, not await self._send_badly(resp, resp.way, resp.clock)  # type: ignore[return-value]
        if resp.body_length <= SMALL:
            transport.write(resp.head + resp.body)
        else:
            transport.write(resp.head)
            transport.write(resp.body)
            await self._drain_helper()
        return resp, False  # type: ignore[return-value]

    async def _send_badly(self, packet: Packet, way: Way, clock: Clock) -> bool:
        """Send an answer as a fault wants it to travel; whether the connection can be used again."""
        from imageproof.mock_server.faults.wire import LeftError, send  # noqa: PLC0415  (only mocks that fail pay for it)

        has_left = False
        try:
            return await send(self, way, clock, packet.head, packet.body)
        except LeftError:
            has_left = True
            return False
        finally:
            if packet.sent is not None:
                packet.sent(has_left)

    def _path_sent(self) -> str:
        """The path of a request that could not be parsed, as far as its first line can be made out."""
        words = self._head.split(b"\r\n", 1)[0].split(b" ")
        return words[1].decode("latin-1").partition("?")[0] if len(words) > 1 else "/"

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what is no HTTP in the provider's own words."""
        at = self._mock.service_at(self._path_sent()) if status < 500 else None  # noqa: PLR2004
        if at is None:
            return super().handle_error(request, status, exc, message)
        reply = at[0].refuse("invalid_body", context={"reason": f"malformed HTTP: {exc}", "field": "request"})
        response = web.Response(
            status=reply.status, body=reply.body, headers=reply.headers, content_type=reply.content_type
        )
        response.force_close()
        return response


def _connections(mock: Mock, manager: web.Server) -> Callable[[], Connection]:
    """What makes the connections of a server."""
    loop = asyncio.get_running_loop()
    return lambda: Connection(
        mock, manager, loop=loop, access_log=None, keepalive_timeout=KEEP_ALIVE_S, lingering_time=2.0
    )


class MockServer:
    """A listening mock. `port` is the one that was really taken."""

    def __init__(
        self, server: asyncio.Server, manager: web.Server, host: str, port: int, warm_up: asyncio.TimerHandle | None
    ) -> None:
        self._server = server
        self._warm_up = warm_up
        self._manager = manager
        self.host = host
        self.port = port

    @property
    def url(self) -> str:
        """The root of the mock."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @classmethod
    async def start(cls, mock: Mock, host: str, port: int, *, is_one_of_many: bool = False) -> MockServer:
        """Listen on one address, where others of a shared mock may listen too. Raises OSError when it can't be had."""
        manager = web.Server(mock.handle)
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_UNSPEC
        server = await loop.create_server(
            _connections(mock, manager), host, port, backlog=BACKLOG, family=family, reuse_port=is_one_of_many or None
        )
        bound = server.sockets[0].getsockname()
        warm_up = loop.call_later(WARM_UP_S, loop.run_in_executor, None, mock.upstream.warm_up)
        return cls(server, manager, host, bound[1], warm_up)

    @classmethod
    async def open_door(cls, mock: Mock, sock: socket.socket) -> MockServer:
        """Listen on a socket that has been bound."""
        manager = web.Server(mock.handle)
        loop = asyncio.get_running_loop()
        server = await loop.create_server(_connections(mock, manager), sock=sock, backlog=BACKLOG)
        host, port = server.sockets[0].getsockname()[:2]
        return cls(server, manager, host, port, None)

    async def stop(self) -> None:
        """Stop listening and end every connection within a second."""
        if self._warm_up is not None:
            self._warm_up.cancel()
        self._server.close()
        await self._manager.shutdown(SHUTDOWN_S)
