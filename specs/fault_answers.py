"""Faults of one answer: another one in its place, a connection that breaks, bytes that are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from imageproof.specs.fault_base import FaultError, Lasting, OneOf, What, choice, known_parts

if TYPE_CHECKING:
    from imageproof.specs.model import JsonTree

LEAST_STATUS, MOST_STATUS = 400, 599

# answers in place of the work


@dataclass(frozen=True, slots=True)
class ErrorAnswer(What):
    """An error answer that the provider documents; `retry_after` changes its header of that name."""

    KEY = "error"
    WRITE = "{error: rate_limited, retry_after: 2}"
    DOES = (
        "an error answer of the provider by its name in the spec; retry_after is seconds, date, absurd, garbage or none"
    )
    name: str
    retry_after: str | None = None

    @classmethod
    def read(cls, value: JsonTree) -> Self:
        """Read a name, or `{name: ..., retry_after: ...}`. Raises FaultError."""
        if isinstance(value, str):
            return cls(value)
        parts = known_parts(value, "error", "name", "retry_after")
        wait = parts.get("retry_after")
        words = ("date", "absurd", "garbage", "none")
        if wait is not None and wait not in words and not str(wait).removesuffix("s").isdigit():
            raise FaultError(f"expected retry_after to be seconds, {', '.join(words)}, got {wait!r}")
        return cls(str(parts.get("name", "rate_limited")), str(wait).removesuffix("s") if wait is not None else None)


@dataclass(frozen=True, slots=True)
class StatusAnswer(What):
    """An HTTP status with a body that may be none of the provider's."""

    KEY = "status"
    WRITE = "{status: 502, body: html}"
    DOES = "this HTTP status; its body is the provider's json, a proxy's html, text, or empty"
    status: int
    body: str = "json"

    @classmethod
    def read(cls, value: JsonTree) -> Self:
        """Read a status, or `{code: ..., body: ...}`. Raises FaultError."""
        parts = known_parts(value, "status", "code", "body") if isinstance(value, dict) else {"code": value}
        code = parts.get("code")
        if isinstance(code, bool) or not isinstance(code, int) or not LEAST_STATUS <= code <= MOST_STATUS:
            raise FaultError(f"expected a status from {LEAST_STATUS} to {MOST_STATUS}, got {code!r}")
        return cls(code, choice(parts.get("body", "json"), ("json", "html", "text", "empty"), "body"))


# the connection


@dataclass(frozen=True, slots=True)
class Refused(Lasting):
    """Nobody listens at the address for so long."""

    KEY = "refused"
    WRITE = "{refused: 5s}"
    DOES = "connections are refused for so long from the beginning; needs an address of its own, as scenarios have"
    PLACE = None
    seconds: float


@dataclass(frozen=True, slots=True)
class Reset(OneOf):
    """The connection is reset."""

    KEY = "reset"
    WRITE = "{reset: during}"
    DOES = "the connection is reset: request (while the request arrives), before, during or after the answer"
    HOWS = {  # noqa: RUF012  (never changed)
        "request": "while the request still arrives",
        "before": "before the first byte of the answer",
        "during": "in the middle of the answer",
        "after": "after the last byte of the answer",
    }
    how: str


@dataclass(frozen=True, slots=True)
class HalfClosed(What):
    """The answering side is closed without an answer, and the other side stays open."""

    KEY = "half_closed"
    WRITE = "{half_closed: true}"
    DOES = "the server ends its side of the connection without an answer"


@dataclass(frozen=True, slots=True)
class Silent(Lasting):
    """The request is taken and never answered."""

    KEY = "silent"
    WRITE = "{silent: 10m}"
    DOES = "the request is accepted and nothing is answered for so long; then the connection is closed"
    seconds: float


@dataclass(frozen=True, slots=True)
class Slow(Lasting):
    """The first byte comes late."""

    KEY = "slow"
    WRITE = "{slow: 20s}"
    DOES = "the first byte of the answer comes so late"
    seconds: float


@dataclass(frozen=True, slots=True)
class Drip(Lasting):
    """The answer comes a few bytes at a time."""

    KEY = "drip"
    WRITE = "{drip: 500ms}"
    DOES = "the answer comes in twenty pieces, with such a pause after each"
    seconds: float


