"""One good client, cut at every joint, so that a wrong one is a line or two: see the files beside this one.

It is small and blunt, for tests only; the clients to copy are in examples/clients.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import json
import os
import random
import struct
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.wrong.wire import POLLED, JobError, LostError, Reply, error_in, events_in, form

STARTS = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8", "webp": b"RIFF"}
TAILS = {"png": b"IEND\xaeB`\x82", "jpeg": b"\xff\xd9", "webp": b""}
LEAST_TIMEOUT_S = 2.0  # real seconds


class Client:
    """A good client. Each method is a place where another one goes wrong."""

    keeps_connection = True
    sync_timeout_s = 600.0

    def __init__(self, job: dict[str, Any], *, base_url: str, key: str, scale: float) -> None:
        self.job, self.base_url, self.key, self.scale = job, base_url, key, scale
        self.provider = POLLED.get(job["provider"], {})
        self.kept: dict[str, http.client.HTTPConnection] = {}
        self.request_ids: list[str] = []
        self.task_id: str | None = None
        self.hollow = 0

    # time

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds / self.scale)

    def first_wait(self) -> float:
        return float(self.provider["first"])

    def every(self, age: float) -> float:
        return next(float(every) for until, every in self.provider["pace"] if age < until)

    def patience(self) -> float:
        return float(self.provider.get("patience", 600))

    def backoff(self, attempt: int) -> float:
        return min(2.0**attempt, 16.0) * random.uniform(1, 1.25)

    def wait_after_refusal(self, attempt: int, asked: float) -> float:
        wait = max(self.backoff(attempt), asked * 1.05)
        if wait > self.patience():
            raise JobError("rate_limited", f"asked to wait {asked:.0f} s")
        return wait

    def next_wait(self, age: float, troubles: int, asked: float) -> float:
        wait = self.every(age) + (self.backoff(troubles - 1) if troubles else 0.0)
        return max(wait, asked * 1.05)

    # the wire

    def timeout(self, purpose: str) -> float:
        return {"submit": 300.0, "poll": 30.0, "download": 120.0, "ask": self.sync_timeout_s}[purpose]

    def url(self, path: str) -> str:
        return self.base_url + path

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"}

    def download_headers(self) -> dict[str, str]:
        return {}

    def send(self, purpose: str, method: str, url: str, *, body: bytes | None = None, kind: str = "") -> Reply:
        parts = urlsplit(url)
        connection = self.kept.setdefault(parts.netloc, http.client.HTTPConnection(parts.netloc))
        connection.timeout = max(self.timeout(purpose) / self.scale, LEAST_TIMEOUT_S)
        headers = self.download_headers() if purpose == "download" else self.headers()
        headers |= {"Content-Type": kind} if kind else {}
        try:
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(connection.timeout)
        except OSError as error:
            raise LostError(str(error), sent=False) from error
        try:
            connection.request(method, f"{parts.path}?{parts.query}".removesuffix("?"), body, headers)
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise LostError(f"{type(error).__name__}: {error}") from error
        if not self.keeps_connection:
            connection.close()
        reply = Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, data)
        if "x-request-id" in reply.headers:
            self.request_ids.append(reply.headers["x-request-id"])
        reply.body = self.read(reply)
        return reply

    def read(self, reply: Reply) -> dict[str, Any]:
        try:
            tree = json.loads(reply.data)
        except ValueError:
            tree = None
        return tree if isinstance(tree, dict) else {}

    # the order

    def request(self) -> dict[str, Any]:
        return dict(self.job["request"])

    def encoded(self) -> tuple[bytes, str]:
        if self.job["content"] == "json":
            return json.dumps(self.request()).encode(), "application/json"
        return form(self.request(), self.job["files"])

    def order(self) -> Reply:
        """The answer to the order, sent again only where that can't be billed twice."""
        body, kind = self.encoded()
        attempt = 0
        while True:
            purpose, asked = "submit" if self.provider else "ask", 0.0
            try:
                reply = self.send(purpose, self.job["method"], self.url(self.job["path"]), body=body, kind=kind)
            except LostError as error:
                if not self.sends_again_lost(error, attempt):
                    raise JobError(*self.lost(error)) from error
            else:
                if not self.sends_again(reply, attempt):
                    return reply
                asked = reply.asked()
            self.sleep(self.wait_after_refusal(attempt, asked))
            attempt += 1

    def lost(self, error: LostError) -> tuple[str, str]:
        return "timeout" if "imeout" in str(error) or "timed" in str(error) else "network", str(error)

    def sends_again_lost(self, error: LostError, attempt: int) -> bool:
        return not error.sent and attempt < 4

    def sends_again(self, reply: Reply, attempt: int) -> bool:
        error = error_in(reply)
        if error is None or not reply.body or error.told["kind"] in ("quota", "moderation"):
            return False
        most = {429: 4, 503: 4} if self.provider else {429: 4, 500: 2, 502: 2, 503: 2}
        return attempt < most.get(reply.status, 0)

    def refusal(self, reply: Reply) -> JobError | None:
        return error_in(reply)

    # tasks

    def submit(self) -> str:
        reply = self.order()
        error = self.refusal(reply)
        if error:
            raise error
        task_id = reply.body.get("id")
        if not isinstance(task_id, str) or not task_id:
            raise JobError("upstream", "a submit without an id")
        self.task_id = task_id
        return task_id

    def poll(self, task_id: str) -> dict[str, Any]:
        began, wait, troubles = time.monotonic(), self.first_wait(), 0
        while True:
            self.sleep(wait)
            fine, asked = False, 0.0
            try:
                reply = self.poll_once(task_id)
            except LostError as error:
                self.on_lost_poll(error)
            else:
                age = (time.monotonic() - began) * self.scale
                if self.has_ended(reply, age):
                    return dict(reply.body)
                fine, asked = reply.status == 200 and "status" in reply.body, reply.asked()
            troubles = 0 if fine else troubles + 1
            age = (time.monotonic() - began) * self.scale
            wait = self.next_wait(age, troubles, asked)
            if age + wait > self.patience():
                raise JobError("timeout", f"not ended after {age:.0f} s")

    def poll_once(self, task_id: str) -> Reply:
        return self.send("poll", "GET", self.url(self.provider["poll"].format(id=task_id)))

    def on_lost_poll(self, error: LostError) -> None:
        """Nothing: the next poll will tell."""

    def has_ended(self, reply: Reply, age: float) -> bool:
        if reply.status == 200:
            return self.is_final(reply)
        error = error_in(reply)
        if error and self.is_final_error(reply, age):
            raise error
        return False

    def is_final(self, reply: Reply) -> bool:
        state = reply.body.get("status")
        if state not in ("completed", "failed"):
            return False
        told = reply.body.get("error") if state == "failed" else self.results(reply.body)
        self.hollow += not told
        if not told and self.hollow < 5:
            return False
        if state == "failed":
            raise error_in(reply) or JobError("upstream", "failed")
        return True

    def is_final_error(self, reply: Reply, age: float) -> bool:
        not_yet = reply.status == 404 and age < 10
        return bool(reply.body) and reply.status < 500 and reply.status != 429 and not not_yet

    # results

    def results(self, body: dict[str, Any]) -> list[str]:
        found: Any = body
        for name in self.provider["at"]:
            found = found.get(name) if isinstance(found, dict) else None
        entries = found if isinstance(found, list) else [found]
        texts = [entry.get("url") or entry.get("b64_json") if isinstance(entry, dict) else entry for entry in entries]
        return [text for text in texts if isinstance(text, str)]

    def download(self, url: str) -> bytes:
        if not url.startswith("http"):
            return base64.b64decode(url)
        problem = ""
        for attempt in range(5):
            if attempt:
                self.sleep(self.backoff(attempt - 1))
            try:
                reply = self.send("download", "GET", url)
            except LostError as error:
                problem = str(error)
                continue
            problem = self.problem_with(reply.data) if reply.status == 200 else f"HTTP {reply.status}"
            if not problem:
                return reply.data
        raise JobError("upstream", f"no image: {problem}")

    def problem_with(self, data: bytes) -> str:
        form = self.job["request"].get("output_format", "png")
        if not data.startswith(STARTS[form]) or not data.endswith(TAILS[form]):
            return f"no whole {form}: {data[:12]!r}"
        if form == "png" and self.job["size"]:
            width, height = struct.unpack(">II", data[16:24])
            if f"{width}x{height}" != self.job["size"]:
                return f"expected {self.job['size']}, got {width}x{height}"
        return ""

    def after(self, task_id: str) -> None:
        """Nothing is left to do."""

    # at once

    def ask(self) -> list[bytes]:
        reply = self.order()
        if self.job["stream"] and reply.status == 200 and reply.headers.get("content-type", "").startswith("text/ev"):
            return [base64.b64decode(text) for text in self.images_of_stream(events_in(reply.data))]
        error = self.refusal(reply)
        if error:
            raise error
        return [self.image_of(entry) for entry in self.entries(reply.body)]

    def entries(self, body: dict[str, Any]) -> list[Any]:
        data = body.get("data")
        return data if isinstance(data, list) else []

    def image_of(self, entry: object) -> bytes:
        if isinstance(entry, dict) and isinstance(entry.get("b64_json"), str):
            with contextlib.suppress(ValueError):
                return base64.b64decode(entry["b64_json"].rpartition(",")[2], validate=True)
        if isinstance(entry, dict) and isinstance(entry.get("url"), str):
            return self.download(entry["url"])
        raise JobError("upstream", "an entry without an image")

    def images_of_stream(self, events: list[dict[str, Any]]) -> list[str]:
        for event in events:
            if "error" in event:
                raise error_in(Reply(500, {}, b"", event)) or JobError("upstream", "error")
        return [event["b64_json"] for event in events if str(event.get("type")).endswith(".completed")]

    # the whole

    def images(self) -> list[bytes]:
        if not self.provider:
            images = self.ask()
            problem = next(filter(None, map(self.problem_with, images)), "")
            if problem:
                raise JobError("upstream", problem)
            return images
        task_id = self.submit()
        end = self.poll(task_id)
        images = [self.download(url) for url in self.results(end)]
        self.after(task_id)
        return images

    def delivered(self, images: list[bytes]) -> list[bytes]:
        if len(images) < self.job["images"]:
            raise JobError("upstream", f"{len(images)} of {self.job['images']} images")
        return images

    def run(self) -> dict[str, Any]:
        try:
            images = self.delivered(self.images())
        except JobError as error:
            told = self.tell_failed(error)
        else:
            told = self.tell_done([hashlib.sha256(image).hexdigest() for image in images])
        return {**told, "task_id": self.task_id, "request_ids": self.request_ids}

    def tell_done(self, digests: list[str]) -> dict[str, Any]:
        return {"outcome": "done", "images": [{"sha256": digest} for digest in digests]}

    def tell_failed(self, error: JobError) -> dict[str, Any]:
        return {"outcome": "failed", "error": error.told}

    def exit_code(self, told: dict[str, Any]) -> int:
        return 0 if told["outcome"] == "done" else 2


def main(kind: type[Client]) -> int:
    """Do the job of the environment with such a client."""
    env = os.environ
    job = json.loads(Path(env["IMAGEPROOF_JOB"]).read_text(encoding="utf-8"))
    scale = float(env.get("IMAGEPROOF_TIME_SCALE", "1"))
    client = kind(job, base_url=env["IMAGEPROOF_BASE_URL"], key=env["IMAGEPROOF_API_KEY"], scale=scale)
    told = client.run()
    Path(env["IMAGEPROOF_RESULT"]).write_text(json.dumps(told), encoding="utf-8")
    return client.exit_code(told)
