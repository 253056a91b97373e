"""What the schema's library found, as plain values; and which branch of a failed union somebody most likely meant.

A branch for another type of value was not meant. Of the others, the one with the least wrong was: a differing `kind`
weighs most, then unknown and missing keys, where a key that is nearly right weighs less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs.format_wording import JsonSchema, keys_in
from imageproof.specs.nodes import Mapping as MappingNode
from imageproof.specs.nodes import Node, at
from imageproof.specs.problems import nearest

if TYPE_CHECKING:
    from jsonschema import ValidationError

_WRONG_KIND = 8
_WRONG_KEY = 2
_WRONG = 1
_CHOICES = frozenset({"enum", "const"})
_UNIONS = frozenset({"anyOf", "oneOf"})
_CLOSED = frozenset({"additionalProperties", "unevaluatedProperties"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One keyword of a schema that a value breaks.

    `path` leads from the root of the tree to the value, its last `depth` steps from the union around it. `key` is set
    when the failure is about the name of a key, and not about the value at the path. `branches` are those of a union
    that fits nowhere.
    """

    keyword: str
    limit: object
    value: object
    schema: JsonSchema
    path: tuple[str | int, ...]
    depth: int
    key: str | None
    unevaluated: tuple[str, ...]
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One branch of a union, and everything that is wrong with a value as seen from there."""

    schema: object
    failures: tuple[Failure, ...]

    def is_for_other_type(self) -> bool:
        """Whether the branch is about another type of value, so that nothing in it needs to be told."""
        return any(_is_other_type(failure) for failure in self.failures if not failure.depth)

    def names_other_value(self) -> bool:
        """Whether the branch names the values that it allows, and this is none of them."""
        return any(failure.keyword in _CHOICES for failure in self.failures if not failure.depth)


def failure_of(error: ValidationError, root: Node) -> Failure:
    """An error of the library about the plain data of `root`, and all that it holds."""
    keyword = str(error.validator)  # "None" for a schema that is `false`
    path = tuple(error.absolute_path)
    holder = at(root, path)
    key = error.instance if isinstance(holder, MappingNode) and isinstance(error.instance, str) else None
    return Failure(
        keyword=keyword,
        limit=error.validator_value,
        value=error.instance,
        schema=error.schema if isinstance(error.schema, Mapping) else {},
        path=path,
        depth=len(error.relative_path),
        key=key,
        unevaluated=_unevaluated(error, holder) if keyword == "unevaluatedProperties" else (),
        branches=_branches_of(error, root) if keyword in _UNIONS and error.context else (),
    )


def nearest_branches(branches: list[Branch], root: JsonSchema) -> list[Branch]:
    """Those with the least wrong: one, or several that are equally far away."""
    costs = [_cost_of(branch, root) for branch in branches]
    return [branch for branch, cost in zip(branches, costs, strict=True) if cost == min(costs)]


def differing_kind(branches: list[Branch]) -> list[Failure]:
    """The failures about the one key by whose value all branches are told apart; none if there is no such key."""
    by_key = [{failure.path[-1]: failure for failure in branch.failures if _is_kind(failure)} for branch in branches]
    for key in by_key[0]:
        if len(by_key) > 1 and all(key in failures for failures in by_key):
            return [failures[key] for failures in by_key]
    return []


def _branches_of(error: ValidationError, root: Node) -> tuple[Branch, ...]:
    """The branches of a failed union, in the order of the schema."""
    schemas = error.validator_value if isinstance(error.validator_value, list) else []
    errors: list[list[ValidationError]] = [[] for _ in schemas]
    for inner in error.context or ():
        errors[int(inner.relative_schema_path[0])].append(inner)
    return tuple(
        Branch(schema=schema, failures=tuple(failure_of(inner, root) for inner in found))
        for schema, found in zip(schemas, errors, strict=True)
    )


def _unevaluated(error: ValidationError, mapping: Node) -> tuple[str, ...]:
    """The keys that no branch allows. Which branches count the library knows alone, and says in its message only."""
    keys = mapping.entries if isinstance(mapping, MappingNode) else ()
    return tuple(key for key in keys if repr(key) in error.message)


def _is_kind(failure: Failure) -> bool:
    return failure.keyword in _CHOICES and failure.depth == 1 and failure.key is None


def _is_other_type(failure: Failure) -> bool:
    if failure.key is not None:
        return False
    if failure.keyword in _CHOICES:
        choices = failure.limit if isinstance(failure.limit, list) and failure.keyword == "enum" else [failure.limit]
        return not any(type(choice) is type(failure.value) for choice in choices)
    if failure.branches:
        return all(branch.is_for_other_type() for branch in failure.branches)
    return failure.keyword == "type" or failure.schema == {}


def _cost_of(branch: Branch, root: JsonSchema) -> int:
    return sum(_cost(failure, root) for failure in branch.failures)


def _cost(failure: Failure, root: JsonSchema) -> int:
    if _is_kind(failure):
        return _WRONG_KIND
    if failure.keyword == "required":
        return _WRONG_KEY
    if failure.keyword in _CLOSED and isinstance(failure.value, Mapping):
        known = keys_in(failure.schema, root)
        unknown = [key for key in failure.value if key not in known]
        return sum(_WRONG_KEY - (nearest(key, known) is not None) for key in unknown)
    if failure.branches:
        return min(_cost_of(branch, root) for branch in failure.branches)
    return _WRONG
