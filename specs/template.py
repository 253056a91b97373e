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
    Part = bytes | str | Callable[[Context], bytes]  # JSON, the name of a value that stands there, and what makes JSON

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

ALONE: dict[str, object] = {"images": 1}
"""What a template is given for answers with one image."""


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
    """A compiled body. `tree` is what the YAML says."""

    tree: JsonTree
    _parts: tuple[Part, ...]
    _form: bytes | None
    _names: tuple[str, ...]

    @classmethod
    def of(cls, tree: JsonTree, known: Context | None = None) -> Template:
        """Compile a tree once; `encode` then only fills in. What is `known` is filled in here, once for all."""
        parts = tuple(_joined(_compile(tree, known or {})))
        if any(callable(part) for part in parts):
            return cls(tree, parts, None, ())
        form = b"".join([b"%b" if isinstance(part, str) else part.replace(b"%", b"%%") for part in parts])  # type: ignore[union-attr]
        return cls(tree, parts, form, tuple(part for part in parts if isinstance(part, str)))

    def given(self, known: Context) -> Template:
        """The same template with these values filled in: `encode` may leave them out of its context.

        With `ALONE` among them there is one image, whose values `encode` finds beside the others.
        """
        return Template.of(self.tree, known)

    def encode(self, context: Context) -> bytes:
        """The body as JSON bytes. Raises KeyError when the context lacks a placeholder's name."""
        if self._form is not None:  # no function of our own is called for each of the values
            return self._form % tuple(map(orjson.dumps, map(context.__getitem__, self._names)))
        return b"".join([_json(part, context) for part in self._parts])

    def plain(self, context: Context) -> JsonTree:
        """The body as plain values."""
        tree: JsonTree = orjson.loads(self.encode(context))
        return tree


def _json(part: Part, context: Context) -> bytes:
    if isinstance(part, bytes):
        return part
    return orjson.dumps(context[part]) if isinstance(part, str) else part(context)


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


def _compile(tree: JsonTree, known: Context) -> list[Part]:
    if isinstance(tree, str):
        return [_text(tree, known)]
    if isinstance(tree, list):
        parts: list[Part] = [b"["]
        for index, item in enumerate(tree):
            parts += [b","] * bool(index) + _compile(item, known)
        return [*parts, b"]"]
    if isinstance(tree, dict):
        return _object(tree, known)
    return [orjson.dumps(tree)]


def _text(text: str, known: Context) -> Part:
    name = sole_placeholder(text)
    if name is not None:
        return orjson.dumps(known[name]) if name in known else name
    names = {*placeholders(text)}
    if names <= known.keys():
        return orjson.dumps(fill(text, known))
    if names & known.keys():
        return lambda context: orjson.dumps(fill(text, {**context, **known}))
    return lambda context: orjson.dumps(fill(text, context))


def _object(tree: dict[str, JsonTree], known: Context) -> list[Part]:
    if "$each" in tree and "images" in known:
        return [b"[", *_compile(tree["$each"], known), b"]"]
    if "$each" in tree:
        return [_each(Template.of(tree["$each"], known))]
    if "$json" in tree:
        inner = Template.of(tree["$json"], known)
        return [lambda context: orjson.dumps(inner.encode(context).decode())]
    if "$switch" in tree:
        return _switch(tree, known)
    if any(key.endswith("?") for key in tree):
        return [_optional(tree, known)]
    parts: list[Part] = [b"{"]
    for index, (key, item) in enumerate(tree.items()):
        parts += [b"," * bool(index) + orjson.dumps(key) + b":", *_compile(item, known)]
    return [*parts, b"}"]


def _each(inner: Template) -> Callable[[Context], bytes]:
    def encode(context: Context) -> bytes:
        images = context["images"]
        return b"[" + b",".join([inner.encode({**context, **image}) for image in images]) + b"]"  # type: ignore[attr-defined]

    return encode


def _switch(tree: dict[str, JsonTree], known: Context) -> list[Part]:
    name = str(tree["$switch"])
    if name in known:
        return _compile(_case(tree, str(known[name])), known)
    cases = {key: Template.of(item, known) for key, item in tree.items() if not key.startswith("$")}
    other = Template.of(tree.get("$else"), known)
    return [lambda context: cases.get(str(context[name]), other).encode(context)]


def _case(tree: dict[str, JsonTree], value: str) -> JsonTree:
    return tree[value] if value in tree and not value.startswith("$") else tree.get("$else")


def _optional(tree: dict[str, JsonTree], known: Context) -> Callable[[Context], bytes]:
    entries = [
        (orjson.dumps(key.removesuffix("?")) + b":", key.endswith("?"), Template.of(item, known))
        for key, item in tree.items()
    ]

    def encode(context: Context) -> bytes:
        pairs = [(key, item.encode(context), optional) for key, optional, item in entries]
        kept = [key + value for key, value, optional in pairs if not (optional and value == b"null")]
        return b"{" + b",".join(kept) + b"}"

    return encode
