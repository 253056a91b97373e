"""Server-sent events as values, read as the HTML standard says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from imageproof.specs.model import JsonTree


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event: its name (`message` when it has none), and its data as JSON; `broken` says why it is none."""

    name: str
    tree: JsonTree
    broken: str | None = None


def read_events(body: bytes) -> list[Event]:
    """The events of a whole stream. A last event without its empty line was cut off, and does not count."""
    out: list[Event] = []
    name, data = "", list[str]()
    text = body.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for line in text.split("\n")[:-1]:
        if not line:
            if data:
                out.append(_event(name, "\n".join(data)))
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)
    return out


def _event(name: str, data: str) -> Event:
    if data == "[DONE]":
        return Event(name=name or "message", tree=data)
    try:
        return Event(name=name or "message", tree=orjson.loads(data))
    except orjson.JSONDecodeError as error:
        return Event(name=name or "message", tree=None, broken=f"its data is not JSON: {error}")
