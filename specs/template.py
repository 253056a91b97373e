"""Templates of bodies: YAML in, JSON bytes out, compiled once.

A text that is one placeholder (`"{task.created}"`) keeps the value's own JSON type; anything else is text. Directives:
`{$each: T}` repeats T for each image, `{$json: T}` writes T as a text that holds JSON, `{$switch: NAME, a: T, b: T}`
picks by
value, and a key that ends in `?` is left out when its value is null.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from imageproof.specs.model import JsonTree

    Context = Mapping[str, object]
    Part = bytes | Callable[[Context], bytes]

PLACEHOLDER = re.compile(r"\{\{|\}\}|\{([a-z_][a-zA-Z0-9_.]*)\}")

ID_PART = re.compile(r"\{(hex|alnum)([0-9]+)\}|\{uuid\}")  # what is drawn of an id
URL_PART = re.compile(r"\{(hex|task|index|ext)\}")  # what the URL of a result says of it

VARIABLES: dict[str, str] = {
    "now": "integer",
    "now.ms": "integer",
    "model": "string",
    "state": "state",
    "request_id": "string",
    "task.id": "string",
    "task.hex": "string",
    "task.created": "integer",
    "task.created_ms": "integer",
    "task.completed": "integer",
    "task.completed_ms": "integer",
    "task.expires": "integer",
    "task.progress": "progress",
    "task.position": "integer",
    "task.credits": "number",
    "task.cost_usd": "number",
    "task.alias": "string",
    "task.base": "url",
    "image.url": "url",
    "image.base64": "base64",
    "image.index": "integer",
    "image.size": "string",
    "image.format": "string",
    "partial.index": "integer",
    "failure.code": "any",
    "failure.message": "string",
    "code": "any",
    "message": "string",
    "type": "string",
    "param": "string",
    "status": "integer",
    "field": "string",
    "value": "string",
    "reason": "string",
    "retry_after": "integer",
    "usage.input_tokens": "integer",
    "usage.text_tokens": "integer",
    "usage.image_tokens": "integer",
    "usage.output_tokens": "integer",
    "usage.total_tokens": "integer",
    "account.credits": "number",
    "account.usd": "number",
    "account.used_credits": "number",
    "account.used_usd": "number",
    "file.id": "string",
    "file.url": "url",
    "file.type": "string",
    "file.bytes": "integer",
    "limit.per_minute": "integer",
    "limit.remaining": "integer",
    "limit.reset": "integer",
    "limit.bucket": "string",
    "webhook.id": "string",
    "webhook.timestamp": "integer",
    "webhook.event": "string",
    "webhook.signature": "string",
    "webhook.body": "string",
}
"""Every placeholder that a template may hold, with the JSON type of its value.

`request.FIELD` is the field as asked for.
"""


def placeholders(tree: JsonTree) -> Iterator[str]:
    """Yield the name of each placeholder and each `$switch` of a template, in the order in which they stand."""
    if isinstance(tree, str):
        yield from (match[1] for match in PLACEHOLDER.finditer(tree) if match[1])
    elif isinstance(tree, list):
        for item in tree:
            yield from placeholders(item)
    elif isinstance(tree, dict):
        for key, item in tree.items():
            if key == "$switch" and isinstance(item, str):
                yield item
            else:
                yield from placeholders(item)


def sole_placeholder(text: str) -> str | None:
    """The name, when the text is one placeholder and nothing else."""
    match = PLACEHOLDER.fullmatch(text)
    return match[1] if match else None


def fill(text: str, context: Context) -> str:
    """Put values into a text: `{name}` is the value of that name, `{{` and `}}` are braces.

    Raises KeyError for a name that the context does not have.
    """

    def put(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        value = context[match[1]]
        return value if isinstance(value, str) else orjson.dumps(value).decode()

    return PLACEHOLDER.sub(put, text)


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled body. `tree` is what the YAML says; equal trees are equal templates."""

    tree: JsonTree
    _parts: tuple[Part, ...]

    @classmethod
    def of(cls, tree: JsonTree) -> Template:
        """Compile a tree once; `encode` then only fills in."""
        return cls(tree, tuple(_joined(_compile(tree))))

    def encode(self, context: Context) -> bytes:
        """The body as JSON bytes. Raises KeyError when the context lacks a placeholder's name."""
        return b"".join([part if type(part) is bytes else part(context) for part in self._parts])  # type: ignore[operator]

    def plain(self, context: Context) -> JsonTree:
        """The body as plain values."""
        tree: JsonTree = orjson.loads(self.encode(context))
        return tree


def _joined(parts: list[Part]) -> Iterator[Part]:
    still = b""
    for part in parts:
        if isinstance(part, bytes):
            still += part
            continue
        if still:
            yield still
            still = b""
        yield part
    if still:
        yield still


def _compile(tree: JsonTree) -> list[Part]:
    if isinstance(tree, str):
        return [_text(tree)]
    if isinstance(tree, list):
        parts: list[Part] = [b"["]
        for index, item in enumerate(tree):
            parts += [b","] * bool(index) + _compile(item)
        return [*parts, b"]"]
    if isinstance(tree, dict):
        return _object(tree)
    return [orjson.dumps(tree)]


def _text(text: str) -> Part:
    name = sole_placeholder(text)
    if name is not None:
        return lambda context: orjson.dumps(context[name])
    if PLACEHOLDER.search(text):
        return lambda context: orjson.dumps(fill(text, context))
    return orjson.dumps(text)


def _object(tree: dict[str, JsonTree]) -> list[Part]:
    if "$each" in tree:
        return [_each(Template.of(tree["$each"]))]
    if "$json" in tree:
        inner = Template.of(tree["$json"])
        return [lambda context: orjson.dumps(inner.encode(context).decode())]
    if "$switch" in tree:
        return [_switch(tree)]
    if any(key.endswith("?") for key in tree):
        return [_optional(tree)]
    parts: list[Part] = [b"{"]
    for index, (key, item) in enumerate(tree.items()):
        parts += [b"," * bool(index) + orjson.dumps(key) + b":", *_compile(item)]
    return [*parts, b"}"]


def _each(inner: Template) -> Callable[[Context], bytes]:
    def encode(context: Context) -> bytes:
        images = context["images"]
        return b"[" + b",".join([inner.encode({**context, **image}) for image in images]) + b"]"  # type: ignore[attr-defined]

    return encode


def _switch(tree: dict[str, JsonTree]) -> Callable[[Context], bytes]:
    name = str(tree["$switch"])
    cases = {key: Template.of(item) for key, item in tree.items() if not key.startswith("$")}
    other = Template.of(tree.get("$else"))
    return lambda context: cases.get(str(context[name]), other).encode(context)


def _optional(tree: dict[str, JsonTree]) -> Callable[[Context], bytes]:
    entries = [(key.removesuffix("?"), key.endswith("?"), Template.of(item)) for key, item in tree.items()]

    def encode(context: Context) -> bytes:
        pairs = [(key, item.encode(context), optional) for key, optional, item in entries]
        kept = [
            orjson.dumps(key) + b":" + value for key, value, optional in pairs if not (optional and value == b"null")
        ]
        return b"{" + b",".join(kept) + b"}"

    return encode
