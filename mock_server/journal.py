"""What was on the wire, per account: the truth about a client.

Secrets are removed when it is read, never written out.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.mock_server.accounts import Account
    from imageproof.specs.model import JsonTree

BODY_KEPT = 16_384
REDACTED = "[redacted]"

Headers = tuple[tuple[bytes, bytes], ...]
Row = tuple[
    int, float, float, float, str, str, str, Headers, bytes, int,
    int, str, dict[str, str], bytes, int, tuple[str, ...], str | None, str | None, int, str | None,
]  # fmt: skip
"""What an `Entry` holds, as it is kept: to make an entry takes five times as long, and most are never read."""


class Entry(NamedTuple):
    """One exchange. `began` and `ended` are monotonic seconds, `at` is the account's own time when it began.

    `connection` numbers the TCP connections of the mock; `fault` is what was made to go wrong, as one writes it. A
    `status` of 0 means that no answer was sent.
    """

    number: int
    began: float
    ended: float
    at: float
    method: str
    path: str
    operation: str
    request_headers: Headers
    request_body: bytes
    request_size: int
    status: int
    content_type: str
    other_headers: dict[str, str]
    response_body: bytes
    response_size: int
    rules: tuple[str, ...]
    task: str | None
    note: str | None
    connection: int = 0
    fault: str | None = None

    @property
    def response_headers(self) -> dict[str, str]:
        """The headers of the answer; put together only when somebody reads them, as most entries are never read."""
        return {"Content-Type": self.content_type, **self.other_headers} if self.content_type else self.other_headers


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret in a text."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, REDACTED)
    return text


def body_as_json(body: bytes, size: int, secret: str) -> dict[str, JsonTree]:
    """A body for JSON: as text where it is text, else as base64; says how much of it was kept."""
    out: dict[str, JsonTree] = {"size": size}
    kept = len(body)
    body = body.replace(secret.encode(), REDACTED.encode()) if secret else body
    try:
        out["text"] = body.decode()
    except UnicodeDecodeError:
        out["base64"] = base64.b64encode(body).decode()
    if size > kept:
        out["kept"] = kept
    return out


def headers_as_json(headers: Iterable[tuple[bytes, bytes]], secret: str) -> list[list[str]]:
    """Header lines as pairs, without the key."""
    return [[name.decode("latin-1"), redact(value.decode("latin-1"), [secret])] for name, value in headers]


def entry_as_json(entry: Entry, account: Account) -> dict[str, JsonTree]:
    """One exchange as JSON, without the account's key."""
    secret = account.key
    return {
        "number": entry.number,
        "began": round(entry.began, 6),
        "ended": round(entry.ended, 6),
        "at": round(entry.at, 6),
        "operation": entry.operation,
        "task": redact(entry.task, [secret]) if entry.task else None,
        "rules": list(entry.rules),
        "note": redact(entry.note, [secret]) if entry.note else None,
        "connection": entry.connection,
        "fault": redact(entry.fault, [secret]) if entry.fault else None,
        "request": {
            "method": entry.method,
            "path": redact(entry.path, [secret]),
            "headers": [[*pair] for pair in headers_as_json(entry.request_headers, secret)],
            "body": body_as_json(entry.request_body, entry.request_size, secret),
        },
        "response": {
            "status": entry.status,
            "headers": [[name, redact(value, [secret])] for name, value in entry.response_headers.items()],
            "body": body_as_json(entry.response_body, entry.response_size, secret),
        },
    }
