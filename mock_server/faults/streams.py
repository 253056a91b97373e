"""Faults of a stream of server-sent events: decided before it begins, then shown event by event."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING
from wsgiref.handlers import format_date_time

from imageproof.mock_server.faults.book import Stage
from imageproof.mock_server.faults.changes import changed, garbled
from imageproof.mock_server.faults.strike import asked_by, travels
from imageproof.mock_server.faults.way import Finish, Pause, Way
from imageproof.mock_server.faults.wire import end, pause
from imageproof.specs.fault_answers import ContentLength, ContentType, FieldChange, Garbled, Gzip, Lost
from imageproof.specs.fault_tasks import BrokenStream

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from aiohttp import web

    from imageproof.mock_server.call import Call
    from imageproof.mock_server.connection import Connection
    from imageproof.mock_server.faults.way import Step
    from imageproof.mock_server.service import Service
    from imageproof.specs.fault_base import What

COMMENT = b": keep-alive\n\n"
SMALL, MOST_SMALL = 7, 40  # bytes in a piece, and how many such pieces an event comes in before its rest
DATA = b"data: "
DRIPS = 4


class StreamFaults:
    """What goes wrong with one stream, and how far it has come."""

    __slots__ = ("_changes", "_error", "_held", "_sent", "content_type", "how", "lost", "way")

    def __init__(self, error: bytes) -> None:
        self.how = ""
        self.way = Way()
        self.lost: str | None = None
        self.content_type: str | None = None
        self._changes: list[What] = []
        self._error = b"event: error\ndata: %b\n\n" % error
        self._held: list[bytes] = []
        self._sent = 0

    def add(self, what: What) -> None:
        """Let one more fault strike the stream."""
        match what:
            case BrokenStream(how=how):
                self.how = self.how or how
            case Lost(how=how):
                self.lost = self.lost or how
            case ContentType(kind=kind):
                self.content_type = kind
            case FieldChange() | Garbled():
                self._changes.append(what)
            case _:
                self.way = travels(what, self.way)

    @property
    def is_lost(self) -> bool:
        """Whether the image never arrives whole, though the work is done."""
        return self.lost is not None or self.how in ("cut", "incomplete") or self.way.reset == "during"

    @property
    def has_failed(self) -> bool:
        """Whether the job itself ends with an error."""
        return self.how == "error"

    def steps(self, event: bytes, *, is_last: bool) -> Iterator[Step]:
        """What is sent for an event; a Finish ends the stream."""
        self._sent += 1
        match self.how:
            case "error" if is_last or self._sent > 1:
                yield self._error
                yield Finish.STAY
                return
            case "incomplete" if is_last:
                yield Finish.STAY
                return
            case "out_of_order" if not is_last:
                self._held.append(event)
                return
        for held in reversed(self._held):
            yield from self._pieces(held, is_last=False)
        self._held.clear()
        yield from self._pieces(self._changed(event) if is_last else event, is_last=is_last)

    def _changed(self, event: bytes) -> bytes:
        head, marker, data = event.partition(DATA)
        body = data.rstrip(b"\n")
        for what in self._changes:
            match what:
                case FieldChange(path=path, do=do):
                    body = changed(body, path, do) or body
                case Garbled(how=how):
                    body = garbled(body, how)
                case _:
                    pass
        return head + marker + body + b"\n\n"

    def _pieces(self, event: bytes, *, is_last: bool) -> Iterator[Step]:
        match self.how:
            case "crlf":
                event = event.replace(b"\n", b"\r\n")
            case "comments":
                event = COMMENT + event + COMMENT
            case _:
                pass
        half = len(event) // 2
        if is_last and (self.how == "cut" or self.way.reset == "during"):
            yield event[:half]
            yield Finish.CLOSE if self.how == "cut" else Finish.RESET
        elif is_last and self.way.stall_s:
            yield event[:half]
            yield Pause(self.way.stall_s)
            yield event[half:]
        elif self.way.drip_s:
            size = max(1, -(-len(event) // DRIPS))
            for start in range(0, len(event), size):
                yield event[start : start + size]
                yield Pause(self.way.drip_s)
        elif self.how == "split":
            border = min(len(event), SMALL * MOST_SMALL)
            yield from (event[start : min(start + SMALL, border)] for start in range(0, border, SMALL))
            yield event[border:]
        else:
            yield event


def foresee(service: Service, call: Call) -> StreamFaults | None:
    """Decide what goes wrong with the stream that is about to be sent; None when nothing does."""
    book = call.account.faults
    if book is None:
        return None
    asked = asked_by(service, call, book)
    struck = [
        *book.strike(Stage.STREAM, asked, only_one=True),
        *book.strike(Stage.AFTER, asked, fits=lambda what: not isinstance(what, ContentLength | Gzip)),
    ]
    if not struck:
        return None
    found = StreamFaults(service.refuse("upstream_failed", call).body)
    for active in struck:
        call.faults.append(active.text)
        found.add(active.what)
    if found.is_lost and call.task_id is not None:
        book.lost.add(call.task_id)
    return found


async def begin(faults: StreamFaults | None, response: web.StreamResponse, connection: Connection, call: Call) -> None:
    """Change the head of a stream, and let its first byte wait."""
    if call.skew_s:
        response.headers["Date"] = format_date_time(time() + call.skew_s)
    if faults is None:
        return
    if faults.content_type is not None:
        response.headers["Content-Type"] = faults.content_type
    if faults.way.slow_s:
        await pause(connection, call.account.clock, faults.way.slow_s)


async def send(
    steps: Iterator[Step], put: Callable[[bytes], Awaitable[None]], connection: Connection, call: Call
) -> Finish | None:
    """Send the steps of an event; how the stream ends, or None when it goes on."""
    for step in steps:
        match step:
            case bytes():
                if step:
                    await put(step)
                    await connection.drained()
            case Pause(seconds=seconds):
                await pause(connection, call.account.clock, seconds)
            case Finish():
                call.is_spoilt = True
                await end(connection, call.account.clock, step, has_sent=True)
                if step is Finish.CLOSE and connection.transport is not None:
                    connection.transport.close()
                return step
    return None
