"""Is there a target at all: asked once, before anything is judged."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from imageproof.suites.no_answer import TroubleError, where
from imageproof.suites.wire import Outgoing

if TYPE_CHECKING:
    from imageproof.suites.wire import Incoming, Sender

MOST_REDIRECTS = 10
PROXY_PAGES = frozenset({502, 503, 504})
ASKS_FOR_LOGIN = 407
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PATIENCE_S = 15.0
HANDSHAKE_S = 5.0
NEEDS_TLS = (b"plain HTTP request was sent to HTTPS port", b"HTTP request to an HTTPS server")  # nginx, Go


async def probe(sender: Sender) -> None:
    """Ask the base URL once, and follow redirects by hand. Raises TroubleError, saying why nothing can be judged there.

    Any HTTP answer will do: most gateways serve nothing at their root. A redirect to another host is such an answer,
    and that host is left alone.
    """
    url = sender.base_url + "/"
    for _ in range(MOST_REDIRECTS + 1):
        got = await _ask(sender, url)
        _refuse_page(got, where(url))
        onward = _onward(url, got)
        if onward is None:
            return
        _refuse_upgrade(url, onward)
        url = onward
    says = f"expected an answer at {where(url)}, got more than {MOST_REDIRECTS} redirects in a row: check the base URL"
    raise TroubleError("redirects", says)


async def _ask(sender: Sender, url: str) -> Incoming:
    """One GET; a server that hangs up on plain text is asked whether it speaks TLS."""
    try:
        return await sender.send(Outgoing(method="GET", path=url), patience_s=PATIENCE_S, honour_429=False)
    except TroubleError as error:
        if error.kind not in ("reset", "protocol") or not url.startswith("http://") or not await _speaks_tls(url):
            raise
        raise _wants_tls(where(url)) from None


async def _speaks_tls(url: str) -> bool:
    """Whether a TLS handshake succeeds. Nothing is sent, so whose certificate it is does not matter here."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(HANDSHAKE_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80, ssl=context)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def _wants_tls(at: str) -> TroubleError:
    return TroubleError(
        "tls", f"expected plain HTTP at {at}, got a server that speaks TLS: use https:// in the base URL"
    )


def _onward(url: str, got: Incoming) -> str | None:
    """Where an answer redirects to on the same host; None for any other answer, and for a link that can't be read."""
    link = got.header("location")
    if got.status not in REDIRECTS or not link:
        return None
    try:
        onward = urljoin(url, link)
        parts = urlsplit(onward)
        is_same = parts.scheme in ("http", "https") and parts.hostname == urlsplit(url).hostname
    except ValueError:
        return None
    return onward if is_same else None


def _refuse_upgrade(url: str, onward: str) -> None:
    """A gateway that sends everybody to https answers no request of a plain base URL."""
    before, after = urlsplit(url), urlsplit(onward)
    if (before.scheme, after.scheme) == ("http", "https") and before.path.rstrip("/") == after.path.rstrip("/"):
        says = f"expected an answer at {where(url)}, got a redirect to {where(onward)}: use https:// in the base URL"
        raise TroubleError("redirects", says)


def _refuse_page(got: Incoming, at: str) -> None:
    """Tell pages of somebody in between from answers of the gateway."""
    if got.status == ASKS_FOR_LOGIN:
        says = f"expected the gateway at {at}, got a proxy in front of it that asks for a login (407)"
        raise TroubleError("protocol", says)
    is_page = "html" in (got.header("content-type") or "").lower()
    if got.status in PROXY_PAGES and is_page:
        says = (
            f"expected the gateway at {at}, got a proxy's page with status {got.status}: is the gateway behind it up?"
        )
        raise TroubleError("protocol", says)
    if any(mark in got.body for mark in NEEDS_TLS):
        raise _wants_tls(at)
