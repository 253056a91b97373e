"""How an answer travels when it does not go out whole and at once: as values, worked out before a byte is sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECES = 20
MORE = 64  # bytes that are promised and never come
LESS = 16  # bytes that are not announced
LENGTH = re.compile(rb"Content-Length: \d+\r\n")
DATE = re.compile(rb"Date: [^\r]*\r\n")


class Finish(Enum):
    """What becomes of the connection at the end of an answer."""

    STAY = "as usual"
    CLOSE = "it is closed"
    RESET = "it is reset"
    HALF = "our side of it is closed, and the client's stays open"
    HANG = "nothing happens to it until the client leaves"


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait of so many of the account's seconds."""

    seconds: float


Step = bytes | Pause | Finish


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Everything that can be wrong with how an answer travels. `instead` ends the connection without an answer.

    `silent_s` is how long nothing comes before that, `skew_s` how far ahead the Date header is. A `length` of `half`
    is the true one, of which only the first half comes.
    """

    slow_s: float = 0.0
    drip_s: float = 0.0
    stall_s: float = 0.0
    silent_s: float = 0.0
    skew_s: float = 0.0
    instead: Finish | None = None
    reset: Literal["", "during", "after"] = ""
    length: Literal["", "more", "less", "none", "half"] = ""

    @property
    def is_answer(self) -> bool:
        """Whether any byte of an answer is sent."""
        return self.instead is None

    def steps(self, head: bytes, body: bytes) -> Iterator[Step]:
        """What is sent, what is waited for, and how it ends; `Finish` comes last, always."""
        if self.instead is not None:
            if self.silent_s:
                yield Pause(self.silent_s)
            yield self.instead
            return
        if self.slow_s:
            yield Pause(self.slow_s)
        sent = body[: len(body) // 2] if self.length == "half" else body
        yield from self._told(self._head(head, len(body)), sent)
        yield self._finish()

    def _head(self, head: bytes, size: int) -> bytes:
        match self.length:
            case "more":
                line = b"Content-Length: %d\r\n" % (size + MORE)
            case "less":
                line = b"Content-Length: %d\r\n" % max(0, size - LESS)
            case "none":
                line = b"Connection: close\r\n"
            case _:
                return head
        return LENGTH.sub(line, head, count=1)

    def _told(self, head: bytes, body: bytes) -> Iterator[Step]:
        whole = head + body
        middle = len(head) + len(body) // 2
        if self.reset == "during":
            whole = whole[:middle]
        stalls_at = middle if self.stall_s else None
        size = -(-len(whole) // PIECES) if self.drip_s else len(whole)
        start = 0
        while start < len(whole):
            end = min(len(whole), start + max(1, size))
            if stalls_at is not None and start < stalls_at <= end:
                yield whole[start:stalls_at]
                yield Pause(self.stall_s)
                start, stalls_at = stalls_at, None
            if start < end:
                yield whole[start:end]
            if self.drip_s:
                yield Pause(self.drip_s)
            start = end

    def _finish(self) -> Finish:
        if self.reset:
            return Finish.RESET
        return Finish.CLOSE if self.length in ("more", "none", "half") else Finish.STAY


def redated(head: bytes, date: str) -> bytes:
    """The head with another Date."""
    return DATE.sub(f"Date: {date}\r\n".encode(), head, count=1)
