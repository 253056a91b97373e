"""The journal of an account as a HAR file, which browsers and proxies read. The key is removed."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from harfile import Content, Creator, HarFile, PostData, Record, Request, Response, Timings

from imageproof.mock_server.journal import body_as_json, headers_as_json, redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.journal import Entry
    from imageproof.mock_server.service import Service

HTTP = "HTTP/1.1"


def as_har(account: Account, service: Service) -> str:
    """The HAR text of all exchanges that the journal still holds."""
    out = io.StringIO()
    comment = f"{account.journal.dropped} older exchanges were dropped" if account.journal.dropped else None
    with HarFile.open(out, creator=Creator(name="imageproof mock", version=service.provider), comment=comment) as har:
        for entry in account.journal:
            request, response = _request(entry, account.key), _response(entry, account.key)
            waited = (entry.ended - entry.began) * 1000
            har.add_entry(
                startedDateTime=datetime.fromtimestamp(entry.at, UTC).isoformat(),
                time=round(waited, 3),
                request=request,
                response=response,
                timings=Timings(send=0, wait=round(waited, 3), receive=0),
                connection=str(entry.connection),
                comment=_comment(entry, account.key),
            )
    return out.getvalue()


def _comment(entry: Entry, secret: str) -> str | None:
    """The note of an exchange, and what was made to go wrong with it."""
    said = [*([entry.note] if entry.note else []), *([f"fault: {entry.fault}"] if entry.fault else [])]
    return redact("; ".join(said), [secret]) if said else None


def _lines(pairs: Iterable[Sequence[str]]) -> list[Record]:
    return [Record(name=pair[0], value=pair[1]) for pair in pairs]


def _request(entry: Entry, secret: str) -> Request:
    headers = _lines(headers_as_json(entry.request_headers, secret))
    by_name = {line.name.lower(): line.value for line in headers}
    path = redact(entry.path, [secret])
    body = body_as_json(entry.request_body, entry.request_size, secret)
    text = body.get("text")
    return Request(
        method=entry.method,
        url=f"http://{by_name.get('host', 'mock')}{path}",
        httpVersion=HTTP,
        headers=headers,
        queryString=_lines(parse_qsl(path.partition("?")[2])),
        bodySize=entry.request_size,
        postData=PostData(mimeType=by_name.get("content-type", ""), text=str(text))
        if text and entry.request_size
        else None,
    )


def _response(entry: Entry, secret: str) -> Response:
    kind = entry.response_headers.get("Content-Type", "")
    body = body_as_json(entry.response_body, entry.response_size, secret)
    text, packed = body.get("text"), body.get("base64")
    return Response(
        status=entry.status,
        statusText="",
        httpVersion=HTTP,
        redirectURL="",
        bodySize=entry.response_size,
        headers=[Record(name=name, value=redact(value, [secret])) for name, value in entry.response_headers.items()],
        content=Content(
            size=entry.response_size,
            mimeType=kind,
            text=str(text if text is not None else packed or ""),
            encoding="base64" if packed else None,
        ),
    )
