"""A client of polled image APIs with nothing but the standard library: submit, poll, download, tell what came of it.

The job and the place of the answer stand in the environment, as `imageproof verify client` gives them. One connection
is kept from the submit to the last poll. What differs from provider to provider is the table below.
"""

from __future__ import annotations

import base64
import email.utils
import gzip
import hashlib
import http.client
import json
import os
import random
import struct
import sys
import time
import zlib
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

EVER = float("inf")
PROVIDERS: dict[str, dict[str, Any]] = {
    "reapi": {
        "poll": "/api/v1/tasks/{id}",
        "at": ("output", "image_urls"),  # where its results stand
        "first": 30,  # seconds before the first poll
        "pace": ((180, 4), (EVER, 10)),  # until the task is so old, so long from one poll to the next
        "patience": 600,  # a task that is older will not end any more
    },
    "toapis": {
        "poll": "/v1/images/generations/{id}",
        "at": ("result", "data"),
        "first": 5,
        "pace": ((EVER, 6),),
        "patience": 300,
    },
    "xingchaoyiqing": {
        "poll": "/v1/result/{id}",
        "at": ("image_url",),
        "first": 2,
        "pace": ((EVER, 3),),
        "patience": 300,
    },
}
SUBMIT_TIMEOUT, POLL_TIMEOUT, DOWNLOAD_TIMEOUT = 300, 30, 120
LEAST_TIMEOUT = 2  # real seconds: a scaled clock makes no machine faster
TRIES, MOST_BACKOFF = 5, 16
NOT_YET = 10  # so long after a submit a task may be unknown to the server that is polled
OK, NOT_FOUND, TOO_MANY, INTERNAL, UNAVAILABLE = 200, 404, 429, 500, 503
KINDS = {400: "invalid_request", 401: "auth", 402: "quota", 403: "auth", 404: "not_found", 422: "invalid_request"}
KINDS |= {408: "timeout", 429: "rate_limited", 504: "timeout"}
REFUSED_FOR_CONTENT = ("content policy", "content_policy", "moderation", "safety system")
ENDS = {"png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"), "jpeg": (b"\xff\xd8", b"\xff\xd9"), "webp": (b"RIFF", b"")}