@dataclass(frozen=True, slots=True)
class Stall(Lasting):
    """The answer stops in the middle for a while."""

    KEY = "stall"
    WRITE = "{stall: 60s}"
    DOES = "the answer stops in the middle for so long, then goes on"
    seconds: float


@dataclass(frozen=True, slots=True)
class Lost(OneOf):
    """The work is done and billed, and its answer does not arrive."""

    KEY = "lost"
    WRITE = "{lost: reset, on: submit}"
    DOES = "the work is done and billed, but the answer is lost: reset, silent, or a gateway's 504 page"
    PLACE = "submit"
    HOWS = {  # noqa: RUF012  (never changed)
        "reset": "the connection is reset",
        "silent": "nothing comes any more",
        "gateway": "a gateway answers 504 in its place",
    }
    how: str


# what is wrong with an answer


@dataclass(frozen=True, slots=True)
class Garbled(OneOf):
    """The JSON of an answer is broken."""

    KEY = "json"
    WRITE = "{json: truncated, on: poll}"
    DOES = "the JSON of an answer is broken: truncated, malformed, charset, duplicate, list or empty"
    HOWS = {  # noqa: RUF012  (never changed)
        "truncated": "it ends in the middle",
        "malformed": "it holds what is no JSON",
        "charset": "it is not in UTF-8",
        "duplicate": "keys stand in it twice, the second time with nonsense",
        "list": "it is a list around the object",
        "empty": "there is nothing in it",
    }
    how: str


@dataclass(frozen=True, slots=True)
class ContentType(What):
    """An answer under another content type."""

    KEY = "content_type"
    WRITE = "{content_type: text/html}"
    DOES = "the answer is sent under this content type"
    kind: str

    @classmethod
    def read(cls, value: JsonTree) -> Self:
        """Read the content type. Raises FaultError."""
        if not isinstance(value, str) or "/" not in value:
            raise FaultError(f"expected a content type such as text/html, got {value!r}")
        return cls(value)


@dataclass(frozen=True, slots=True)
class ContentLength(OneOf):
    """A Content-Length that is not true."""

    KEY = "content_length"
    WRITE = "{content_length: more}"
    DOES = "Content-Length is not true: more (the body ends early), less (bytes are left over), none (until close)"
    HOWS = {  # noqa: RUF012  (never changed)
        "more": "more is told than comes, then the connection is closed",
        "less": "less is told than comes",
        "none": "nothing is told, and the end of the connection is the end of the body",
    }
    how: str


@dataclass(frozen=True, slots=True)
class Gzip(OneOf):
    """Compression that is broken."""

    KEY = "gzip"
    WRITE = "{gzip: broken}"
    DOES = "the answer says that it is compressed: good (it is), broken (cut in the middle), plain (it is not)"
    HOWS = {  # noqa: RUF012  (never changed)
        "good": "compressed, though nobody asked for it",
        "broken": "compressed and cut in the middle",
        "plain": "not compressed at all",
    }
    how: str


@dataclass(frozen=True, slots=True)
class FieldChange(What):
    """A field of an answer that is missing, null, of another type, or new."""

    KEY = "field"
    WRITE = "{field: {path: data.task_id, do: drop}, on: poll}"
    DOES = "a field of an answer: do is drop, null, retype, or add (an unknown one beside it)"
    path: str
    do: str

    @classmethod
    def read(cls, value: JsonTree) -> Self:
        """Read `{path: a.b, do: drop}`. Raises FaultError."""
        parts = known_parts(value, "field", "path", "do")
        return cls(str(parts.get("path", "")), choice(parts.get("do"), ("drop", "null", "retype", "add"), "do"))


@dataclass(frozen=True, slots=True)
class OtherState(What):
    """A state that no document knows, told while the task runs."""

    KEY = "state"
    WRITE = "{state: reviewing, on: poll, times: 2}"
    DOES = "a running task is said to be in this state, which no page documents"
    PLACE = "poll"
    word: str

    @classmethod
    def read(cls, value: JsonTree) -> Self:
        """Read the word. Raises FaultError."""
        if not isinstance(value, str) or not value:
            raise FaultError(f"expected a word for state, got {value!r}")
        return cls(value)


@dataclass(frozen=True, slots=True)
class Skew(Lasting):
    """A clock that goes wrong."""

    KEY = "skew"
    WRITE = "{skew: 1h}"
    DOES = "Date headers and the times in answers are so far ahead of the client's clock"
    seconds: float
