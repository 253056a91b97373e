"""The rules that hold for every provider, from `general.yaml`, under the name of each spec."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from imageproof.specs.contract import Statement, Topic
from imageproof.specs.facts import How, Level, Rule, Source
from imageproof.specs.nodes import read_file
from imageproof.specs.reading import child, entries, text_of

if TYPE_CHECKING:
    from imageproof.specs.model import Model, Tasks
    from imageproof.specs.nodes import Node

FILE = Path(__file__).parent / "general.yaml"


@cache
def _entries() -> tuple[tuple[str, Node], ...]:
    return tuple(entries(read_file(FILE)))


def _text(node: Node, key: str) -> str:
    found = child(node, key)
    return text_of(found) if found is not None else ""


def _source(text: str) -> Source:
    how, _, place = text.partition(": ")
    return Source(how=How(how), tag=None, place=place)


def general_rules(name: str, tasks: Tasks | None, models: tuple[Model, ...]) -> tuple[Rule, ...]:
    """The general rules that make sense for a spec of this name, all of level MUST; ids are `<spec>/general/<slug>`."""
    has = {"all"} | ({"tasks"} if tasks else set()) | ({"tokens"} if any(model.tokens for model in models) else set())
    return tuple(
        Rule(
            id=f"{name}/{Topic.GENERAL}/{slug}",
            level=Level.MUST,
            source=_source(_text(node, "source")),
            kind=Statement(topic=Topic.GENERAL),
            sentence=_text(node, "says"),
            mark=node.mark,
        )
        for slug, node in _entries()
        if _text(node, "for") in has
    )
