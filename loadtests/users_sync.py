"""Calls that are held until the image is there, answered whole or as a stream of server-sent events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.loadtests.books import End, Fault, Kind
from imageproof.loadtests.reading import ERROR, excerpt, read_event
from imageproof.loadtests.users import fetch
from imageproof.specs.model import Does

if TYPE_CHECKING:
    from imageproof.loadtests.client import Answer
    from imageproof.loadtests.reading import Said
    from imageproof.loadtests.users import Play
    from imageproof.specs.model import Operation, Stream


def play_sync(book: Play) -> None:
    """Make a job of one call."""
    operation = book.ask.operation
    if book.ask.is_stream and operation.stream is not None:
        _play_stream(book, operation, operation.stream)
        return
    kind = Kind.EDIT if operation.does is Does.EDIT else Kind.GENERATE
    answer = book.send(kind, operation, book.ask.path)
    said = book.bench.reader.read(operation, answer.body) if answer.fault is None else None
    if answer.fault is None and (said is None or not (said.urls or said.base64)):
        answer.fault, answer.says = Fault.CONTRACT, f"the answer holds no image: {excerpt(answer.body)}"
    book.note(kind, answer, sent=len(book.ask.body))
    end(book, answer, said)


def end(book: Play, answer: Answer, said: Said | None) -> None:
    """End a job by what its one call gave."""
    if answer.fault is None and said is not None:
        fetch(book, said)
    elif answer.status >= ERROR:
        book.end = End.REFUSED
    else:
        book.end = End.LOST


class Events:
    """Reads the lines of a stream: event names, data, and the empty line that ends each event."""

    __slots__ = ("_data", "_name", "_stream", "error", "last")

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._name = ""
        self._data: list[bytes] = []
        self.last: bytes | None = None
        self.error = ""

    def saw(self, line: bytes) -> bool:
        """Take a line; whether it ended an event."""
        line = line.rstrip(b"\r\n")
        if line.startswith(b"event:"):
            self._name = line[6:].strip().decode(errors="replace")
        elif line.startswith(b"data:"):
            self._data.append(line[5:].strip())
        elif not line and self._data:
            self._end()
            return True
        return False

    def _end(self) -> None:
        data, name = b"\n".join(self._data), self._name
        self._data, self._name = [], ""
        if name == self._stream.completed_event:
            self.last = data
        elif name == "error":
            self.error = data[:200].decode(errors="replace")


def _play_stream(book: Play, operation: Operation, stream: Stream) -> None:
    events = Events(stream)
    answer = book.send(Kind.STREAM, operation, book.ask.path, on_line=events.saw)
    book.keep_times(answer)
    said = read_event(events.last, stream.completed) if events.last is not None else None
    if answer.fault is None and events.error:
        answer.fault, answer.says = Fault.UPSTREAM, events.error
    elif answer.fault is None and (said is None or not said.base64):
        answer.fault, answer.says = Fault.CONTRACT, "the stream ended without its completed event"
    book.note(Kind.STREAM, answer, sent=len(book.ask.body))
    end(book, answer, said)
