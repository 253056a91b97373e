"""Conditional requests and ranges, as RFC 9110 has them: what of a file is sent to whoever asks for it.

Laws: pure functions of headers and validators; what is malformed is passed over, never refused; conditions come before
ranges, in the order of section 13.2.2; only one range is ever sent, and a request for several gets the whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate
from typing import TYPE_CHECKING, Protocol
from wsgiref.handlers import format_date_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.mock_server.answers import Reply

    class Headers(Protocol):
        """The headers of a request, of which some may come more than once."""

        def getall(self, key: str, default: list[str]) -> list[str]:
            """All values of a header."""

    class Request(Protocol):
        """What of a request is looked at."""

        @property
        def method(self) -> str:
            """In capitals."""

        @property
        def headers(self) -> Headers:
            """As they came."""


OK, PARTIAL, NOT_MODIFIED, FAILED, UNSATISFIABLE = 200, 206, 304, 412, 416
TAG = re.compile(r'(W/)?("[\x21\x23-\x7e\x80-\U0010ffff]*")')
RANGE = re.compile(r"bytes=[ \t,]*([0-9]*)-([0-9]*)[ \t,]*", re.IGNORECASE)
DATES = re.compile(
    r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT"
    r"|[A-Z][a-z]{5,8}, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} [0-9:]{8} GMT"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4}"
)
ENDLESS = 18  # digits of a number that is beyond any file


@dataclass(frozen=True, slots=True, kw_only=True)
class Validators:
    """What tells a version of a file from others: a strong tag with its quotes, and seconds since 1970 if known."""

    tag: str
    modified: int | None = None

    def headers(self) -> dict[str, str]:
        """How they are told with the file."""
        told = {} if self.modified is None else {"Last-Modified": format_date_time(self.modified)}
        return {"Accept-Ranges": "bytes", "ETag": self.tag, **told}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The answer to a request for a file: its status, and the part of the file, end excluded, that goes with a 206."""

    status: int
    start: int = 0
    end: int = 0


WHOLE = Wanted(status=OK)


def wanted(method: str, headers: Mapping[str, str], size: int, validators: Validators) -> Wanted:
    """What of a file of `size` bytes is asked for; the names of headers are in small letters."""
    unchanged = _precondition(headers, validators)
    if unchanged is not None:
        return Wanted(status=unchanged)
    asked = headers.get("range") if method == "GET" else None
    if asked is None or not _is_in_range(headers.get("if-range"), validators):
        return WHOLE
    return part_of(asked, size)


def _precondition(headers: Mapping[str, str], validators: Validators) -> int | None:
    """The status with which a condition ends the request; None when the file is to be sent."""
    modified = validators.modified
    match, until = headers.get("if-match"), date_of(headers.get("if-unmodified-since"))
    if match is not None:
        has_failed = not _names(match, validators.tag, is_weak=False)
    else:
        has_failed = modified is not None and until is not None and modified > until
    if has_failed:
        return FAILED
    if (none_match := headers.get("if-none-match")) is not None:
        return NOT_MODIFIED if _names(none_match, validators.tag, is_weak=True) else None
    since = date_of(headers.get("if-modified-since"))
    return NOT_MODIFIED if modified is not None and since is not None and modified <= since else None


def _names(text: str, tag: str, *, is_weak: bool) -> bool:
    """Whether a list of tags has this one; weak ones count only where the comparison may be weak."""
    return text.strip() == "*" or any(quoted == tag and (is_weak or not weak) for weak, quoted in TAG.findall(text))


def _is_in_range(condition: str | None, validators: Validators) -> bool:
    """Whether a range may be sent: there is no If-Range, or it names exactly this version."""
    if condition is None:
        return True
    text = condition.strip()
    if text.startswith(('"', "W/")):
        return text == validators.tag
    return validators.modified is not None and date_of(text) == validators.modified


def part_of(asked: str, size: int) -> Wanted:
    """The part that a Range header means: 206, 416 for one beyond the file, 200 for none that is understood."""
    match = RANGE.fullmatch(asked.strip())
    if match is None or match.group(1, 2) == ("", ""):
        return WHOLE
    first, last = (_number(digits) for digits in match.groups())
    if first is None:
        start, end = max(0, size - (last or 0)), size
    else:
        if last is not None and last < first:
            return WHOLE
        start, end = first, size if last is None else min(size, last + 1)
    return Wanted(status=PARTIAL, start=start, end=end) if start < size else Wanted(status=UNSATISFIABLE)


def _number(digits: str) -> int | None:
    """The number, None for no digits; one with too many digits is only known to be large."""
    kept = digits.lstrip("0")
    return int(kept or "0") if digits and len(kept) <= ENDLESS else 10**ENDLESS if digits else None


def date_of(text: str | None) -> int | None:
    """Seconds since 1970 of an HTTP date in any of its three forms; None for what is none."""
    if text is None or DATES.fullmatch(text.strip()) is None:
        return None
    found = parsedate(text)
    try:
        return int(datetime(*found[:6], tzinfo=UTC).timestamp()) if found else None
    except ValueError:
        return None


def fitted(reply: Reply, request: Request, validators: Validators) -> None:
    """Make of an answer with a whole file, in place, the one that the request asks for."""
    names = ("range", "if-range", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
    headers = {name: ", ".join(lines) for name in names if (lines := request.headers.getall(name, []))}
    reply.headers = {**reply.headers, **validators.headers()}
    if not headers:
        return
    size = len(reply.body)
    found = wanted(request.method, headers, size, validators)
    reply.status = found.status
    if found.status == PARTIAL:
        reply.headers["Content-Range"] = f"bytes {found.start}-{found.end - 1}/{size}"
        reply.body = reply.body[found.start : found.end]
    elif found.status == UNSATISFIABLE:
        reply.headers = {"Accept-Ranges": "bytes", "Content-Range": f"bytes */{size}"}
        reply.body, reply.content_type = b"416 Range Not Satisfiable\n", "text/plain"
    elif found.status == FAILED:
        reply.headers = {"ETag": validators.tag}
        reply.body, reply.content_type = b"412 Precondition Failed\n", "text/plain"
