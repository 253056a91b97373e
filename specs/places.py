"""Where the values stand in an answer: the other way round from `template`, from JSON back to names.

A template says `{"output": {"image_urls": {"$each": "{image.url}"}}}`; from it follows that `image.url` is read at
output > image_urls > each. Values inside a text (`"img-{task.id}"`) are not read back.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import orjson

from imageproof.specs.template import sole_placeholder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imageproof.specs.model import JsonTree, Operation, Phase
    from imageproof.specs.template import Template


class Step(Enum):
    """Steps that are no key: every entry of an array, and the JSON inside a text."""

    EACH = "each"
    JSON = "json"


Path = tuple[str | int | Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One placeholder of a template and the way to it."""

    name: str
    path: Path


def places(tree: JsonTree, at: Path = ()) -> Iterator[Place]:
    """Every placeholder that is a whole value of its own, with its path."""
    if isinstance(tree, str):
        name = sole_placeholder(tree)
        if name is not None:
            yield Place(name=name, path=at)
    elif isinstance(tree, list):
        for index, item in enumerate(tree):
            yield from places(item, (*at, index))
    elif isinstance(tree, dict):
        yield from _inside(tree, at)


def _inside(tree: dict[str, JsonTree], at: Path) -> Iterator[Place]:
    if "$each" in tree:
        yield from places(tree["$each"], (*at, Step.EACH))
    elif "$json" in tree:
        yield from places(tree["$json"], (*at, Step.JSON))
    elif "$switch" in tree:
        for key, item in tree.items():
            if key != "$switch":
                yield from places(item, at)
    else:
        for key, item in tree.items():
            yield from places(item, (*at, key.removesuffix("?")))


def values_at(body: object, path: Path) -> Iterator[object]:
    """The values at a path; none where the way ends before."""
    if not path:
        yield body
        return
    for item in _next(body, path[0]):
        yield from values_at(item, path[1:])


def _next(body: object, step: str | int | Step) -> Iterator[object]:
    """What one step leads to."""
    match step:
        case Step.EACH:
            yield from body if isinstance(body, list) else ()
        case Step.JSON:
            yield from _json(body)
        case int():
            yield from body[step : step + 1] if isinstance(body, list) else ()
        case str():
            yield from (body[step],) if isinstance(body, dict) and step in body else ()


def _json(text: object) -> Iterator[object]:
    if not isinstance(text, str):
        return
    try:
        yield orjson.loads(text)
    except orjson.JSONDecodeError:  # no JSON where some should be: nothing can be read there
        return


def read_all(body: object, template: Template) -> dict[str, list[object]]:
    """All values of an answer by the names of the template's placeholders, nulls left out."""
    out: dict[str, list[object]] = {}
    for place in places(template.tree):
        for value in values_at(body, place.path):
            if value is not None and value not in out.setdefault(place.name, []):
                out[place.name].append(value)
    return out


def templates_of(operation: Operation) -> Mapping[Phase | None, Template]:
    """The bodies that a good answer of an operation may have, by phase; None for one without."""
    answer = operation.answer
    out: dict[Phase | None, Template] = {phase: template for phase, template in answer.by_phase.items()}  # noqa: C416  (the keys get wider)
    if answer.body is not None:
        out[None] = answer.body
    return out
