"""A client that listens for call backs, for those of this folder that take them wrongly; it is right itself."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
import time
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from typing import Any
from urllib.parse import urlsplit

from tests.wrong.base import Client
from tests.wrong.wire import Reply, error_in

HEADER = "X-ToAPIs-Webhook"


class Listener:
    """Takes call backs on the URL that is given, and keeps those that are believed, each once."""

    def __init__(self, believes: Callable[[Message, bytes], bool]) -> None:
        self.got: Queue[dict[str, Any]] = Queue()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_good = believes(self.headers, body)
                self.send_response(204 if is_good else 401)
                self.end_headers()
                if is_good:
                    outer.got.put({**json.loads(body)["data"], "name": self.headers[f"{HEADER}-Id"]})

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        at = urlsplit(os.environ["IMAGEPROOF_WEBHOOK_URL"])
        server = ThreadingHTTPServer((str(at.hostname), int(at.port or 0)), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()


class Called(Client):
    """Waits for the call back, and polls in between as it should."""

    def __init__(self, job: dict[str, Any], *, base_url: str, key: str, scale: float) -> None:
        super().__init__(job, base_url=base_url, key=key, scale=scale)
        self.listener = Listener(self.believes)
        self.began = time.monotonic()

    def believes(self, headers: Message, body: bytes) -> bool:
        """Whether the provider has signed it."""
        text = f"{headers[f'{HEADER}-Id']}.{headers[f'{HEADER}-Timestamp']}.".encode() + body
        right = hmac.new(os.environ["IMAGEPROOF_WEBHOOK_SECRET"].encode(), text, hashlib.sha256).hexdigest()
        return hmac.compare_digest(f"v1={right}", headers.get(f"{HEADER}-Signature") or "")

    def told(self, seconds: float | None) -> dict[str, Any] | None:
        """The end that is called back within so many seconds."""
        until = time.monotonic() + (seconds if seconds is not None else 1e6) / self.scale
        while True:
            try:
                told = self.listener.got.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                return None
            if told["status"] == "failed":
                raise error_in(Reply(200, {}, b"", told)) or AssertionError(told)
            if told["status"] == "completed":
                return told

    def poll(self, task_id: str) -> dict[str, Any]:
        wait = self.first_wait()
        while (told := self.told(wait)) is None:
            reply = self.poll_once(task_id)
            age = (time.monotonic() - self.began) * self.scale
            if self.has_ended(reply, age):
                return dict(reply.body)
            wait = self.every(age)
        return told
