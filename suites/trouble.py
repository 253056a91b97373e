"""Is there a target at all: asked once, before anything is judged."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin

from imageproof.suites.wire import Outgoing, TroubleError

if TYPE_CHECKING:
    from imageproof.suites.wire import Incoming, Sender

MOST_REDIRECTS = 10
PROXY_PAGES = frozenset({407, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PATIENCE_S = 15.0


async def probe(sender: Sender) -> None:
    """Ask the base URL once, and follow redirects by hand. Raises TroubleError, saying why nobody can be judged there.

    Any HTTP answer will do: most gateways serve nothing at their root.
    """
    url = sender.base_url + "/"
    for _ in range(MOST_REDIRECTS + 1):
        got = await sender.send(Outgoing(method="GET", path=url), patience_s=PATIENCE_S, honour_429=False)
        if got.status not in REDIRECTS or not got.header("location"):
            _refuse_proxy_page(got, url)
            return
        url = urljoin(url, got.header("location") or "")
        if not url.startswith(("http://", "https://")):
            return
    raise TroubleError(
        "redirects",
        f"expected an answer at {sender.base_url}, got more than {MOST_REDIRECTS} redirects, last to {url[:100]}",
    )


def _refuse_proxy_page(got: Incoming, url: str) -> None:
    is_page = "html" in (got.header("content-type") or "").lower()
    if got.status in PROXY_PAGES and (is_page or got.status == 407):  # noqa: PLR2004  (Proxy Authentication Required)
        raise TroubleError(
            "protocol",
            f"expected the gateway at {url[:120]}, got the page of a proxy before it (status {got.status})",
        )
