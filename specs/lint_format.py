"""A merged tree against the format, and the part of a broken tree that can still be read.

Laws: a null that removes nothing is a mistake; what is cut out is named, so that its absence is not told as a mistake.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from math import isfinite
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from imageproof.specs.format import check_format
from imageproof.specs.format_wording import keys_in
from imageproof.specs.lint_subject import located
from imageproof.specs.nodes import Mapping, Scalar, Sequence, at, merge, plain
from imageproof.specs.problems import Problem, did_you_mean, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jsonschema import Draft202012Validator, ValidationError

    from imageproof.specs.format_wording import JsonSchema
    from imageproof.specs.lint_subject import Path
    from imageproof.specs.nodes import Node
    from imageproof.specs.problems import Mark

SCHEMA = FilePath(__file__).with_name("format.schema.json")
NOT_MERGED = ("extends", "profiles")
ROUNDS = 12
"""How often a tree is cut: each cut can leave a mapping without a key that it needs."""

STAND_INS: dict[str, str | int] = {
    "imageproof": 1,
    "provider": "spec",
    "title": "a provider",
    "base_url": "https://example.com",
}
"""Values of the top that nothing else depends on, for files in which they are missing or wrong."""

JSON_NULLS: tuple[Path, ...] = (
    ("errors", "envelope"),
    ("errors", "answers", "*", "envelope"),
    ("errors", "answers", "*", "extra"),
    ("errors", "answers", "*", "code"),
    ("errors", "answers", "*", "param"),
    ("tasks", "failures", "*", "code"),
    ("operations", "*", "envelope"),
    ("operations", "*", "answer", "body"),
    ("operations", "*", "answer", "by_phase"),
    ("operations", "*", "stream", "*", "data"),
    ("webhooks", "body"),
)
"""Where a null is the null of JSON; `*` is any key. Everywhere else it removes a key that is inherited."""


@cache
def format_schema() -> JsonSchema:
    """The JSON Schema of a spec file."""
    schema: JsonSchema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    return schema


def parts(tree: Mapping) -> dict[str | None, Mapping]:
    """The tree of each profile by name, merged; the tree alone under None where there are no profiles."""
    base = _without(tree, NOT_MERGED)
    profiles = tree.entries.get("profiles")
    if not isinstance(profiles, Mapping):
        return {None: base}
    merged = {name: merge(base, over) for name, over in profiles.entries.items()}
    return {name: part for name, part in merged.items() if isinstance(part, Mapping)} or {None: base}


def _without(tree: Mapping, keys: tuple[str, ...]) -> Mapping:
    return Mapping(tree.mark, {key: node for key, node in tree.entries.items() if key not in keys}, tree.key_marks)


def without_nulls(tree: Mapping) -> tuple[Mapping, list[Problem]]:
    """The tree without nulls that had nothing to remove, and a problem for each of them."""
    problems: list[Problem] = []
    stripped = _stripped(tree, (), problems)
    return (stripped if isinstance(stripped, Mapping) else tree), problems


def _stripped(node: Node, path: Path, problems: list[Problem]) -> Node:
    if not isinstance(node, Mapping) or any(_fits(path, pattern) for pattern in JSON_NULLS):
        return node
    entries = {}
    for key, value in node.entries.items():
        inner = (*path, key)
        if isinstance(value, Scalar) and value.value is None and not any(_fits(inner, each) for each in JSON_NULLS):
            problems.append(_idle(node.key_marks[key], key, ()))
        else:
            entries[key] = _stripped(value, inner, problems)
    return Mapping(node.mark, entries, node.key_marks)


def _fits(path: Path, pattern: Path) -> bool:
    return len(path) >= len(pattern) and all(each in ("*", key) for key, each in zip(path, pattern, strict=False))


def _idle(mark: Mark, key: str, known: tuple[str, ...]) -> Problem:
    hint = did_you_mean(key, known) or "leave the key out"
    return Problem(mark, f"null removes an inherited key, and no {key!r} is inherited here", hint=hint)


def idle_nulls(base: Node | None, over: Node) -> Iterator[Problem]:
    """A problem for each null in `over`, which is merged over `base`, that finds nothing to remove."""
    if not isinstance(over, Mapping) or not isinstance(base, Mapping):
        return
    for key, value in over.entries.items():
        if isinstance(value, Scalar) and value.value is None:
            if key not in base.entries:
                yield _idle(over.key_marks[key], key, tuple(base.entries))
        else:
            yield from idle_nulls(base.entries.get(key), value)


def format_problems(tree: Mapping) -> list[Problem]:
    """Every place where a tree that has been merged with what it extends breaks the format, in any of its profiles."""
    schema = format_schema()
    profiles = tree.entries.get("profiles")
    found: list[Problem] = []
    if profiles is not None:
        found += check_format(_shell(tree, profiles), schema)
    for over in profiles.entries.values() if isinstance(profiles, Mapping) else ():
        found += idle_nulls(tree, over)
    for part in parts(tree).values():
        stripped, idle = without_nulls(part)
        found += [*idle, *check_format(stripped, schema)]
    return list(dict.fromkeys(found))


def _shell(tree: Mapping, profiles: Node) -> Mapping:
    """The profiles alone, in a tree that needs nothing else; the nulls in them have something to remove."""
    kept = {key: node for key, node in tree.entries.items() if key in ("imageproof", "provider")}
    if isinstance(profiles, Mapping):
        stripped = {
            name: without_nulls(over)[0] if isinstance(over, Mapping) else over
            for name, over in profiles.entries.items()
        }
        profiles = Mapping(profiles.mark, stripped, profiles.key_marks)
    return Mapping(tree.mark, {**kept, "profiles": profiles}, tree.key_marks)


@dataclass(frozen=True, slots=True)
class _Edit:
    """What to do with the entry at a path: rename its key, put another value there, or else take it out.

    `is_loss` says whether something that means something is taken out.
    """

    key: str | None = None
    value: Node | None = None
    is_loss: bool = True

    @property
    def is_removal(self) -> bool:
        """Whether nothing is left at the path."""
        return self.key is None and self.value is None


REMOVAL = _Edit()


def readable(tree: Mapping) -> tuple[Mapping | None, frozenset[Path]]:
    """The part of one profile's tree that keeps the format, and the paths that were taken out; None if nothing is left.

    A key or a word that is nearly right is read as the right one, so that its mistake does not hide others.
    """
    lost = {path for path, scalar in located(tree) if isinstance(scalar.value, float) and not isfinite(scalar.value)}
    tree = _with_stand_ins(taken_out(tree, lost))
    for _ in range(ROUNDS):
        edits = {path: edit for failure in _failures(tree) for path, edit in _edits(failure, tree)}
        repairs = {path: edit for path, edit in edits.items() if not edit.is_removal}
        if not edits:
            return tree, frozenset(lost)
        if () in edits and not repairs:
            break
        lost |= set() if repairs else {path for path, edit in edits.items() if edit.is_loss}
        edits = repairs or edits  # a key that is read as the right one may be the one that is missing
        edited = _edited(tree, (), edits)
        tree = edited if isinstance(edited, Mapping) else tree
    return None, frozenset(lost)


def _with_stand_ins(tree: Mapping) -> Mapping:
    entries, marks = dict(tree.entries), dict(tree.key_marks)
    for key, value in STAND_INS.items():
        schema = {**format_schema(), "required": [key], "else": True}
        alone = Mapping(tree.mark, {name: node for name, node in entries.items() if name == key}, marks)
        if not _validator().evolve(schema=schema).is_valid(plain(alone)):
            entries[key] = Scalar(marks.setdefault(key, tree.mark), value)
    return Mapping(tree.mark, entries, marks)


def taken_out(tree: Mapping, paths: set[Path]) -> Mapping:
    """The tree without what stands at these paths."""
    edited = _edited(tree, (), dict.fromkeys(paths, REMOVAL))
    return edited if isinstance(edited, Mapping) else tree


@cache
def _validator() -> Draft202012Validator:
    from jsonschema import Draft202012Validator  # noqa: PLC0415  (takes longer to import than all the rest of specs)

    return Draft202012Validator(dict(format_schema()))


def _failures(tree: Mapping) -> list[ValidationError]:
    return list(_validator().iter_errors(plain(tree)))


def _edits(failure: ValidationError, tree: Mapping) -> Iterator[tuple[Path, _Edit]]:
    path: Path = tuple(failure.absolute_path)
    holder = at(tree, path)
    near = _near_word(failure)
    if failure.validator == "additionalProperties" and isinstance(holder, Mapping):
        schema = failure.schema if isinstance(failure.schema, dict) else {}
        known = keys_in(schema, format_schema())
        absent = [name for name in known if name not in holder.entries]
        yield from (
            ((*path, key), _Edit(key=nearest(key, absent), is_loss=False)) for key in holder.entries if key not in known
        )
    elif isinstance(holder, Mapping) and isinstance(failure.instance, str):  # it is the key that is wrong
        yield (*path, failure.instance), _Edit(key=near)
    else:
        yield path, _Edit(value=Scalar(holder.mark, near) if near else None)


def _near_word(failure: ValidationError) -> str | None:
    """The word of a closed list that was most likely meant."""
    if (
        failure.validator != "enum"
        or not isinstance(failure.instance, str)
        or not isinstance(failure.validator_value, list)
    ):
        return None
    return nearest(failure.instance, [word for word in failure.validator_value if isinstance(word, str)])


def _edited(node: Node, path: Path, edits: dict[Path, _Edit]) -> Node:
    match node:
        case Mapping(mark=mark, entries=entries, key_marks=key_marks):
            kept: dict[str, Node] = {}
            marks: dict[str, Mark] = {}
            for key, value in entries.items():
                edit = edits.get((*path, key))
                if edit and edit.is_removal:
                    continue
                name = edit.key if edit and edit.key else key
                kept[name] = edit.value if edit and edit.value else _edited(value, (*path, key), edits)
                marks[name] = key_marks[key]
            return Mapping(mark, kept, marks)
        case Sequence(mark=mark, items=items):
            changed = [
                (edits.get((*path, index)), _edited(item, (*path, index), edits)) for index, item in enumerate(items)
            ]
            kept_items = ((edit.value if edit else item) for edit, item in changed)
            return Sequence(mark, tuple(item for item in kept_items if item is not None))
        case Scalar():
            return node
