"""An HTTP client for judging strangers: nothing is followed, repaired or waited for without an end.

It keeps to a pace: so many requests at once, so many in a second, and when the target asks for a pause (429 with
Retry-After) nobody sends anything until it is over.
"""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import TYPE_CHECKING, Self

import aiohttp
import orjson
from yarl import URL

from imageproof.suites.no_answer import TroubleError, explain, late, where
from imageproof.suites.pacing import MIB, SHARED, Gate, Pace

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from imageproof.specs.model import JsonTree

__all__ = ["Incoming", "Outgoing", "Pace", "Sender", "TroubleError", "strict_json"]

LONGEST_PAUSE_S = 60.0
TOO_MANY = 429
LONGEST_HEADER = 65_536  # bytes; more than most clients take, so that a long policy header is no fault
IDLE_S = 3.0  # many servers close a connection that was idle for 5 s, and a request that meets the end is lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request. `path` lies below the base URL, or is an absolute URL; it is sent as it is written."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = ""
    body: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """One answer. Times are seconds since the sender was made; `chunks` says when how many bytes came."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    began_s: float
    first_byte_s: float
    ended_s: float
    chunks: tuple[tuple[float, int], ...] = ()

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case; the first one if there are several."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    @property
    def is_json(self) -> bool:
        """Whether the answer calls itself JSON."""
        kind = (self.header("content-type") or "").partition(";")[0].strip().lower()
        return kind == "application/json" or kind.endswith("+json")

    def json(self) -> JsonTree:
        """The body as JSON. Raises ValueError for what is none, for NaN, and for a key that stands twice."""
        return strict_json(self.body)


def strict_json(body: bytes) -> JsonTree:
    """Read JSON as the standard wants it. Raises ValueError, saying what is wrong."""
    tree: JsonTree = orjson.loads(body)
    if len(body) < MIB:  # long bodies hold images; their few keys are not worth reading them twice
        try:
            json.loads(body, object_pairs_hook=_once)
        except RecursionError:
            raise ValueError("the JSON is nested too deeply to be read") from None
    return tree


def _once(pairs: list[tuple[str, JsonTree]]) -> JsonTree:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return tree


@dataclass(slots=True)
class _Arrival:
    """How far an answer has come; `received` None: nothing yet."""

    received: int | None = None
    parts: list[bytes] = field(default_factory=list)
    chunks: list[tuple[float, int]] = field(default_factory=list)

    def add(self, part: bytes, at_s: float) -> int:
        """Take a piece of the body. Gives the bytes so far."""
        self.parts.append(part)
        self.chunks.append((at_s, len(part)))
        self.received = (self.received or 0) + len(part)
        return self.received


class Sender:
    """Sends requests to one target, as an async context manager. `now`, `sleep`, `wall` can be replaced in tests.

    Only requests that change nothing share connections: a server may close an idle one at any time, and a submit that
    meets this would be lost without a fault of anybody, and could not be sent again.
    """

    def __init__(
        self,
        base_url: str,
        pace: Pace,
        *,
        now: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        wall: Callable[[], float] = time,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.pace = pace
        self.requests = 0
        self._now, self._sleep, self._wall = now, sleep, wall
        self._began = now()
        self._answers = 0
        self._gate = Gate(pace.per_second)
        self._slots = asyncio.Semaphore(pace.concurrency)
        self._sessions: tuple[aiohttp.ClientSession, aiohttp.ClientSession] | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the sender was made."""
        return self._now() - self._began

    async def __aenter__(self) -> Self:
        """Make the connections possible; none is opened yet."""
        self._sessions = (
            _session(aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_S)),
            _session(aiohttp.TCPConnector(limit=0, force_close=True)),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        for session in self._sessions or ():
            await session.close()

    async def send(self, out: Outgoing, *, patience_s: float | None = None, honour_429: bool = True) -> Incoming:
        """Send one request and read its whole answer.

        Raises TroubleError when none comes, ValueError for a header that can't be sent.
        """
        left = self.pace.retry_429 * SHARED
        while True:
            answers = self._answers
            async with self._slots:
                await self._turn()
                got = await self._once(out, patience_s or self.pace.patience_s)
            pause_s = pause_of(got, self._wall()) if honour_429 else None
            if pause_s is None:
                self._answers += 1
                self._gate.answered()
                return got
            if left <= 0:
                return got
            left -= 1 if self._answers > answers else SHARED
            self._gate.pause(pause_s, began_s=got.began_s, now_s=self.elapsed_s)

    async def _turn(self) -> None:
        """Wait until a request may go out. Raises TroubleError when the time of the run is over."""
        total = self.pace.total_s
        while True:
            now = self.elapsed_s
            if total is not None and now >= total:
                raise self._over()
            wait = self._gate.wait_s(now)
            if wait <= 0:
                self._gate.take(now)
                return
            await self._sleep(wait if total is None else min(wait, total - now))

    def _over(self) -> TroubleError:
        says = f"expected the run to end within {self.pace.total_s:g} s, got no further: give it more time"
        return TroubleError("over", says, began_s=self.elapsed_s, ended_s=self.elapsed_s)

    async def _once(self, out: Outgoing, patience_s: float) -> Incoming:
        headers = _headers_of(out)
        url = out.path if out.path[:1] not in ("", "/", "?") else self.base_url + out.path
        at = where(url)
        began, arrival = self.elapsed_s, _Arrival()
        left = None if self.pace.total_s is None else max(0.001, self.pace.total_s - began)
        limit = patience_s if left is None else min(patience_s, left)
        self.requests += 1
        try:
            async with asyncio.timeout(limit):
                return await self._exchange(out, url, headers, arrival)
        except TroubleError as error:
            kind, says = error.kind, error.says
        except TimeoutError:
            if left is not None and self.elapsed_s - began >= left:
                raise self._over() from None
            first = self.pace.first_byte_s
            is_first = first is not None and first < limit and arrival.received is None
            kind, says = "timeout", late(at, first if first is not None and is_first else limit, arrival.received)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            kind, says = explain(error, at)
        raise TroubleError(kind, says, began_s=began, ended_s=self.elapsed_s)

    async def _exchange(self, out: Outgoing, url: str, headers: list[tuple[str, str]], arrival: _Arrival) -> Incoming:
        if self._sessions is None:
            raise RuntimeError("the sender is not open: use it as `async with Sender(...)`")
        session = self._sessions[out.method not in ("GET", "HEAD")]
        began = self.elapsed_s
        async with asyncio.timeout(self.pace.first_byte_s):
            response = await session.request(
                out.method, _as_written(url), data=_content(out.body), headers=headers, allow_redirects=False
            )
        first, arrival.received = self.elapsed_s, 0
        async with response:
            async for part in response.content.iter_any():
                if arrival.add(part, self.elapsed_s) > self.pace.max_body:
                    says = f"expected at most {self.pace.max_body:,} bytes from {where(url)}, got a body with more"
                    raise TroubleError("too-large", says)
        return Incoming(
            status=response.status,
            headers=tuple((str(key), _readable(value)) for key, value in response.headers.items()),
            body=b"".join(arrival.parts),
            began_s=began,
            first_byte_s=first,
            ended_s=self.elapsed_s,
            chunks=tuple(arrival.chunks),
        )


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Content-Type"),  # what a request does not say is not sent
        max_line_size=LONGEST_HEADER,
        max_field_size=LONGEST_HEADER,
        trust_env=False,
    )


