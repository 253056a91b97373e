"""A tree against a JSON Schema: every error of the schema's library becomes a sentence at the right place.

The library knows paths in plain data, and its words are for its own users. Here a path becomes the mark of a key or of
a value, and an `anyOf` that fits nowhere becomes the mistakes in the branch that was most likely meant.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs.format_failures import Failure, differing_kind, failure_of, nearest_branches
from imageproof.specs.format_wording import (
    JsonSchema,
    dereferenced,
    expected,
    got,
    hint_for,
    keys,
    keys_in,
    limit_of,
    literal,
)
from imageproof.specs.nodes import Mapping, Node, Scalar, Sequence, at, mark_of_key, plain
from imageproof.specs.problems import Mark, Problem, did_you_mean

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator

_MOST_HINTS = 200
_MOST_HINTED = 12
_SCHEMAS_BY_KEY = frozenset({"properties", "patternProperties"})


def check_format(node: Node, schema: JsonSchema) -> list[Problem]:
    """Every place where a tree breaks a JSON Schema (2020-12), sorted by position; empty if it keeps it.

    References lead into the schema itself (`#/$defs/...`). A `title` in the schema is used as its noun phrase. A tree
    with infinite numbers or NaN, which JSON does not have, is checked for nothing else.
    """
    try:
        found = list(_not_in_json(node)) or _Judge(node, schema).all_problems()
    except RecursionError:
        return [Problem(node.mark, "mappings and lists are nested too deeply to be checked", hint="nest them less")]
    return sorted(dict.fromkeys(found), key=lambda problem: problem.mark)


def _validator(schema: JsonSchema) -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - takes longer to import than all the rest of specs

    return Draft202012Validator(_without_false(schema))


def _without_false(schema: JsonSchema) -> dict[str, object]:
    """The same schema with `key: false` as `key: {not: {}}`: the library does not say which key the former was."""
    return {keyword: _part_without_false(keyword, part) for keyword, part in schema.items()}


def _part_without_false(keyword: str, part: object) -> object:
    if isinstance(part, list):
        return [_part_without_false("", item) for item in part]
    if not isinstance(part, dict):
        return part
    if keyword in _SCHEMAS_BY_KEY:
        return {key: {"not": {}} if inner is False else _part_without_false("", inner) for key, inner in part.items()}
    return _without_false(part)


def _not_in_json(node: Node) -> Iterator[Problem]:
    match node:
        case Scalar(mark=mark, value=float(value)) if not math.isfinite(value):
            yield Problem(mark, f"expected a finite number, got {value}")
        case Sequence(items=items):
            for item in items:
                yield from _not_in_json(item)
        case Mapping(entries=entries):
            for item in entries.values():
                yield from _not_in_json(item)
        case Scalar():
            pass


@dataclass(frozen=True, slots=True)
class _Judge:
    """Turns failures of the plain data of `root` into problems at its marks."""

    root: Node
    schema: JsonSchema

    def all_problems(self) -> list[Problem]:
        """Everything that the library finds wrong with the tree."""
        errors = _validator(self.schema).iter_errors(plain(self.root))
        return [problem for error in errors for problem in self.problems(failure_of(error, self.root))]

    def problems(self, failure: Failure) -> list[Problem]:
        """What a failure means; several problems for several keys."""
        match failure.keyword:
            case "anyOf" | "oneOf":
                return self._no_branch(failure) if failure.branches else [self._several_branches(failure)]
            case "additionalProperties" | "unevaluatedProperties":
                return self._unknown_keys(failure)
            case "required":
                missing = [key for key in _texts(failure.limit) if key not in self._mapping(failure).entries]
                return [Problem(self._mark(failure), f"missing key{'s' * (len(missing) > 1)} {keys(missing)}")]
            case "dependentRequired":
                return self._missing_company(failure)
            case "not":
                return [self._forbidden(failure)]
            case "uniqueItems":
                return [self._repeated(failure)]
            case _:
                return [self._wrong_value(failure, failure.schema)]

    def _no_branch(self, failure: Failure) -> list[Problem]:
        """The mistakes in the nearest branch; a list of all branches where none is nearer than the others."""
        fitting = [branch for branch in failure.branches if not branch.is_for_other_type()]
        is_single = isinstance(at(self.root, failure.path), Scalar)
        if not fitting or (is_single and (len(fitting) > 1 or fitting[0].names_other_value())):
            return [self._wrong_value(failure, failure.schema)]
        if kinds := differing_kind(fitting):
            return [self._wrong_value(kinds[0], {"anyOf": [kind.schema for kind in kinds]})]
        nearest = nearest_branches(fitting, self.schema)
        first, *others = [[found for inner in branch.failures for found in self.problems(inner)] for branch in nearest]
        common = [problem for problem in first if all(problem in other for other in others)]
        return common or [self._wrong_value(failure, {"anyOf": [branch.schema for branch in nearest]})]

    def _several_branches(self, failure: Failure) -> Problem:
        wanted = expected(failure.schema, self.schema)
        return Problem(self._mark(failure), f"expected exactly one of {wanted}, got {got(failure.value)}: several fit")

    def _wrong_value(self, failure: Failure, schema: JsonSchema) -> Problem:
        """Expected what the schema says, got something else."""
        wanted = expected(schema, self.schema)
        if schema is failure.schema and failure.keyword and "title" not in schema:
            wanted = limit_of(failure.keyword, schema, self.schema) or wanted
        hint = hint_for(schema, self.schema, failure.value)
        if failure.key is not None:
            return Problem(self._mark(failure), f"expected {wanted} as a key, got {literal(failure.key)}", hint=hint)
        return Problem(self._mark(failure), f"expected {wanted}, got {got(failure.value)}", hint=hint)

    def _unknown_keys(self, failure: Failure) -> list[Problem]:
        mapping = self._mapping(failure)
        known = keys_in(failure.schema, self.schema)
        patterns = _texts(failure.schema.get("patternProperties", ()))
        unknown = failure.unevaluated or [
            key for key in mapping.entries if key not in known and not any(re.search(each, key) for each in patterns)
        ]
        return [
            Problem(
                mapping.key_marks[key],
                f"unknown key {literal(key)}",
                hint=_key_hint(key, known, mapping) if number < _MOST_HINTS else None,  # a hostile file has thousands
            )
            for number, key in enumerate(unknown)
        ]

    def _missing_company(self, failure: Failure) -> list[Problem]:
        mapping = self._mapping(failure)
        needed = failure.limit if isinstance(failure.limit, dict) else {}
        missing = {
            key: [name for name in names if name not in mapping.entries]
            for key, names in needed.items()
            if key in mapping.entries
        }
        return [
            Problem(mapping.key_marks[key], f"the key {literal(key)} needs {keys(names)} beside it")
            for key, names in missing.items()
            if names
        ]

    def _forbidden(self, failure: Failure) -> Problem:
        """Something that must not be; most often keys that exclude each other."""
        forbidden = dereferenced(failure.limit, self.schema)
        if not forbidden:
            return Problem(mark_of_key(self.root, failure.path), "nothing is allowed here")
        together = _texts(forbidden.get("required", ())) if isinstance(forbidden, dict) else []
        node = at(self.root, failure.path)
        if not isinstance(node, Mapping) or not together:
            wanted = expected(forbidden, self.schema)
            return Problem(self._mark(failure), f"expected anything but {wanted}, got {got(failure.value)}")
        mark = max(node.key_marks[key] for key in together)
        if len(together) == 1:
            return Problem(mark, f"the key {keys(together)} is not allowed here")
        return Problem(mark, f"the keys {keys(together)} exclude each other", hint="keep one of them")

    def _repeated(self, failure: Failure) -> Problem:
        node = at(self.root, failure.path)
        seen: dict[str, int] = {}
        for index, item in enumerate(node.items if isinstance(node, Sequence) else ()):
            first = seen.setdefault(json.dumps(plain(item), sort_keys=True), index)
            if first != index:
                return Problem(item.mark, f"item {index + 1} repeats item {first + 1}", hint="keep one of them")
        return Problem(node.mark, "two items of this list are equal", hint="keep one of them")  # such as 1 and 1.0

    def _mapping(self, failure: Failure) -> Mapping:
        node = at(self.root, failure.path)
        if not isinstance(node, Mapping):
            raise TypeError(f"expected a mapping at {node.mark}, where the schema speaks of keys")
        return node

    def _mark(self, failure: Failure) -> Mark:
        if failure.key is not None:
            return self._mapping(failure).key_marks[failure.key]
        return at(self.root, failure.path).mark


def _texts(values: object) -> list[str]:
    return [str(value) for value in values] if isinstance(values, Iterable) else []


def _key_hint(key: str, known: list[str], mapping: Mapping) -> str | None:
    """The nearest key that could stand there, or all of them when they are few."""
    absent = [name for name in known if name not in mapping.entries]
    if near := did_you_mean(key, absent) or did_you_mean(key, known):
        return near
    return f"known here: {', '.join(known)}" if 0 < len(known) <= _MOST_HINTED else None
