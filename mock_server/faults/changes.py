"""What a fault does to the bytes of an answer. Pure functions from bytes to bytes."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.model import JsonTree

NONSENSE = "imageproof: this stands here a second time"
UNKNOWN = "imageproof_unknown"
MILLISECONDS = frozenset({"now.ms", "task.created_ms", "task.completed_ms"})
SECONDS = frozenset({"now", "task.created", "task.completed", "task.expires"})


def object_in(body: bytes) -> dict[str, JsonTree] | None:
    """The JSON object that a body is, if it is one."""
    if not body.startswith(b"{"):
        return None
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def changed(body: bytes, path: str, do: str) -> bytes | None:
    """A JSON body with one field dropped, nulled, retyped, or with an unknown one beside it.

    A list on the path means each of its items, unless the path names one by number. None: there is no such field.
    """
    tree = object_in(body)
    if tree is None:
        return None
    *above, last = path.split(".")
    found = list(_holders(tree, above, last))
    for holder in found:
        match do:
            case "drop":
                del holder[last]
            case "null":
                holder[last] = None
            case "retype":
                holder[last] = retyped(holder[last])
            case _:
                holder[UNKNOWN] = {"new": True}
    return orjson.dumps(tree) if found else None


def _holders(node: JsonTree, above: list[str], last: str) -> Iterator[dict[str, JsonTree]]:
    """The objects that hold the last field of a path."""
    if isinstance(node, list):
        if above and above[0].isdigit():
            if int(above[0]) < len(node):
                yield from _holders(node[int(above[0])], above[1:], last)
            return
        for item in node:
            yield from _holders(item, above, last)
    elif isinstance(node, dict):
        if above:
            if above[0] in node:
                yield from _holders(node[above[0]], above[1:], last)
        elif last in node:
            yield node


def retyped(value: JsonTree) -> JsonTree:
    """A value of another JSON type, as near to this one as can be."""
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            return int(value) if value.isascii() and value.isdigit() and len(value) < 16 else [value]  # noqa: PLR2004
        case list():
            return {str(index): item for index, item in enumerate(value)}
        case dict():
            return [value]
        case _:
            return 0


def garbled(body: bytes, how: str) -> bytes:
    """A JSON object that is broken in one of the ways of `Garbled`."""
    match how:
        case "truncated":
            return body[: len(body) // 2]
        case "malformed":
            return body.replace(b":", b"=", 1)
        case "charset":
            return b'{"imageproof_note":"caf\xe9",' + body[1:] if len(body) > 2 else b'{"\xe9":0}'  # noqa: PLR2004
        case "duplicate":
            twice = b",".join(orjson.dumps(key) + b":" + orjson.dumps(NONSENSE) for key in object_in(body) or {})
            return body[:-1] + (b"," + twice if twice else b"") + b"}"
        case "list":
            return b"[" + body + b"]"
        case _:
            return b""


def compressed(body: bytes, how: str) -> bytes:
    """What stands under `Content-Encoding: gzip`: good, broken (cut in the middle), or plain."""
    if how == "plain":
        return body
    packed = gzip.compress(body, mtime=0)
    return packed if how == "good" else packed[: len(packed) // 2]


def shifted(context: dict[str, object], seconds: float) -> None:
    """Move the times in the values of a template so far ahead, in place."""
    for names, factor in ((SECONDS, 1), (MILLISECONDS, 1000)):
        for name in names:
            value = context.get(name)
            if isinstance(value, int):
                context[name] = value + int(seconds * factor)
