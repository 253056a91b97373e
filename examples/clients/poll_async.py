"""A client of polled image APIs: asyncio and aiohttp. Submit, poll, download, and tell what became of the job.

The job and the place of the answer stand in the environment, as `imageproof verify client` gives them. What differs
from provider to provider is the table below.
"""

from __future__ import annotations

import asyncio
import base64
import email.utils
import hashlib
import json
import os
import random
import struct
import sys
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """Where things stand at one provider, and how it wants to be polled. Times are in seconds."""

    poll: str  # the path of a task
    at: tuple[str, ...]  # where its results stand
    first: float  # before the first poll
    pace: tuple[tuple[float, float, float], ...]  # until this age of the task, wait between so long and so long
    patience: float = 600  # a task that is older will not end any more


EVER = float("inf")
DIALECTS = {
    "reapi": Dialect(
        poll="/api/v1/tasks/{id}", at=("output", "image_urls"), first=30, pace=((180, 3.5, 4.5), (EVER, 10, 12))
    ),
    "toapis": Dialect(
        poll="/v1/images/generations/{id}", at=("result", "data"), first=5, pace=((EVER, 5.5, 8),), patience=300
    ),
    "xingchaoyiqing": Dialect(poll="/v1/result/{id}", at=("image_url",), first=2, pace=((EVER, 3, 3.5),), patience=300),
}
DONE, FAILED = "completed", "failed"  # all other states pass, also those that no page names
SUBMIT_LIMIT, POLL_LIMIT, DOWNLOAD_LIMIT = 300.0, 30.0, 120.0
LEAST_LIMIT = 2.0  # real seconds: a scaled clock makes no machine faster
NOT_YET = 10.0  # so long after a submit a task may be unknown to the server that is polled
TRIES, MOST_BACKOFF = 5, 16.0
KINDS = {400: "invalid_request", 401: "auth", 402: "quota", 403: "auth", 404: "not_found", 408: "timeout"}
KINDS |= {422: "invalid_request", 429: "rate_limited", 504: "timeout"}
FORMATS = {"png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"), "jpeg": (b"\xff\xd8", b"\xff\xd9"), "webp": (b"RIFF", b"")}
REFUSED_FOR_CONTENT = ("content policy", "content_policy", "moderation", "safety system")


class JobError(Exception):
    """The job came to no good end."""

    def __init__(self, kind: str, message: str, code: object = None) -> None:
        super().__init__(message)
        self.told = {"kind": kind, "code": None if code is None else str(code), "message": message}


class LostError(Exception):
    """A request went out, and no whole answer came back."""


class NotSentError(LostError):
    """A request did not even go out: nobody listens."""


@dataclass(frozen=True)
class Reply:
    """An answer. `body` is empty unless it holds an object of JSON."""

    status: int
    headers: dict[str, str]
    body: dict[str, Any]
    data: bytes

    @property
    def error(self) -> JobError | None:
        """The error that it tells, whatever its status is."""
        error = self.body.get("error")
        if self.status < HTTPStatus.BAD_REQUEST and not error and self.body.get("status") != FAILED:
            return None
        parts = error if isinstance(error, dict) else {"message": error}
        code = parts.get("code", self.body.get("code"))
        message = str(parts.get("message") or self.body.get("message") or f"HTTP {self.status}")
        kind = KINDS.get(self.status, "upstream")
        if any(word in f"{code} {message}".lower() for word in REFUSED_FOR_CONTENT):
            kind = "moderation"
        elif "insufficient" in f"{code} {message}".lower():
            kind = "quota"
        return JobError(kind, message, code)

    @property
    def passes(self) -> bool:
        """Whether the provider says itself that it did not take the request, and may take it later."""
        busy = self.status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
        return busy and bool(self.body) and self.error is not None and self.error.told["kind"] != "quota"

    @property
    def retry_after(self) -> float:
        """Seconds that the server wants to be left alone; a date counts from the server's own clock."""
        text = self.headers.get("Retry-After", "").strip()
        if text.isdigit():
            return float(text)
        try:
            until = email.utils.parsedate_to_datetime(text).timestamp()
            now = email.utils.parsedate_to_datetime(self.headers["Date"]).timestamp()
        except (KeyError, ValueError, TypeError):
            return 0.0
        return max(0.0, until - now + 1)


