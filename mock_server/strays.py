"""Requests that met no operation: another path, another method, a key that is refused.

Kept for whoever watches a client: no journal of an account has them.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from imageproof.mock_server.journal import redact

if TYPE_CHECKING:
    from aiohttp import web

    from imageproof.mock_server.service import Service

KEPT = 1_000
LONGEST = 500


class Stray(NamedTuple):
    """One of them. `began` is in monotonic seconds; `reason` is one of `path`, `method`, or the name of a refused key.

    `key` is the one of the account that it came from, None where it names no account.
    """

    began: float
    provider: str
    key: str | None
    method: str
    path: str
    status: int
    reason: str


class Strays:
    """The last of them, oldest first."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: deque[Stray] = deque(maxlen=KEPT)

    def note(self, request: web.BaseRequest, service: Service, status: int, reason: str) -> None:
        """Keep a request, without the key that it may show."""
        account = service.by_header.get(request.headers.get(service.spec.auth.header))
        key = account.key if account else None
        path = redact(request.raw_path, [key] if key else [])[:LONGEST]
        self._kept.append(Stray(monotonic(), service.provider, key, request.method, path, status, reason))

    def since(self, began: float, provider: str, key: str) -> list[Stray]:
        """Those at a provider since a moment that came from this key, or from none that is known."""
        return [
            stray
            for stray in self._kept
            if stray.began >= began and stray.provider == provider and stray.key in (key, None)
        ]
