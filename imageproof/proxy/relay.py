"""One connection of a client and the one to the upstream that belongs to it: bytes pass as they come.

The two connections live and die together, so that a client meets the upstream's own habits: when a connection is
closed, how answers are cut into pieces, what comes before the final answer. A copy of what passes goes to a tape.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from imageproof.proxy.http1 import (
    SWITCHING,
    Framing,
    Head,
    MalformedError,
    RequestLine,
    answer_framing,
    read_head,
    readdressed,
    request_framing,
    request_line,
    status_of,
    stays_open,
)
from imageproof.proxy.tape import Tape
from imageproof.proxy.wires import TooLongError, Wire, pump
from imageproof.records.lines import Trouble

if TYPE_CHECKING:
    from imageproof.proxy.upstream import Upstream

CONNECT_S = 30.0
LEFT = "the client left before the answer was whole"
ENDED = "the proxy was ended before the answer was whole"
LINGER_S = 2.0  # for the rest of a request whose answer is there already
REASONS = {400: "Bad Request", 431: "Request Header Fields Too Large", 502: "Bad Gateway"}


class Recorder(Protocol):
    """Who keeps what passes."""

    def next_number(self) -> int:
        """The number of the next exchange."""

    def now(self) -> float:
        """Seconds since the start of the run."""

    def observe(self, tape: Tape) -> None:
        """Take an exchange that is over."""


class Relay:
    """One connection of a client, from its first request to its end."""

    def __init__(self, client: Wire, gone: asyncio.Event, upstream: Upstream, recorder: Recorder, number: int) -> None:
        self._client = client
        self._gone = gone
        self._upstream = upstream
        self._recorder = recorder
        self._number = number
        self._server: Wire | None = None
        self._answered = 0  # requests on the connection to the upstream

    async def serve(self) -> None:
        """Pass exchanges on until one of the ends has had enough."""
        try:
            while await self._next():
                continue
        except OSError:
            return  # there is nobody left to tell
        finally:
            self._client.close()
            if self._server is not None:
                self._server.close()

    async def _next(self) -> bool:
        """One exchange; whether another may follow."""
        try:
            raw = await self._request_head()
            if not raw:
                return False
            head = read_head(raw)
            line = request_line(head)
            framing = request_framing(head)
            self._require_path(line.target)
        except MalformedError as error:
            await self._client.send(_own_answer(431 if isinstance(error, TooLongError) else 400, str(error)))
            return False
        tape = Tape(
            number=self._recorder.next_number(),
            connection=self._number,
            method=line.method,
            url=self._upstream.url_of(line.target),
            began_s=self._recorder.now(),
            request_headers=head.headers,
        )
        try:
            return await self._exchange(head, line, framing, tape)
        except asyncio.CancelledError:
            tape.note = tape.note or ("" if tape.is_over else ENDED)
            raise
        finally:
            tape.ended_s = self._recorder.now()
            self._recorder.observe(tape)

    def _require_path(self, target: str) -> None:
        """Refuse what is asked of an HTTP proxy. Raises MalformedError."""
        if not target.startswith("/") and target != "*":
            raise MalformedError(
                f"expected a path, got {target[:80]!r}: this proxy stands in front of {self._upstream.origin}, "
                "so make its address the base URL of the client, not its HTTP proxy"
            )

    async def _request_head(self) -> bytes:
        """The next head of the client; empty when either end has closed meanwhile."""
        if self._server is None:
            return await self._client.head()
        asked = asyncio.ensure_future(self._client.head())
        closed = asyncio.ensure_future(self._server.reader.read(1))
        try:
            await asyncio.wait({asked, closed}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                return b""  # the upstream has closed an idle connection: the client meets just that
            if closed.done():
                self._server.close()
                self._server = None
            return asked.result()
        finally:
            asked.cancel()
            closed.cancel()
            await asyncio.gather(asked, closed, return_exceptions=True)

    async def _exchange(self, head: Head, line: RequestLine, framing: int | Framing, tape: Tape) -> bool:
        server = await self._reached(tape)
        if server is None:
            return False
        sending = asyncio.ensure_future(self._ask(server, head, line, framing, tape))
        answer = asyncio.ensure_future(self._answer(server, line, tape))
        gone = asyncio.ensure_future(self._gone.wait())
        try:
            await asyncio.wait({answer, gone, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and isinstance(error := sending.exception(), MalformedError):
                tape.note = str(error)
                await self._client.send(_own_answer(400, str(error)))
                return False
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                tape.note = LEFT
                server.writer.transport.abort()
                return False
            goes_on = answer.result()
            if goes_on and not sending.done():
                await asyncio.wait({sending}, timeout=LINGER_S)
            return goes_on and sending.done() and sending.exception() is None and stays_open(head, is_old=line.is_old)
        finally:
            for task in (sending, answer, gone):
                task.cancel()
            await asyncio.gather(sending, answer, gone, return_exceptions=True)

    async def _reached(self, tape: Tape) -> Wire | None:
        """The connection to the upstream; None when there is none, which the client has been told."""
        if self._server is not None:
            return self._server
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await self._upstream.connect()
        except (OSError, TimeoutError) as error:
            trouble = self._upstream.why_not(error)
            await self._refuse(tape, trouble)
            return None
        self._server = Wire(reader=reader, writer=writer)
        self._answered = 0
        return self._server

    async def _ask(self, server: Wire, head: Head, line: RequestLine, framing: int | Framing, tape: Tape) -> None:
        await server.send(
            readdressed(
                head, line, host=self._upstream.host, prefix=self._upstream.prefix if line.target != "*" else ""
            )
        )
        await pump(self._client.reader, framing, server.send, tape.request_body.add)

    async def _answer(self, server: Wire, line: RequestLine, tape: Tape) -> bool:
        """Bring the answer back; whether the connection goes on."""
        try:
            head, status = await self._final_head(server, tape)
        except (OSError, MalformedError) as error:
            if self._gone.is_set():
                tape.note = LEFT
                return False
            if self._answered and isinstance(error, ConnectionError):
                tape.trouble = self._upstream.lost(error)
                return False  # an idle connection that was closed meanwhile: clients know how to go on
            await self._refuse(tape, self._upstream.lost(error))
            return False
        try:
            if status == SWITCHING:
                await self._tunnel(server)
                return False
            framing = answer_framing(head, status, line.method)
            await pump(server.reader, framing, self._client.send, tape.response_body.add)
        except (OSError, MalformedError) as error:
            if self._gone.is_set():
                tape.note = LEFT
            else:
                tape.trouble = self._upstream.cut(error)
            return False
        self._answered += 1
        tape.is_over = True
        return framing is not Framing.UNTIL_CLOSE and stays_open(head, is_old=head.first.startswith(b"HTTP/1.0"))

    async def _final_head(self, server: Wire, tape: Tape) -> tuple[Head, int]:
        """Pass heads on up to the final one. Raises ConnectionError or MalformedError when it does not come."""
        while True:
            raw = await server.head()
            if not raw:
                raise ConnectionResetError("it closed the connection before it had answered")
            head = read_head(raw)
            status = status_of(head)
            tape.first_byte_s = tape.first_byte_s or self._recorder.now()
            if status >= 200 or status == SWITCHING:  # noqa: PLR2004  (below are answers that another one follows)
                tape.status, tape.response_headers = status, head.headers
                await self._client.send(raw)
                return head, status
            await self._client.send(raw)

    async def _tunnel(self, server: Wire) -> None:
        """After a change of protocol bytes pass both ways until one end closes."""
        both = [
            asyncio.ensure_future(pump(one.reader, Framing.UNTIL_CLOSE, other.send, len))  # type: ignore[arg-type]
            for one, other in ((server, self._client), (self._client, server))
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _refuse(self, tape: Tape, trouble: Trouble) -> None:
        tape.trouble, tape.status, tape.is_ours = trouble, 502, True
        raw = _own_answer(502, trouble.says)
        tape.response_headers = read_head(raw.partition(b"\r\n\r\n")[0] + b"\r\n\r\n").headers
        tape.response_body.add(raw.partition(b"\r\n\r\n")[2])
        await self._client.send(raw)


def _own_answer(status: int, says: str) -> bytes:
    body = f"imageproof proxy: {says}\n".encode()
    head = (
        f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nX-Imageproof: proxy\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
