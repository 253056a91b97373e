"""Bodies as bytes, and bytes read back as a provider reads them: what counts is what was sent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import orjson

from imageproof.specs.check import Checker, check_selector
from imageproof.specs.files import FileFacts, encode
from imageproof.specs.forms import Form, facts_of, typed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.model import Operation, Shape, Spec

MULTIPART = "multipart"
DISPOSITION = re.compile(r'\b(name|filename)="([^"]*)"')


def is_sayable(operation: Operation, body: Mapping[str, object]) -> bool:
    """Whether the operation's content can say it: JSON has no files, a form has texts and files and nothing else."""
    if operation.content == "json":
        return not any(isinstance(item, FileFacts) for value in body.values() for item in _items(value))
    return all(isinstance(item, str | int | float | FileFacts) for value in body.values() for item in _items(value))


def _items(value: object) -> list[object]:
    return value if isinstance(value, list) and value else [value]


def encode_body(operation: Operation, body: Mapping[str, object], *, boundary: str) -> tuple[str, bytes]:
    """The content type and the bytes of a body; the same body gives the same bytes.

    Raises ValueError for what can't be written, such as an image whose facts contradict each other.
    """
    if operation.content != MULTIPART:
        return "application/json", json.dumps(body, ensure_ascii=False, allow_nan=False).encode(
            "utf-8", "surrogatepass"
        )
    parts: list[bytes] = []
    for name, value in body.items():
        parts.extend(_part(name, item, boundary) for item in (value if isinstance(value, list) else [value]))
    return f"multipart/form-data; boundary={boundary}", b"".join(parts) + f"--{boundary}--\r\n".encode()


def _part(name: str, item: object, boundary: str) -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
    if isinstance(item, FileFacts):
        kind = f"image/{item.format}" if item.format in ("png", "jpeg", "webp", "gif") else "application/octet-stream"
        head += f'; filename="{item.name}.{item.format}"\r\nContent-Type: {kind}\r\n\r\n'
        return head.encode() + encode(item) + b"\r\n"
    text = item if isinstance(item, str) else json.dumps(item)
    return f"{head}\r\n\r\n{text}\r\n".encode("utf-8", "surrogatepass")


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
    at = data.find(mark)
    while at >= 0 and not data.startswith(b"--", at + len(mark)):
        start = at + len(mark) + 2
        at = data.find(b"\r\n" + mark, start)
        if at < 0:
            raise ValueError("expected a form that ends with its boundary, got one that is cut off")
        head_end = data.index(b"\r\n\r\n", start)
        head = data[start:head_end].decode("utf-8", "surrogatepass")
        content = data[head_end + 4 : at]
        names = dict(DISPOSITION.findall(head))
        if "filename" in names:
            form.files.append((names["name"], facts_of(content, names["filename"]), content))
        else:
            form.texts.append((names["name"], content.decode("utf-8", "surrogatepass")))
        at += 2
    return form


def violations(spec: Spec, operation: Operation, shape: Shape, content_type: str, data: bytes) -> list[str]:
    """The ids of the rules that these bytes break, those of the model's name first (then no others are looked at)."""
    body = as_sent(operation, shape, content_type, data)
    selector = spec.selector if shape.model in spec.models else None
    named = [found.rule.id for found in check_selector(selector, body)] if selector else []
    return named or [found.rule.id for found in Checker(shape, selector).check(body)]
