"""Where a proxy passes requests on to, and the sentences for when it can't."""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from imageproof.proxy.http1 import HEAD_LIMIT, MalformedError
from imageproof.records.lines import Trouble
from imageproof.suites.no_answer import explain

if TYPE_CHECKING:
    from collections.abc import Sequence

PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upstream:
    """A place. `prefix` is the path before what clients ask for; `host` None keeps the Host that the client sent."""

    scheme: str
    name: str
    port: int
    prefix: str
    host: str | None

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        name = f"[{self.name}]" if ":" in self.name else self.name
        return f"{self.scheme}://{name}" + (f":{self.port}" if self.port != PORTS[self.scheme] else "")

    def url_of(self, target: str) -> str:
        """The whole URL that a request is passed on to."""
        return self.origin + (self.prefix + target if target.startswith("/") else "/")

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection. Raises OSError, of which ssl.SSLError is one."""
        context = ssl.create_default_context() if self.scheme == "https" else None
        return await asyncio.open_connection(self.name, self.port, ssl=context, limit=HEAD_LIMIT)

    def why_not(self, error: Exception) -> Trouble:
        """Why there is no connection."""
        at = f"{self.name}:{self.port}"
        match error:
            case ssl.SSLError():
                kind, says = explain(error, at)
                return Trouble(kind=kind, says=says)
            case socket.gaierror():
                return Trouble(
                    kind="dns", says=f"expected an address for {self.name}, got none: check the host of --upstream"
                )
            case TimeoutError():
                return Trouble(kind="timeout", says=f"expected a connection to the upstream {at}, got none in time")
            case ConnectionRefusedError():
                says = f"expected the upstream to listen at {at}, got a refused connection: is it running there?"
                return Trouble(kind="refused", says=says)
            case _:
                says = f"expected a connection to the upstream {at}, got none: {_reason(error)}"
                return Trouble(kind="refused", says=says)

    def lost(self, error: Exception) -> Trouble:
        """Why no answer came on a connection."""
        kind = "protocol" if isinstance(error, MalformedError) else "reset"
        return Trouble(
            kind=kind, says=f"expected an answer from the upstream {self.name}:{self.port}, got none: {_reason(error)}"
        )

    def cut(self, error: Exception) -> Trouble:
        """Why an answer is not whole."""
        kind = "protocol" if isinstance(error, MalformedError) else "reset"
        says = f"expected a whole answer from the upstream {self.name}:{self.port}, got a cut one: {_reason(error)}"
        return Trouble(kind=kind, says=says)


def read_upstream(text: str, *, keep_host: bool = False) -> Upstream:
    """Read the URL of an upstream. Raises ValueError for what is none, or has a user, a query or a fragment."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"expected a URL such as https://api.example.com, got {text!r}: {error}") from None
    if parts.scheme not in PORTS or not parts.hostname or not text.isascii() or " " in text:
        raise ValueError(f"expected a URL such as https://api.example.com, got {text!r}")
    if parts.username or parts.password:
        raise ValueError("expected a URL without a user and a password in it: the client sends its own key")
    if parts.query or parts.fragment:
        raise ValueError(f"expected a URL without ? and #, got {text!r}")
    return Upstream(
        scheme=parts.scheme,
        name=parts.hostname,
        port=port or PORTS[parts.scheme],
        prefix=parts.path.rstrip("/"),
        host=None if keep_host else parts.netloc,
    )


def _reason(error: BaseException) -> str:
    causes: Sequence[object] = (getattr(error, "strerror", None), str(error), type(error).__name__)
    return " ".join(str(next(cause for cause in causes if cause)).split())[:200]
