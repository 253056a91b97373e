"""A client of OpenAI's Images API and of its relays, with nothing but the standard library.

One request brings the images: JSON for a generation, a form for an edit, as one answer or as a stream of events.
The job and the place of the answer stand in the environment, as `imageproof verify client` gives them.
"""

from __future__ import annotations

import base64
import binascii
import email.utils
import gzip
import hashlib
import http.client
import json
import mimetypes
import os
import random
import struct
import sys
import time
import uuid
import zlib
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

PROVIDERS = ("openai", "apiyi")
TIMEOUT_S = 600.0  # an image of high quality takes up to five minutes, and who leaves pays all the same
LEAST_TIMEOUT_S = 6.0  # real seconds: a scaled clock makes no machine faster
MOST_WAIT_S = 120.0  # a server that wants to be left alone for longer is left alone for good
OK = 200
TRIES = {429: 4, 500: 2, 502: 2, 503: 2}  # how often each of these is tried again; nothing else is
DOWNLOADS = 4
KINDS = {400: "invalid_request", 401: "auth", 403: "auth", 404: "not_found", 408: "timeout", 413: "invalid_request"}
KINDS |= {422: "invalid_request", 429: "rate_limited", 451: "moderation", 504: "timeout"}
REFUSED_FOR_CONTENT = ("moderation", "content_policy", "content policy", "safety system")
ENDS = {"png": (b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"), "jpeg": (b"\xff\xd8", b"\xff\xd9"), "webp": (b"RIFF", b"")}


class JobError(Exception):
    """The job came to no good end. `passes` says whether the same request may do better a little later."""

    def __init__(self, kind: str, message: str, code: object = None, *, tries: int = 0, asked: float = 0.0) -> None:
        super().__init__(message)
        self.told = {"kind": kind, "code": None if code is None else str(code), "message": message}
        self.tries, self.asked = tries, asked


def error_in(status: int, body: object, headers: http.client.HTTPMessage | None = None) -> JobError | None:
    """The error that an answer tells, whatever its status is; None when it tells none."""
    error = body.get("error") if isinstance(body, dict) else None
    if status == OK and not error:
        return None
    parts = error if isinstance(error, dict) else {"message": error}
    code, message = parts.get("code"), str(parts.get("message") or f"HTTP {status}")
    text = f"{code} {parts.get('type')} {message}".lower()
    kind = KINDS.get(status, "upstream")
    if any(words in text for words in REFUSED_FOR_CONTENT):
        kind = "moderation"
    elif "quota" in text or "billing" in text:
        kind = "quota"
    # A page of HTML comes from something in between, which does not know whether the request was taken.
    passes = isinstance(error, dict) and kind not in ("moderation", "quota")
    asked = retry_after(headers) if headers else 0.0
    return JobError(kind, message, code, tries=TRIES.get(status, 0) if passes else 0, asked=asked)


def retry_after(headers: http.client.HTTPMessage) -> float:
    """How many seconds the server wants to be left alone; a date is compared with the server's own clock."""
    text = headers.get("Retry-After", "").strip()
    if text.isdigit():
        return float(text)
    until, now = (email.utils.parsedate_tz(when) for when in (text, headers.get("Date", "")))
    return max(0.0, email.utils.mktime_tz(until) - email.utils.mktime_tz(now) + 1) if until and now else 0.0


def form(fields: dict[str, Any], files: dict[str, list[str]]) -> tuple[bytes, str]:
    """A multipart form, and its content type."""
    edge = uuid.uuid4().hex
    parts = []
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value)
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode())
    for name, paths in files.items():
        for path in map(Path, paths):
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            head = (
                f'Content-Disposition: form-data; name="{name}"; filename="{path.name}"\r\nContent-Type: {kind}\r\n\r\n'
            )
            parts.append(head.encode() + path.read_bytes())
    body = b"".join(b"--%s\r\n%s\r\n" % (edge.encode(), part) for part in parts)
    return body + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


def events(answer: http.client.HTTPResponse) -> Iterator[dict[str, Any]]:
    """The events of a stream, as they come. Comments are skipped, and half an event at the end is none."""
    data: list[str] = []
    for raw in answer:
        line = raw.decode("utf-8").rstrip("\r\n")
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            text = "\n".join(data)
            data.clear()
            if text != "[DONE]":
                yield json.loads(text)


