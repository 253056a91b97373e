"""Bodies as bytes, and bytes read back as a provider reads them: what counts is what was sent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, TypeGuard

import orjson

from imageproof.specs.check import Checker, check_selector
from imageproof.specs.files import FileFacts, encode
from imageproof.specs.forms import Form, facts_of, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.model import Operation, Shape, Spec

MULTIPART = "multipart"
IMAGES = frozenset({"png", "jpeg", "webp", "gif"})
DISPOSITION = re.compile(r'\b(name|filename)="([^"]*)"')


def upload_bytes(body: Mapping[str, object]) -> int:
    """How many bytes of images a body holds."""
    items = (item for value in body.values() for item in (value if isinstance(value, list) else [value]))
    return sum(item.size for item in items if isinstance(item, FileFacts))


def is_sayable(operation: Operation, body: Mapping[str, object]) -> bool:
    """Whether the operation's content can say it.

    JSON has no files and no NaN, a form has texts and files and nothing else, and neither has half a character.
    """
    if operation.content == MULTIPART:
        return all(_is_part(item) for value in body.values() for item in (value if _is_list(value) else [value]))
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError):
        return False
    return True


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list) and bool(value)


def _is_part(item: object) -> bool:
    if isinstance(item, str):
        return item.isascii() or not any("\ud800" <= char <= "\udfff" for char in item)
    return isinstance(item, int | float | FileFacts)


def encode_body(operation: Operation, body: Mapping[str, object], *, boundary: str) -> tuple[str, bytes]:
    """The content type and the bytes of a body; the same body gives the same bytes.

    Raises ValueError for what can't be written, such as an image whose facts contradict each other.
    """
    if operation.content != MULTIPART:
        return "application/json", json.dumps(body, ensure_ascii=False, allow_nan=False).encode(
            "utf-8", "surrogatepass"
        )
    parts = [
        _part(name, item) for name, value in body.items() for item in (value if isinstance(value, list) else [value])
    ]
    while any(boundary.encode() in piece for part in parts for piece in part):
        boundary += "x"
    mark, end = f"--{boundary}\r\n".encode(), f"--{boundary}--\r\n".encode()
    pieces = [piece for head, content in parts for piece in (mark, head, content, b"\r\n")]
    return f"multipart/form-data; boundary={boundary}", b"".join((*pieces, end))


def _part(name: str, item: object) -> tuple[bytes, bytes]:
    """The head and the content of a part, apart: an upload of tens of megabytes is copied once only."""
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if isinstance(item, FileFacts):
        kind = f"image/{item.format}" if item.format in IMAGES else "application/octet-stream"
        head += f'; filename="{_quoted(item.name)}.{item.format}"\r\nContent-Type: {kind}\r\n\r\n'
        return head.encode("utf-8", "surrogatepass"), encode(item)
    text = item if isinstance(item, str) else json.dumps(item)
    return f"{head}\r\n\r\n".encode("utf-8", "surrogatepass"), text.encode("utf-8", "surrogatepass")


def _quoted(name: str) -> str:
    """A name within quotes, as browsers write it."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def as_sent(operation: Operation, shape: Shape | None, content_type: str, data: bytes) -> dict[str, object]:
    """The body as a provider reads it from these bytes. Raises ValueError for bytes that are no JSON object or form."""
    if operation.content != MULTIPART:
        tree = orjson.loads(data)
        if not isinstance(tree, dict):
            raise ValueError(f"expected a JSON object, got {type(tree).__name__}")
        return tree
    form = _form(content_type, data)
    if shape is None:
        return dict(form.texts)
    return typed(form, shape)[0]


def _form(content_type: str, data: bytes) -> Form:
    """The parts of a form, cut at its boundary: uploads may be of tens of megabytes, so nothing is copied twice."""
    boundary = content_type.partition("boundary=")[2].strip('"').encode()
    mark = b"--" + boundary
    form = Form()
    at = data.find(mark) if boundary else -1
    if at < 0:
        raise ValueError("expected a form with the boundary of its content type, got none")
    while not data.startswith(b"--", at + len(mark)):
        start = at + len(mark) + 2
        at = data.find(b"\r\n" + mark, start)
        head_end = data.find(b"\r\n\r\n", start, at)
        if at < 0 or head_end < 0:
            raise ValueError("expected a form that ends with its boundary, got one that is cut off")
        _add_part(form, data[start:head_end], data[head_end + 4 : at])
        at += 2
    return form


def _add_part(form: Form, head: bytes, content: bytes) -> None:
    names: dict[str, str] = dict(DISPOSITION.findall(head.decode("utf-8", "surrogatepass")))
    if "name" not in names:
        raise ValueError("expected a name for each part of a form, got a part without one")
    text = None if "filename" in names else _text_of(content)
    if text is None:
        form.files.append((names["name"], facts_of(content, names.get("filename", names["name"])), content))
    else:
        form.texts.append((names["name"], text))


def _text_of(content: bytes) -> str | None:
    """The text of a part; bytes that are none count as an upload, as some clients send these without a file name."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def violations(spec: Spec, operation: Operation, shape: Shape, content_type: str, data: bytes) -> list[str]:
    """The ids of the rules that these bytes break, those of the model's name first (then no others are looked at)."""
    body = as_sent(operation, shape, content_type, data)
    selector = spec.selector if shape.model in spec.models else None
    named = [found.rule.id for found in check_selector(selector, body)] if selector else []
    return named or [found.rule.id for found in Checker(shape, selector).check(body)]