async def no_hidden_retry(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Keep aiohttp from repeating a GET by itself: the next poll is ours, and has its time."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError as error:
        raise NotSentError(str(error)) from error
    except (aiohttp.ClientError, OSError) as error:
        raise LostError(str(error) or type(error).__name__) from error


@dataclass(kw_only=True)
class Client:
    """One job at one provider. `scale` divides all waits; it is 1 outside of tests."""

    session: aiohttp.ClientSession
    base_url: str
    key: str
    dialect: Dialect
    scale: float = 1.0
    task_id: str | None = None
    hollow: int = 0  # answers that tell the end and nothing else
    request_ids: list[str] = field(default_factory=list)

    async def back_off(self, attempt: int, least: float = 0.0) -> None:
        """Wait 1, 2, 4 ... s with jitter, and as long as the server asks for."""
        wait = max(min(2.0**attempt, MOST_BACKOFF) * random.uniform(1, 1.25), least * random.uniform(1.02, 1.05))
        if wait > self.dialect.patience:
            raise JobError("rate_limited", f"the server asks for {least:.0f} s of silence")
        await asyncio.sleep(wait / self.scale)

    async def call(self, method: str, url: str, *, limit: float, key: bool = True, body: object = None) -> Reply:
        """One request, and its whole answer. The key stands in a header, and only where it belongs."""
        headers = {"Authorization": f"Bearer {self.key}"} if key else {}
        timeout = aiohttp.ClientTimeout(total=max(limit / self.scale, LEAST_LIMIT))
        try:
            async with self.session.request(method, url, json=body, headers=headers, timeout=timeout) as answer:
                data = await answer.read()
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise LostError(str(error) or type(error).__name__) from error
        if name := answer.headers.get("x-request-id"):
            self.request_ids.append(name)
        try:
            tree = json.loads(data)
        except ValueError:
            tree = None
        return Reply(answer.status, dict(answer.headers), tree if isinstance(tree, dict) else {}, data)

    async def submit(self, job: dict[str, Any]) -> str:
        """Order the job; the id of its task. It is sent again only when it was surely not taken."""
        for attempt in count(1):
            asked = 0.0
            try:
                reply = await self.call("POST", self.base_url + job["path"], limit=SUBMIT_LIMIT, body=job["request"])
            except LostError as error:
                if attempt == TRIES or not isinstance(error, NotSentError):
                    raise JobError("network", f"the submit was not answered, so it may be taken: {error}") from error
            else:
                if attempt == TRIES or not reply.passes:
                    break
                asked = reply.retry_after
            await self.back_off(attempt - 1, asked)
        if reply.error:
            raise reply.error
        self.task_id = reply.body.get("id")
        if not isinstance(self.task_id, str) or not self.task_id:
            raise JobError("upstream", "the answer to the submit holds no id of a task")
        return self.task_id

    async def poll(self, task_id: str) -> dict[str, Any]:
        """Wait for the end of the task; its last answer. Only errors for good and time end it before."""
        url = self.base_url + self.dialect.poll.format(id=task_id)
        began, trouble = time.monotonic(), 0
        await asyncio.sleep(self.dialect.first / self.scale)
        while True:
            asked = 0.0
            try:
                reply = await self.call("GET", url, limit=POLL_LIMIT)
            except LostError:
                trouble += 1
            else:
                age = (time.monotonic() - began) * self.scale
                if self.is_end(reply, age):
                    return reply.body
                fine = reply.status == HTTPStatus.OK and isinstance(reply.body.get("status"), str)
                trouble, asked = (0, 0.0) if fine else (trouble + 1, reply.retry_after)
            age = (time.monotonic() - began) * self.scale
            least, most = next((least, most) for until, least, most in self.dialect.pace if age < until)
            backoff = min(2.0 ** (trouble - 1), MOST_BACKOFF) if trouble else 0.0
            wait = max(random.uniform(least, most) + backoff, asked * 1.02)
            if age + wait > self.dialect.patience:
                raise JobError("timeout", f"task {task_id} has not ended after {age:.0f} s")
            await asyncio.sleep(wait / self.scale)

    def is_end(self, reply: Reply, age: float) -> bool:
        """Whether this answer to a poll is the last one. Raises JobError when the job has failed."""
        state = reply.body.get("status")
        if reply.status == HTTPStatus.OK and state in (DONE, FAILED):
            told = reply.body.get("error") if state == FAILED else results_in(reply.body, self.dialect.at)
            self.hollow += not told
            if not told and self.hollow < TRIES:
                return False  # the end is known before its result, or its reason
            if state == FAILED and reply.error:
                raise reply.error
            return True
        unknown_yet = reply.status == HTTPStatus.NOT_FOUND and age < NOT_YET
        for_good = HTTPStatus.BAD_REQUEST <= reply.status < HTTPStatus.INTERNAL_SERVER_ERROR and bool(reply.body)
        if for_good and not unknown_yet and reply.status != HTTPStatus.TOO_MANY_REQUESTS and reply.error:
            raise reply.error
        return False

    async def download(self, url: str, job: dict[str, Any]) -> bytes:
        """Fetch one image, without the key; again when it is not whole, or not there yet."""
        problem = ""
        for attempt in range(TRIES):
            if attempt:
                await self.back_off(attempt - 1)
            try:
                reply = await self.call("GET", url, limit=DOWNLOAD_LIMIT, key=False)
            except LostError as error:
                problem = str(error)
            else:
                problem = f"HTTP {reply.status}" if reply.status != HTTPStatus.OK else what_is_wrong(reply.data, job)
                if not problem:
                    return reply.data
        raise JobError("upstream", f"a result can't be fetched: {problem}")

    async def run(self, job: dict[str, Any], out: Path) -> list[str]:
        """The whole job; the digests of its images, which stand in the folder then."""
        end = await self.poll(await self.submit(job))
        digests = []
        for number, found in enumerate(results_in(end, self.dialect.at)):
            data = await self.download(found, job) if found.startswith("http") else decoded(found, job)
            (out / f"{job['scenario']}-{number}.{job['request'].get('output_format', 'png')}").write_bytes(data)
            digests.append(hashlib.sha256(data).hexdigest())
        if len(digests) < job["images"]:
            raise JobError("upstream", f"{len(digests)} of {job['images']} images came")
        return digests


def results_in(body: dict[str, Any], where: tuple[str, ...]) -> list[str]:
    """The URLs or the base64 of all results in the last answer."""
    found: Any = body
    for name in where:
        found = found.get(name) if isinstance(found, dict) else None
    entries = found if isinstance(found, list) else [found]
    texts = [entry.get("url") or entry.get("b64_json") if isinstance(entry, dict) else entry for entry in entries]
    return [text for text in texts if isinstance(text, str) and text]


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
    """What is wrong with an image, empty when nothing is: its format, its end, its size."""
    wanted = job["request"].get("output_format", "png")
    start, end = FORMATS[wanted]
    if not data.startswith(start) or not data.endswith(end):
        return f"expected a whole {wanted}, got {len(data)} bytes that begin with {data[:12]!r}"
    size = "x".join(str(edge) for edge in struct.unpack(">II", data[16:24]))  # where a PNG has it
    return f"expected {job['size']}, got {size}" if wanted == "png" and job.get("size") not in (None, size) else ""


async def work(job: dict[str, Any], *, base_url: str, key: str, out: Path, scale: float) -> dict[str, Any]:
    """Do one job, and say what became of it."""
    async with aiohttp.ClientSession(middlewares=(no_hidden_retry,)) as session:
        client = Client(session=session, base_url=base_url, key=key, dialect=DIALECTS[job["provider"]], scale=scale)
        try:
            images = [{"sha256": digest} for digest in await client.run(job, out)]
            told: dict[str, Any] = {"outcome": "done", "images": images}
        except JobError as error:
            told = {"outcome": "failed", "error": error.told}
        return told | {"task_id": client.task_id, "request_ids": client.request_ids}


def main(env: Mapping[str, str] = os.environ) -> int:
    """Do the job of the environment. Exit code 0: done, 2: failed, 64: not for this client."""
    job = json.loads(Path(env["IMAGEPROOF_JOB"]).read_text(encoding="utf-8"))
    told: dict[str, Any] = {"outcome": "unsupported"}
    if job["provider"] in DIALECTS and job["content"] == "json":
        scale, out = float(env.get("IMAGEPROOF_TIME_SCALE", "1")), Path(env["IMAGEPROOF_OUT"])
        base_url, key = env["IMAGEPROOF_BASE_URL"], env["IMAGEPROOF_API_KEY"]
        told = asyncio.run(work(job, base_url=base_url, key=key, out=out, scale=scale))
    Path(env["IMAGEPROOF_RESULT"]).write_text(json.dumps(told), encoding="utf-8")
    return {"done": 0, "failed": 2}.get(told["outcome"], 64)


if __name__ == "__main__":
    sys.exit(main())