class Client:
    """One job. `scale` divides all waits; it is 1 outside of tests."""

    def __init__(self, base_url: str, key: str, *, scale: float = 1.0) -> None:
        self.base_url, self.key, self.scale = base_url, key, scale
        self.request_ids: list[str] = []

    def open(self, method: str, url: str, body: bytes | None, headers: dict[str, str]) -> http.client.HTTPResponse:
        """Send a request; its answer, of which the body is still to be read."""
        parts = urlsplit(url)
        made = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = made(parts.netloc, timeout=max(TIMEOUT_S / self.scale, LEAST_TIMEOUT_S))
        connection.request(method, f"{parts.path}?{parts.query}".removesuffix("?"), body, headers)
        answer = connection.getresponse()
        if name := answer.headers.get("x-request-id"):
            self.request_ids.append(name)  # what the support asks for
        return answer

    def ask(self, job: dict[str, Any]) -> list[bytes]:
        """Order the images; again only after an error that says that nothing was made."""
        body, kind = json.dumps(job["request"]).encode(), "application/json"
        if job["content"] == "multipart":
            body, kind = form(job["request"], job["files"])
        for attempt in count():
            try:
                return self.ask_once(job, body, kind)
            except JobError as error:
                if attempt >= error.tries:
                    raise
                wait = max(min(2.0**attempt, 16) * random.uniform(1, 1.25), error.asked * 1.02)
                if wait > MOST_WAIT_S:
                    raise
                time.sleep(wait / self.scale)
        return []

    def ask_once(self, job: dict[str, Any], body: bytes, kind: str) -> list[bytes]:
        """One request, and the images that it brings. Raises JobError for all that can go wrong."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        try:
            answer = self.open(job["method"], self.base_url + job["path"], body, headers)
            if answer.status == OK and answer.headers.get_content_type() == "text/event-stream":
                entries = self.completed(events(answer))
            else:
                entries = self.entries(answer)
        except ConnectionRefusedError as error:
            raise JobError("network", str(error), tries=4) from error
        except TimeoutError as error:
            raise JobError("timeout", "no answer came in time; the images are billed if they were made") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise JobError("network", f"no whole answer came, it may be billed: {type(error).__name__}") from error
        return [self.image(entry) for entry in entries]

    def entries(self, answer: http.client.HTTPResponse) -> list[Any]:
        """What stands for images in an answer that comes at once."""
        data = answer.read()
        try:
            body = json.loads(gzip.decompress(data) if answer.headers.get("Content-Encoding") == "gzip" else data)
        except (ValueError, EOFError, zlib.error):
            body = None
        if error := error_in(answer.status, body, answer.headers):
            raise error
        found = body.get("data") if isinstance(body, dict) else None
        if not isinstance(found, list) or not found:
            raise JobError("upstream", "a success without images")
        return found

    def completed(self, stream: Iterator[dict[str, Any]]) -> list[Any]:
        """The whole images of a stream; the partial ones are for showing only."""
        found = []
        for event in stream:
            error = error_in(OK, event) or (
                JobError("upstream", "the stream failed") if event.get("type") == "error" else None
            )
            if error:
                raise error
            if str(event.get("type", "")).endswith(".completed"):
                found.append(event)
        if not found:
            raise JobError("upstream", "the stream ended without an image")
        return found

    def image(self, entry: object) -> bytes:
        """The bytes of an image, from base64 with or without the head of a data URL, or from a URL."""
        parts = entry if isinstance(entry, dict) else {}
        if isinstance(parts.get("b64_json"), str):
            try:
                return base64.b64decode(parts["b64_json"].rpartition(",")[2], validate=True)
            except binascii.Error as error:
                raise JobError("upstream", f"an image that is no base64: {error}") from error
        if isinstance(parts.get("url"), str):
            return self.download(parts["url"])
        raise JobError("upstream", "an entry without an image")

    def download(self, url: str) -> bytes:
        """Fetch an image, without the key; again when it does not come whole."""
        problem = ""
        for attempt in range(DOWNLOADS):
            time.sleep((2.0**attempt - 1) / self.scale)
            try:
                answer = self.open("GET", url, None, {})
                data = answer.read()
            except (OSError, http.client.HTTPException) as error:
                problem = f"{type(error).__name__}: {error}"
                continue
            problem = f"HTTP {answer.status}"
            if answer.status == OK and any(
                data.startswith(start) and data.endswith(end) for start, end in ENDS.values()
            ):
                return data
        raise JobError("upstream", f"a result can't be fetched: {problem}")


def require_all(images: list[bytes], job: dict[str, Any]) -> None:
    """Raises JobError for images that are too few, cut, or of another format or size than was asked for."""
    wanted = job["request"].get("output_format") or "png"
    start, end = ENDS[wanted]
    for data in images:
        if not data.startswith(start) or not data.endswith(end):
            raise JobError(
                "upstream", f"expected a whole {wanted}, got {len(data)} bytes that begin with {data[:12]!r}"
            )
        width, height = struct.unpack(">II", data[16:24])  # where a PNG has them
        if wanted == "png" and job["size"] and f"{width}x{height}" != job["size"]:
            raise JobError("upstream", f"expected {job['size']}, got {width}x{height}")
    if len(images) < job["images"]:
        raise JobError("upstream", f"{len(images)} of {job['images']} images came")


def do(job: dict[str, Any], client: Client, out: Path) -> dict[str, Any]:
    """Do one job; what became of it."""
    try:
        images = client.ask(job)
        require_all(images, job)
        for number, image in enumerate(images):
            (out / f"{job['scenario']}-{number}.{job['request'].get('output_format') or 'png'}").write_bytes(image)
        told = {"outcome": "done", "images": [{"sha256": hashlib.sha256(image).hexdigest()} for image in images]}
    except JobError as error:
        told = {"outcome": "failed", "error": error.told}
    return told | {"request_ids": client.request_ids}


def main() -> int:
    """Do the job of the environment. Exit code 0: done, 2: failed, 64: not for this client."""
    job = json.loads(Path(os.environ["IMAGEPROOF_JOB"]).read_text(encoding="utf-8"))
    told: dict[str, Any] = {"outcome": "unsupported"}
    if job["provider"] in PROVIDERS:
        scale = float(os.environ.get("IMAGEPROOF_TIME_SCALE", "1"))
        client = Client(os.environ["IMAGEPROOF_BASE_URL"], os.environ["IMAGEPROOF_API_KEY"], scale=scale)
        told = do(job, client, Path(os.environ["IMAGEPROOF_OUT"]))
    Path(os.environ["IMAGEPROOF_RESULT"]).write_text(json.dumps(told), encoding="utf-8")
    return {"done": 0, "failed": 2}.get(told["outcome"], 64)


if __name__ == "__main__":
    sys.exit(main())