def _headers_of(out: Outgoing) -> list[tuple[str, str]]:
    """The headers to send, ours last. Raises ValueError for one that would become two: a mistake of the caller."""
    ours = (("Content-Type", out.content_type), ("Accept", "*/*"), ("User-Agent", "imageproof"))
    named = {name.lower() for name, _ in out.headers}
    headers = [*out.headers, *((name, value) for name, value in ours if value and name.lower() not in named)]
    for name, value in headers:
        if any(mark in name + value for mark in "\r\n\0"):
            raise ValueError(f"expected the header {name!r} on one line, got a line break or a null in it")
    return headers


def _as_written(url: str) -> URL:
    """The URL without any repair, so that signed links arrive as they were given; others are encoded."""
    return URL(url, encoded=url.isascii() and url.isprintable() and " " not in url and "#" not in url)


def _content(body: bytes | None) -> bytes | io.BytesIO | None:
    """Long bodies as a stream, which is written in pieces, so that others are served meanwhile."""
    return io.BytesIO(body) if body is not None and len(body) > MIB else body


def _readable(value: str) -> str:
    """A header's value as text; bytes that are no UTF-8 are taken for Latin-1, so that it can be written down."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogateescape").decode("latin-1")
    return value


def pause_of(got: Incoming, wall_s: float) -> float | None:
    """The seconds for which a 429 asks for a pause; None for others, without a hint, or for more than a minute.

    `wall_s` is the time since 1970, for a target that gives a date but does not say what time it has itself.
    """
    value = (got.header("retry-after") or "").strip()
    if got.status != TOO_MANY or not value:
        return None
    if value.isascii() and value.isdecimal():
        wait: float | None = float(value)
    else:
        until, asked = _seconds_of(value), _seconds_of(got.header("date") or "")
        wait = None if until is None else until - (wall_s if asked is None else asked)
    return max(0.0, wait) if wait is not None and wait <= LONGEST_PAUSE_S else None


def _seconds_of(date: str) -> float | None:
    """The seconds since 1970 of an HTTP date; None for what is none."""
    try:
        moment = parsedate_to_datetime(date)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
