"""An HTTP client for judging strangers: nothing is followed, repaired or waited for without an end.

It keeps to a pace: so many requests at once, so many in a second, and when the target asks for a pause (429 with
Retry-After) nobody sends anything until it is over.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from time import monotonic, time
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import aiohttp
import orjson

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from imageproof.specs.model import JsonTree

MIB = 1 << 20
LONGEST_PAUSE_S = 60.0
TOO_MANY = 429
CHUNK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a target is treated: requests at once and in a second, seconds for an answer and for the run, bytes."""

    concurrency: int = 16
    per_second: float | None = None
    patience_s: float = 60.0
    max_body: int = 64 * MIB
    total_s: float | None = None
    retry_429: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One request. `path` lies below the base URL, or is an absolute URL."""

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

    def json(self) -> JsonTree:
        """The body as JSON. Raises ValueError for what is none, for NaN, and for a key that stands twice."""
        return strict_json(self.body)


def strict_json(body: bytes) -> JsonTree:
    """Read JSON as the standard wants it. Raises ValueError, saying what is wrong."""
    tree: JsonTree = orjson.loads(body)
    if b'"' not in body:
        return tree

    def once(pairs: list[tuple[str, JsonTree]]) -> JsonTree:
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the key {twice!r} stands twice in one object")
        return dict(pairs)

    if len(body) < MIB:  # long bodies hold images; their few keys are not worth reading them twice
        json.loads(body, object_pairs_hook=once)
    return tree


class TroubleError(Exception):
    """No answer. `kind` is one of those of `records.lines.Trouble`, or `over` when the time of the run has ended."""

    def __init__(self, kind: str, says: str, *, began_s: float = 0.0, ended_s: float = 0.0) -> None:
        super().__init__(says)
        self.kind = kind
        self.says = says
        self.began_s = began_s
        self.ended_s = ended_s


@dataclass(slots=True)
class _Gate:
    """When the next request may go out."""

    not_before_s: float = 0.0
    next_slot_s: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Sender:
    """Sends requests to one target, as an async context manager. `now` and `sleep` can be replaced in tests."""

    def __init__(
        self,
        base_url: str,
        pace: Pace,
        *,
        now: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.pace = pace
        self.requests = 0
        self._now, self._sleep = now, sleep
        self._began = now()
        self._gate = _Gate()
        self._slots = asyncio.Semaphore(pace.concurrency)
        self._session: aiohttp.ClientSession | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the sender was made."""
        return self._now() - self._began

    async def __aenter__(self) -> Self:
        """Open the connections."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, limit_per_host=0),
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent",),
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def send(self, out: Outgoing, *, patience_s: float | None = None, honour_429: bool = True) -> Incoming:
        """Send one request and read its whole answer. Raises TroubleError when none comes."""
        for tries in range(self.pace.retry_429 + 1):
            await self._turn()
            async with self._slots:
                got = await self._once(out, patience_s or self.pace.patience_s)
            pause = _pause(got) if honour_429 and got.status == TOO_MANY else None
            if pause is None or tries == self.pace.retry_429:
                return got
            self._gate.not_before_s = max(self._gate.not_before_s, self.elapsed_s + pause)
        raise AssertionError  # pragma: no cover  (the last round always returns)

    async def _turn(self) -> None:
        """Wait until a request may go out."""
        while True:
            now = self.elapsed_s
            total = self.pace.total_s
            if total is not None and now >= total:
                raise TroubleError(
                    "over", f"the time given to the whole run ({total:g} s) is over", began_s=now, ended_s=now
                )
            wait = max(self._gate.not_before_s, self._gate.next_slot_s) - now
            if wait <= 0:
                break
            await self._sleep(min(wait, total - now) if total is not None else wait)
        if self.pace.per_second:
            self._gate.next_slot_s = max(self.elapsed_s, self._gate.next_slot_s) + 1 / self.pace.per_second

    async def _once(self, out: Outgoing, patience_s: float) -> Incoming:
        if self._session is None:
            raise RuntimeError("the sender is not open: use it as `async with Sender(...)`")
        url = out.path if "://" in out.path else self.base_url + out.path
        headers = [*out.headers, *([("Content-Type", out.content_type)] if out.content_type else [])]
        headers += [("Accept", "*/*"), ("User-Agent", "imageproof")]
        began = self.elapsed_s
        self.requests += 1
        remaining = patience_s
        if self.pace.total_s is not None:
            remaining = max(0.001, min(patience_s, self.pace.total_s - began))
        try:
            async with asyncio.timeout(remaining):
                return await self._exchange(out, url, headers, began)
        except TroubleError as error:
            error.began_s, error.ended_s = began, self.elapsed_s
            raise
        except TimeoutError:
            says = f"expected a whole answer from {_where(url)} within {remaining:g} s, got none or half of one"
            raise TroubleError("timeout", says, began_s=began, ended_s=self.elapsed_s) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            kind, says = explain(error, url)
            raise TroubleError(kind, says, began_s=began, ended_s=self.elapsed_s) from None

    async def _exchange(self, out: Outgoing, url: str, headers: list[tuple[str, str]], began: float) -> Incoming:
        assert self._session is not None  # noqa: S101  (looked at by the caller)
        async with self._session.request(
            out.method,
            url,
            data=out.body,
            headers=headers,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None),
        ) as response:
            first = self.elapsed_s
            body, chunks = bytearray(), []
            async for chunk in response.content.iter_any():
                body += chunk
                chunks.append((self.elapsed_s, len(chunk)))
                if len(body) > self.pace.max_body:
                    raise TroubleError(
                        "too-large",
                        f"expected an answer of at most {self.pace.max_body:,} bytes from {_where(url)}, got more",
                    )
            return Incoming(
                status=response.status,
                headers=tuple((str(key), str(value)) for key, value in response.headers.items()),
                body=bytes(body),
                began_s=began,
                first_byte_s=first,
                ended_s=self.elapsed_s,
                chunks=tuple(chunks),
            )


def _pause(got: Incoming) -> float | None:
    """The seconds that a 429 asks for; None when it does not say, or wants more than anybody would wait."""
    value = (got.header("retry-after") or "").strip()
    if value.isdigit():
        wait = float(value)
    else:
        try:
            wait = parsedate_to_datetime(value).timestamp() - time()
        except (ValueError, TypeError):
            return None
    return max(0.0, wait) if wait <= LONGEST_PAUSE_S else None


def _where(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def explain(error: Exception, url: str) -> tuple[str, str]:
    """The kind and one sentence about why no answer came, for somebody who sees it for the first time."""
    where = _where(url)
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            cause = getattr(error, "certificate_error", None) or error
            return (
                "tls",
                f"expected TLS with {where}, got an error: {_short(cause)}; is the scheme of the base URL right?",
            )
        case aiohttp.ClientConnectorDNSError():
            return "dns", f"expected the host of {where} to be known, got no address for it: check the base URL"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return (
                "refused",
                f"expected somebody to listen at {where}, got a refused connection: is the gateway running there?",
            )
        case aiohttp.ClientConnectorError():
            return "refused", f"expected a connection to {where}, got none: {_short(error.os_error)}"
        case ssl.SSLError():
            return "tls", f"expected TLS with {where}, got an error: {_short(error)}"
        case aiohttp.ServerDisconnectedError() | ConnectionResetError() | aiohttp.ClientOSError() | BrokenPipeError():
            return "reset", f"expected an answer from {where}, got a closed connection instead"
        case aiohttp.ClientPayloadError():
            return "protocol", f"expected a whole body from {where}, got one that was cut or wrongly encoded"
        case aiohttp.ClientResponseError():
            return "protocol", f"expected an HTTP answer from {where}, got something else: {_short(error.message)}"
        case aiohttp.InvalidURL():
            return "protocol", f"expected a URL that can be fetched, got {str(error)[:120]!r}"
        case _:
            return "protocol", f"expected an HTTP answer from {where}, got {type(error).__name__}: {_short(error)}"


def _short(error: object) -> str:
    return " ".join(str(error).split())[:160]
