"""Whoever is called back: a small server of a test that keeps what it gets."""

from __future__ import annotations

import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import cast

import httpx2 as httpx

from imageproof import MockAccount

SECRET = "whsec_demo"
HEADER = "X-ToAPIs-Webhook"


@dataclass
class Delivery:
    """One call back as it came in."""

    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> dict[str, object]:
        return cast("dict[str, object]", json.loads(self.raw))

    @property
    def data(self) -> dict[str, object]:
        return cast("dict[str, object]", self.body["data"])


@dataclass
class Receiver:
    """A small server that keeps what it gets and answers the statuses it was told, then 200."""

    statuses: list[int] = field(default_factory=list)
    got: Queue[Delivery] = field(default_factory=Queue)
    url: str = ""

    def next(self) -> Delivery:
        return self.got.get(timeout=20)

    def is_quiet(self) -> bool:
        return self.got.empty()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that listens."""
    own = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            status = own.statuses.pop(0) if own.statuses else 200
            own.got.put(Delivery(self.path, dict(self.headers), raw))
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        own.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield own
        server.shutdown()
        thread.join()


def told(account: MockAccount, receiver: Receiver) -> None:
    """Say through the control API where the calls back of an account go."""
    order = {"webhook": {"url": f"{receiver.url}/hook", "secret": SECRET}}
    url = f"{account.mock.url}/__imageproof__/toapis/account"
    assert httpx.patch(url, json=order, headers=account.headers).status_code == 200


def is_signed(delivery: Delivery) -> bool:
    webhook_id, stamp = delivery.headers[f"{HEADER}-Id"], delivery.headers[f"{HEADER}-Timestamp"]
    signed = f"{webhook_id}.{stamp}.".encode() + delivery.raw
    expected = hmac.new(SECRET.encode(), signed, "sha256").hexdigest()
    return hmac.compare_digest(delivery.headers.get(f"{HEADER}-Signature", ""), f"v1={expected}")
