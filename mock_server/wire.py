"""Read a request's body: JSON or multipart, within limits, while it arrives.

Whatever comes, the result is a value or a refusal.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
from aiohttp import MultipartReader, StreamReader, web
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.multipart import BodyPartReader

from imageproof.specs.forms import Form, facts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

CHUNK = 65_536
MAX_PARTS = 1_000


class BodyRefusedError(Exception):
    """A body that can't be read. `answer` is the name of the error answer, `reason` says why."""

    def __init__(self, answer: str, reason: str, *, must_close: bool = False) -> None:
        super().__init__(reason)
        self.answer = answer
        self.reason = reason
        self.must_close = must_close


async def read_body(request: web.BaseRequest, *, limit: int, timeout_s: float) -> bytes:
    """Read the body, at most `limit` bytes, within `timeout_s` seconds. Raises BodyRefusedError."""
    length = request.content_length
    if length is not None and length > limit:
        raise BodyRefusedError(
            "body_too_large", f"the body has {length} bytes, at most {limit} are taken", must_close=True
        )
    content = request.content
    if content.is_eof() and length is not None and length <= content.total_bytes:
        return content.read_nowait() if length else b""
    try:
        async with asyncio.timeout(timeout_s):
            return await _read(content, limit)
    except TimeoutError:
        raise BodyRefusedError(
            "request_timeout", f"the body did not arrive within {timeout_s:g} s", must_close=True
        ) from None
    except (web.HTTPException, ValueError, OSError, asyncio.IncompleteReadError) as error:
        raise BodyRefusedError("invalid_body", f"the body could not be read: {error}", must_close=True) from None


async def _read(content: StreamReader, limit: int) -> bytes:
    chunks, size = [], 0
    while chunk := await content.readany():
        size += len(chunk)
        if size > limit:
            raise BodyRefusedError("body_too_large", f"the body has more than {limit} bytes", must_close=True)
        chunks.append(chunk)
    return b"".join(chunks)


def parse_json(body: bytes, content_type: str) -> dict[str, object]:
    """Read a JSON object. Raises BodyRefusedError for anything else, and for a content type that says it is none.

    curl sends JSON as `application/x-www-form-urlencoded` when it is not told better, and providers take that.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind and not kind.endswith(("/json", "+json", "/x-www-form-urlencoded", "/octet-stream")):
        raise BodyRefusedError("unsupported_media_type", f"expected application/json, got {kind}")
    if not body:
        raise BodyRefusedError("invalid_body", "the body is empty")
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyRefusedError("invalid_body", str(error)) from None
    if type(value) is not dict:
        raise BodyRefusedError("invalid_body", f"expected a JSON object, got {type(value).__name__}")
    return value


def _stored(body: bytes) -> StreamReader:
    """A body that has arrived whole, as the stream that the multipart reader wants."""
    loop = asyncio.get_running_loop()
    stream = StreamReader(BaseProtocol(loop), len(body) + 1, loop=loop)
    stream.feed_data(body)
    stream.feed_eof()
    return stream


async def parse_multipart(body: bytes, headers: Mapping[str, str]) -> Form:
    """Read a multipart form. Raises BodyRefusedError for half a form, a missing boundary, too many parts."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise BodyRefusedError(
            "unsupported_media_type", f"expected multipart/form-data, got {kind or 'no content type'}"
        )
    form = Form()
    try:
        reader = MultipartReader(headers, _stored(body))
        count = 0
        while (part := await reader.next()) is not None:
            count += 1
            if not isinstance(part, BodyPartReader) or count > MAX_PARTS:
                raise BodyRefusedError("invalid_body", f"expected at most {MAX_PARTS} plain parts")
            await _read_part(part, form)
    except (
        ValueError,
        AssertionError,
        LookupError,
        HttpProcessingError,
        web.HTTPException,
        asyncio.IncompleteReadError,
        RuntimeError,
    ) as error:
        raise BodyRefusedError("invalid_body", f"the multipart form could not be read: {error}") from None
    if not body.rstrip(b"\r\n").endswith(b"--"):
        raise BodyRefusedError("invalid_body", "the multipart form ends before its last boundary")
    return form


async def _read_part(part: BodyPartReader, form: Form) -> None:
    name = part.name
    if name is None:
        raise BodyRefusedError("invalid_body", "a part of the form has no name")
    data = bytes(await part.read(decode=False))
    if part.filename is None:
        try:
            form.texts.append((name, data.decode()))
        except UnicodeDecodeError:  # bytes without a file name: some clients upload so, and no text is of this kind
            form.files.append((name, facts_of(data, name), data))
        return
    form.files.append((name, facts_of(data, part.filename), data))
