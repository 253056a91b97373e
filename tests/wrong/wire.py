"""What goes over the wire, for the clients of this folder: answers, the errors that they tell, forms, events."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import mktime_tz, parsedate_tz
from pathlib import Path
from typing import Any

EVER = float("inf")
REAPI: dict[str, Any] = {
    "poll": "/api/v1/tasks/{id}",
    "at": ("output", "image_urls"),
    "first": 30,
    "pace": ((180, 4), (EVER, 11)),
    "patience": 600,
}
TOAPIS: dict[str, Any] = {
    "poll": "/v1/images/generations/{id}",
    "at": ("result", "data"),
    "first": 5,
    "pace": ((EVER, 6),),
    "patience": 300,
}
XINGCHAOYIQING: dict[str, Any] = {
    "poll": "/v1/result/{id}",
    "at": ("image_url",),
    "first": 2,
    "pace": ((EVER, 3.2),),
    "patience": 300,
}
POLLED = {"reapi": REAPI, "toapis": TOAPIS, "xingchaoyiqing": XINGCHAOYIQING}
KINDS = {400: "invalid_request", 401: "auth", 402: "quota", 403: "auth", 404: "not_found", 422: "invalid_request"}
KINDS |= {408: "timeout", 429: "rate_limited", 504: "timeout"}
REFUSED_FOR_CONTENT = ("content policy", "content_policy", "moderation", "safety system")


class JobError(Exception):
    """The job came to no good end."""

    def __init__(self, kind: str, message: str, code: object = None) -> None:
        super().__init__(message)
        self.told = {"kind": kind, "code": None if code is None else str(code), "message": message}


class LostError(Exception):
    """No whole answer came. `sent` says whether the request may have arrived."""

    def __init__(self, message: str, *, sent: bool = True) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    data: bytes
    body: Any = field(default_factory=dict)

    def asked(self) -> float:
        """Retry-After in seconds."""
        text = self.headers.get("retry-after", "").strip()
        if text.isdigit():
            return float(text)
        until, now = (parsedate_tz(when) for when in (text, self.headers.get("date", "")))
        return max(0.0, mktime_tz(until) - mktime_tz(now) + 1) if until and now else 0.0


def error_in(reply: Reply) -> JobError | None:
    """The error that an answer tells, whatever its status is."""
    body = reply.body if isinstance(reply.body, dict) else {}
    error = body.get("error")
    if reply.status < 400 and not error and body.get("status") != "failed":
        return None
    parts = error if isinstance(error, dict) else {"message": error}
    code, message = parts.get("code", body.get("code")), str(parts.get("message") or f"HTTP {reply.status}")
    text = f"{code} {message}".lower()
    kind = KINDS.get(reply.status, "upstream")
    if any(words in text for words in REFUSED_FOR_CONTENT):
        kind = "moderation"
    elif "insufficient" in text or "quota" in text:
        kind = "quota"
    return JobError(kind, message, code)


def form(fields: Mapping[str, Any], files: Mapping[str, list[str]]) -> tuple[bytes, str]:
    """A multipart form and its content type."""
    edge, out = uuid.uuid4().hex, b""
    for name, value in fields.items():
        text = value if isinstance(value, str) else json.dumps(value)
        out += f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
    for name, paths in files.items():
        for path in map(Path, paths):
            kind = f"image/{path.suffix.removeprefix('.').replace('jpg', 'jpeg')}"
            head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{path.name}"\r\n'
            out += f"{head}Content-Type: {kind}\r\n\r\n".encode() + path.read_bytes() + b"\r\n"
    return out + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


def events_in(data: bytes) -> list[dict[str, Any]]:
    """The data of all whole server-sent events."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    out = []
    for block in text.split("\n\n")[:-1]:
        lines = [line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
        with contextlib.suppress(ValueError):
            tree = json.loads("\n".join(lines) or "{}")
            out.append(tree if isinstance(tree, dict) else {})
    return out