class JobError(Exception):
    """The job came to no good end: a kind for programs, a message for people, the provider's own code."""

    def __init__(self, kind: str, message: str, code: object = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.code = kind, message, code


class LostError(Exception):
    """A request went out, and no whole answer came back."""


class NotSentError(LostError):
    """A request did not even go out: nobody listens."""


@dataclass(frozen=True)
class Reply:
    """An answer. `body` is empty unless the answer is an object of JSON."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    data: bytes

    def error(self) -> JobError | None:
        """The error that the answer tells, whatever its status is."""
        error = self.body.get("error")
        if self.status == OK and not error and self.body.get("status") != "failed":
            return None
        parts = error if isinstance(error, dict) else {"message": error}
        code = parts.get("code", self.body.get("code"))
        message = str(parts.get("message") or self.body.get("message") or f"HTTP {self.status}")
        kind = KINDS.get(self.status, "upstream")
        if any(words in f"{code} {message}".lower() for words in REFUSED_FOR_CONTENT):
            kind = "moderation"
        elif "insufficient" in f"{code} {message}".lower():
            kind = "quota"
        return JobError(kind, message, code)

    def may_pass(self) -> bool:
        """Whether the provider itself says that it did not take the request, and may take it later."""
        error = self.error()
        told = error is not None and bool(self.body) and error.kind != "quota"
        return told and self.status in (TOO_MANY, UNAVAILABLE)

    def retry_after(self) -> float:
        """How many seconds the server wants to be left alone; a date is compared with the server's own clock."""
        text = self.headers.get("retry-after", "").strip()
        if text.isdigit():
            return float(text)
        until, now = (email.utils.parsedate_tz(when) for when in (text, self.headers.get("date", "")))
        return max(0.0, email.utils.mktime_tz(until) - email.utils.mktime_tz(now) + 1) if until and now else 0.0


@dataclass
class Wire:
    """Requests over connections that are kept, one for each host. `scale` divides all waits; 1 outside of tests."""

    scale: float = 1.0
    kept: dict[str, http.client.HTTPConnection] = field(default_factory=dict)
    request_ids: list[str] = field(default_factory=list)

    def send(
        self, method: str, url: str, *, timeout: float, key: str | None = None, body: dict[str, Any] | None = None
    ) -> Reply:
        """One request and its whole answer. Raises LostError, or NotSentError when nobody listens."""
        parts = urlsplit(url)
        made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = self.kept.setdefault(parts.netloc, made(parts.netloc))
        connection.timeout = max(timeout / self.scale, LEAST_TIMEOUT)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            if connection.sock is None:
                connection.connect()
            connection.sock.settimeout(connection.timeout)
        except OSError as error:
            raise NotSentError(str(error)) from error
        try:
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()  # whatever still comes is no answer to the next request
            raise LostError(f"{type(error).__name__}: {error}") from error
        told = {name.lower(): value for name, value in answer.getheaders()}
        if "x-request-id" in told:
            self.request_ids.append(told["x-request-id"])
        try:
            data = gzip.decompress(data) if told.get("content-encoding") == "gzip" else data
            tree = json.loads(data)
        except (ValueError, EOFError, OSError, zlib.error):
            tree = None
        return Reply(answer.status, told, tree if isinstance(tree, dict) else {}, data)


@dataclass
class Client:
    """One job at one provider."""

    wire: Wire
    base_url: str
    key: str
    provider: dict[str, Any]
    task_id: str | None = None
    hollow: int = 0  # answers that tell the end and nothing else

    def back_off(self, attempt: int, asked: float = 0.0) -> None:
        """Wait 1, 2, 4 ... s with jitter, or as long as the server asks for; not for ever."""
        wait = max(min(2**attempt, MOST_BACKOFF) * random.uniform(1, 1.25), asked * 1.02)
        if wait > self.provider["patience"]:
            raise JobError("rate_limited", f"the server asks to be left alone for {asked:.0f} s")
        time.sleep(wait / self.wire.scale)

    def submit(self, job: dict[str, Any]) -> str:
        """Order the job; the id of its task. It is sent again only when it was surely not taken."""
        url = self.base_url + job["path"]
        for attempt in count():
            last, asked = attempt == TRIES - 1, 0.0
            try:
                reply = self.wire.send("POST", url, timeout=SUBMIT_TIMEOUT, key=self.key, body=job["request"])
            except LostError as error:
                if last or not isinstance(error, NotSentError):
                    raise JobError("network", f"the submit was not answered, so it may be taken: {error}") from error
            else:
                if last or not reply.may_pass():
                    break
                asked = reply.retry_after()
            self.back_off(attempt, asked)
        if error_told := reply.error():
            raise error_told
        self.task_id = reply.body.get("id")
        if not isinstance(self.task_id, str) or not self.task_id:
            raise JobError("upstream", "the answer to the submit holds no id of a task")
        return self.task_id

    def poll(self, task_id: str) -> dict[str, Any]:
        """Wait for the end of the task; its last answer. Errors that pass are sat out."""
        url = self.base_url + self.provider["poll"].format(id=task_id)
        began, wait, troubles = time.monotonic(), float(self.provider["first"]), 0
        while True:
            time.sleep(wait / self.wire.scale)
            age, asked, fine = (time.monotonic() - began) * self.wire.scale, 0.0, False
            try:
                reply = self.wire.send("GET", url, timeout=POLL_TIMEOUT, key=self.key)
            except LostError as error:
                state = str(error)
            else:
                if self.has_ended(reply, age):
                    return reply.body
                asked, state = reply.retry_after(), reply.body.get("status") or f"HTTP {reply.status}"
                fine = reply.status == OK and "status" in reply.body
            troubles = 0 if fine else troubles + 1
            age = (time.monotonic() - began) * self.wire.scale
            wait = next(every for until, every in self.provider["pace"] if age < until)
            if troubles:
                wait += min(2 ** (troubles - 1), MOST_BACKOFF) * random.uniform(1, 1.25)
            wait = max(wait, asked * 1.02)
            if age + wait > self.provider["patience"]:
                raise JobError("timeout", f"task {task_id} has not ended after {age:.0f} s: {state}")

    def has_ended(self, reply: Reply, age: float) -> bool:
        """Whether an answer to a poll is the last one. Raises JobError when the job has failed for good."""
        state, error = reply.body.get("status"), reply.error()
        if reply.status == OK:
            if state not in ("completed", "failed"):  # states that no page names pass
                return False
            told = reply.body.get("error") if state == "failed" else self.results(reply.body)
            self.hollow += not told
            if not told and self.hollow < TRIES:
                return False  # the end is known before its result, or its reason
            if state == "failed" and error:
                raise error
            return True
        if reply.status == NOT_FOUND and age < NOT_YET:
            return False
        if error and reply.body and reply.status < INTERNAL and reply.status != TOO_MANY:
            raise error
        return False

    def download(self, url: str, job: dict[str, Any]) -> bytes:
        """Fetch one image, without the key; again when it is not whole, or not there yet."""
        if not url.startswith("http"):
            return decoded(url, job)
        problem = ""
        for attempt in range(TRIES):
            if attempt:
                self.back_off(attempt - 1)
            try:
                reply = self.wire.send("GET", url, timeout=DOWNLOAD_TIMEOUT)
            except LostError as error:
                problem = str(error)
                continue
            problem = what_is_wrong(reply.data, job) if reply.status == OK else f"HTTP {reply.status}"
            if not problem:
                return reply.data
        raise JobError("upstream", f"a result could not be fetched: {problem}")

    def results(self, body: dict[str, Any]) -> list[str]:
        """The URLs or the base64 of all images in an answer."""
        found: Any = body
        for name in self.provider["at"]:
            found = found.get(name) if isinstance(found, dict) else None
        entries = found if isinstance(found, list) else [found]
        urls = [entry.get("url") or entry.get("b64_json") if isinstance(entry, dict) else entry for entry in entries]
        return [url for url in urls if isinstance(url, str) and url]

    def run(self, job: dict[str, Any], out: Path) -> list[str]:
        """The whole job; the digests of its images, which are in the folder then."""
        end = self.poll(self.submit(job))
        images = [self.download(url, job) for url in self.results(end)]
        if len(images) < job["images"]:
            raise JobError("upstream", f"{len(images)} of {job['images']} images came")
        for number, image in enumerate(images):
            (out / f"{job['scenario']}-{number}.{job['request'].get('output_format', 'png')}").write_bytes(image)
        return [hashlib.sha256(image).hexdigest() for image in images]


def decoded(text: str, job: dict[str, Any]) -> bytes:
    """An image that came as base64."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        data = b""
    if problem := what_is_wrong(data, job):
        raise JobError("upstream", problem)
    return data


def what_is_wrong(data: bytes, job: dict[str, Any]) -> str:
    """What is wrong with an image: not the format, not the end, or not the size that was asked for."""
    wanted = job["request"].get("output_format", "png")
    begin, end = ENDS[wanted]
    if not data.startswith(begin) or not data.endswith(end):
        return f"expected a whole {wanted}, got {len(data)} bytes that begin with {data[:12]!r}"
    if wanted == "png" and job["size"]:
        width, height = struct.unpack(">II", data[16:24])
        if f"{width}x{height}" != job["size"]:
            return f"expected {job['size']}, got {width}x{height}"
    return ""


def main() -> int:
    """Do the job of the environment. Exit code 0: done, 2: failed, 64: not for this client."""
    job = json.loads(Path(os.environ["IMAGEPROOF_JOB"]).read_text(encoding="utf-8"))
    told: dict[str, Any] = {"outcome": "unsupported"}
    if job["provider"] in PROVIDERS and job["content"] == "json":
        wire = Wire(scale=float(os.environ.get("IMAGEPROOF_TIME_SCALE", "1")))
        key, provider = os.environ["IMAGEPROOF_API_KEY"], PROVIDERS[job["provider"]]
        client = Client(wire, os.environ["IMAGEPROOF_BASE_URL"], key, provider)
        try:
            images = client.run(job, Path(os.environ["IMAGEPROOF_OUT"]))
            told = {"outcome": "done", "images": [{"sha256": digest} for digest in images]}
        except JobError as error:
            code = None if error.code is None else str(error.code)
            told = {"outcome": "failed", "error": {"kind": error.kind, "code": code, "message": error.message}}
        told |= {"task_id": client.task_id, "request_ids": wire.request_ids}
    Path(os.environ["IMAGEPROOF_RESULT"]).write_text(json.dumps(told), encoding="utf-8")
    return {"done": 0, "failed": 2}.get(told["outcome"], 64)


if __name__ == "__main__":
    sys.exit(main())
