"""A contract as plain JSON values: everything that the frozen values hold, under their own names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING

from imageproof.specs.facts import Rule, Source
from imageproof.specs.template import Template

if TYPE_CHECKING:
    from imageproof.specs.model import JsonTree, Spec


def as_json(value: object) -> JsonTree:
    """Frozen values as JSON: a rule is its id, a template is its tree. Raises TypeError for what no contract holds."""
    match value:
        case Enum():
            return str(value.value)
        case None | bool() | int() | float() | str():
            return value
        case Rule():
            return value.id
        case Template():
            return value.tree
        case Mapping():
            return {_key(key): as_json(item) for key, item in value.items()}
        case frozenset():
            return sorted((as_json(item) for item in value), key=str)
        case Iterable():
            return [as_json(item) for item in value]
        case _:
            return {name: as_json(getattr(value, name)) for name in _names(value)}


def _key(key: object) -> str:
    return ",".join(key) if isinstance(key, tuple) else str(key)


def _names(value: object) -> list[str]:
    if not is_dataclass(value):
        raise TypeError(f"expected a value of a contract, got {type(value).__name__}")
    return [field.name for field in fields(value)]


def source_as_json(spec: Spec, source: Source) -> dict[str, JsonTree]:
    """How something is known: the page, if there is one, and the place in it or the reason."""
    page = spec.sources.get(source.tag or "")
    where: dict[str, JsonTree] = {"title": page.title, "url": page.url, "seen": page.seen} if page else {}
    return {"how": source.how.value, "tag": source.tag, "place": source.place, **where}


def rule_as_json(spec: Spec, rule: Rule) -> dict[str, JsonTree]:
    """Everything about one rule."""
    return {
        "id": rule.id, "level": rule.level.value, "sentence": rule.sentence, "field": rule.field,
        "source": source_as_json(spec, rule.source), "error": rule.error, "message": rule.message, "note": rule.note,
        "contradicts": [
            {"says": item.says, "source": source_as_json(spec, item.source)} for item in rule.contradicts
        ],
        "kind": {"is": type(rule.kind).__name__, **_fields(rule.kind)},
        "file": rule.mark.file, "line": rule.mark.line, "column": rule.mark.column,
    }  # fmt: skip


def _fields(value: object) -> dict[str, JsonTree]:
    out = as_json(value)
    return out if isinstance(out, dict) else {}
