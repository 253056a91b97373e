"""HTTP/1 as far as a relay must understand it: where a head ends, how long a body is. Pure.

Nothing is ever written anew: a head is passed on as it came, but for the two things that name a place (the host and
the path before the provider's own).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

HEAD_LIMIT = 65_536  # bytes of a request's or answer's head; more than servers and clients take
STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: |$)")
REQUEST_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.([01])")
SIZE = re.compile(rb"[0-9A-Fa-f]{1,15}")
NO_CONTENT, NOT_MODIFIED, SWITCHING = 204, 304, 101


class MalformedError(Exception):
    """What came is no HTTP/1. The message says what was expected and what came."""


class Framing(Enum):
    """How the end of a body is told, where it is not by its length."""

    CHUNKED = "chunked"
    UNTIL_CLOSE = "until close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a request or an answer. `raw` is what was on the wire, `first` its first line."""

    raw: bytes
    first: bytes
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        """The values of a header, whatever its case."""
        return [value for key, value in self.headers if key.lower() == name]

    def has_token(self, name: str, token: str) -> bool:
        """Whether a header that is a list holds a word."""
        words = ",".join(self.all(name)).lower().split(",")
        return token in (word.strip() for word in words)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLine:
    """The first line of a request."""

    method: str
    target: str
    is_old: bool


def read_head(raw: bytes) -> Head:
    """Take a head apart, which ends with an empty line. Raises MalformedError for lines that are no headers."""
    first, *lines = raw.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    headers: list[tuple[str, str]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t") and headers:
            name, value = headers[-1]
            headers[-1] = (name, f"{value} {line.strip().decode('latin-1')}")
            continue
        key, colon, content = line.partition(b":")
        if not colon or not key.strip():
            raise MalformedError(f"expected a header such as `Host: example.com`, got {line[:80]!r}")
        headers.append((key.decode("latin-1").strip(), _text(content.strip())))
    return Head(raw=raw, first=first, headers=tuple(headers))


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def request_line(head: Head) -> RequestLine:
    """The first line of a request. Raises MalformedError for what is none."""
    found = REQUEST_LINE.fullmatch(head.first)
    if found is None:
        raise MalformedError(f"expected a request of HTTP/1, got {head.first[:80]!r}")
    return RequestLine(method=found[1].decode(), target=found[2].decode("latin-1"), is_old=found[3] == b"0")


def status_of(head: Head) -> int:
    """The status of an answer. Raises MalformedError for what is none."""
    found = STATUS_LINE.match(head.first)
    if found is None:
        raise MalformedError(f"expected an answer of HTTP/1, got {head.first[:80]!r}")
    return int(found[1])


def request_framing(head: Head) -> int | Framing:
    """How long the body of a request is. Raises MalformedError for a length that is none."""
    if head.has_token("transfer-encoding", "chunked"):
        return Framing.CHUNKED
    return _length(head) or 0


def answer_framing(head: Head, status: int, method: str) -> int | Framing:
    """How long the body of an answer is. Raises MalformedError for a length that is none."""
    if method == "HEAD" or status < 200 or status in (NO_CONTENT, NOT_MODIFIED):  # noqa: PLR2004  (1xx have no body)
        return 0
    if head.all("transfer-encoding"):
        return Framing.CHUNKED if head.has_token("transfer-encoding", "chunked") else Framing.UNTIL_CLOSE
    length = _length(head)
    return Framing.UNTIL_CLOSE if length is None else length


def _length(head: Head) -> int | None:
    values = set(",".join(head.all("content-length")).replace(" ", "").split(",")) - {""}
    if not values:
        return None
    if len(values) > 1 or not all(value.isascii() and value.isdecimal() for value in values):
        raise MalformedError(f"expected one Content-Length, got {', '.join(sorted(values))[:80]}")
    return int(values.pop())


def chunk_size(line: bytes) -> int:
    """The size that a line before a chunk tells. Raises MalformedError for what is none."""
    found = SIZE.match(line)
    if found is None or line[found.end() :].lstrip()[:1] not in (b"", b";"):
        raise MalformedError(f"expected the size of a chunk, got {line[:40]!r}")
    return int(found[0], 16)


def stays_open(head: Head, *, is_old: bool) -> bool:
    """Whether the connection goes on after this message, as far as its head says."""
    if head.has_token("connection", "close"):
        return False
    return not is_old or head.has_token("connection", "keep-alive")


def readdressed(head: Head, line: RequestLine, *, host: str | None, prefix: str) -> bytes:
    """The head of a request for another place: the host replaced where one is given, the path put below a prefix.

    Every other byte is as it came.
    """
    raw = head.raw
    if prefix:
        start = len(line.method) + 1
        raw = raw[:start] + prefix.encode() + raw[start:]
    if host is None:
        return raw
    return re.sub(rb"(?im)^(host[ \t]*:[ \t]*)[^\r\n]*", lambda found: found[1] + host.encode(), raw, count=1)
