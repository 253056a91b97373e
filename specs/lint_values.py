"""What a JSON Schema can't say of a value: the order of ends, expressions that compile, the shape of tables.

Each problem comes with the path that must be left out for the rest to be read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from imageproof.specs.lint_regex import is_risky
from imageproof.specs.lint_subject import located
from imageproof.specs.nodes import Mapping, Scalar, Sequence, plain
from imageproof.specs.problems import Problem
from imageproof.specs.reading import child, entries, items, seconds, text_of, values_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.specs.lint_subject import Path
    from imageproof.specs.nodes import Node

PAIRS = ("range", "length", "items")
SINGLE, MANY, FILES = ("string", "integer", "number", "boolean"), ("strings", "files"), ("file", "files")
TYPES: dict[str, tuple[str, ...]] = {
    "one_of": SINGLE,
    "refused": SINGLE,
    "range": ("integer", "number"),
    "length": ("string",),
    "pattern": ("string",),
    "items": MANY,
    "url": ("string", "strings"),
    "pixels": ("string",),
    "file_bytes": FILES,
    "file_format": FILES,
    "file_alpha": FILES,
    "same_as": FILES,
    "downgraded": ("string",),
}
"""The types of field that each constraint can say something about."""

STEPS_BEFORE = (("auth", "limit"), ("auth", "parse"), ("parse", "rules"), ("rules", "moderation"), ("rules", "balance"))
LARGE_NUMBER = 2**53


class Misfit(NamedTuple):
    """A value that is well-formed and can't be meant, and what to leave out so that the rest can be read."""

    path: Path
    problem: Problem
    is_warning: bool = False


def check_values(tree: Mapping) -> Iterator[Misfit]:
    """Every such value of one profile's tree, which keeps the format."""
    yield from _large_numbers(tree)
    yield from _steps(tree)
    yield from _pattern(child(child(tree, "auth"), "key"), ("auth", "key"))
    for holder in ("models", "operations"):
        for name, item in entries(child(tree, holder)):
            for field, param in entries(child(item, "params")):
                yield from _param(param, (holder, name, "params", field))
    for name, model in entries(child(tree, "models")):
        yield from _outputs(model, ("models", name))
    yield from _times(child(tree, "tasks"))


def _value(node: Node | None) -> Node | None:
    inner = child(node, "is")
    return node if inner is None else inner


def _large_numbers(tree: Mapping) -> Iterator[Misfit]:
    for path, scalar in located(tree):
        if isinstance(scalar.value, int) and abs(scalar.value) > LARGE_NUMBER:
            message = "expected an integer of at most 2^53, which every reader of JSON takes"
            yield Misfit(path, Problem(scalar.mark, message, hint="put it in quotes"))


def _steps(tree: Mapping) -> Iterator[Misfit]:
    node = child(child(tree, "order"), "steps")
    if node is None:
        return
    steps = [str(value) for value in values_of(node)]
    wrong = next((pair for pair in STEPS_BEFORE if steps.index(pair[0]) > steps.index(pair[1])), None)
    if wrong is not None:
        message = f"the step {wrong[0]!r} must come before {wrong[1]!r}, which needs what it learns"
        yield Misfit(("order",), Problem(node.mark, message))


def _pattern(holder: Node | None, path: Path) -> Iterator[Misfit]:
    node = _value(child(holder, "pattern"))
    if node is None:
        return
    where = (*path, "pattern")
    text = text_of(node)
    try:
        re.compile(text)
    except (re.error, OverflowError, RecursionError) as wrong:
        yield Misfit(where, Problem(node.mark, f"expected a regular expression, got {text!r}: {wrong}"))
        return
    if is_risky(text):
        message = f"the regular expression {text!r} may take for ever on some texts, so it is not tried here"
        hint = "repeat no repetition, and at most three things"
        yield Misfit(where, Problem(node.mark, message, hint=hint), is_warning=True)


def _param(param: Node, path: Path) -> Iterator[Misfit]:
    type_node = _value(child(param, "type"))
    name = text_of(type_node) if type_node is not None else "string"
    for key, node in entries(param):
        if name not in TYPES.get(key, (name,)):
            message = f"{key!r} says nothing about a field of type {name}"
            yield Misfit((*path, key), Problem(node.mark, message, hint=f"it is for {', '.join(TYPES[key])}"))
    yield from _pattern(param, path)
    for key in PAIRS:
        yield from _rising(_value(child(param, key)), (*path, key))
    yield from _rising(_value(child(child(param, "pixels"), "budget")), (*path, "pixels", "budget"))


def _number(node: Node) -> float:
    value = plain(node)
    return value if isinstance(value, int | float) else 0


def _rising(node: Node | None, path: Path, read: Callable[[Node], float] = _number) -> Iterator[Misfit]:
    """Two ends, the first of which is not above the second."""
    ends = items(node)
    if node is None or len(ends) != 2:  # noqa: PLR2004  (one end alone is in order)
        return
    least, most = (read(end) for end in ends)
    if least > most:
        message = f"the first of the two ends is above the second: {text_of(ends[0])} and {text_of(ends[1])}"
        yield Misfit(path, Problem(node.mark, message, hint=f"write [{text_of(ends[1])}, {text_of(ends[0])}]"))


def _seconds(node: Node) -> float:
    return seconds(text_of(node))


def _outputs(model: Node, path: Path) -> Iterator[Misfit]:
    for index, row in enumerate(items(child(child(model, "timing"), "run"))):
        yield from _rising(child(row, "seconds"), (*path, "timing", "run", index))
    table = child(child(model, "pixels"), "table")
    yield from _cells(table, (*path, "pixels", "table"))
    yield from _steps_of_pixels(child(child(child(model, "tokens"), "references"), "up_to_pixels"), path)


def _cells(table: Node | None, path: Path) -> Iterator[Misfit]:
    """Rows of a table that have not as many dimensions as `by` has fields."""
    by, rows = child(table, "by"), dict(entries(child(table, "cells")))
    fields = len(items(by))
    wrong = {name: row for name, row in rows.items() if isinstance(row, Mapping) != (fields == 2)}  # noqa: PLR2004
    if by is not None and wrong and len(wrong) == len(rows):
        message = f"`by` names {fields} field{'s' * (fields > 1)}, and the cells are by {3 - fields}"
        yield Misfit(path, Problem(by.mark, message, hint="name one field for each level of `cells`"))
        return
    for name, row in wrong.items():
        wanted = "one size" if fields == 1 else "a size for each value of the second field"
        got = "one size" if isinstance(row, Scalar) else "a mapping"
        yield Misfit((*path, "cells", name), Problem(row.mark, f"expected {wanted}, got {got}"))


def _steps_of_pixels(node: Node | None, path: Path) -> Iterator[Misfit]:
    last = -1.0
    for row in items(node) if isinstance(node, Sequence) else ():
        pixels = _number(items(row)[0])
        if pixels <= last:
            message = f"expected rows with more and more pixels, got {pixels:g} after {last:g}"
            yield Misfit((*path, "tokens", "references"), Problem(row.mark, message))
        last = pixels


def _times(tasks: Node | None) -> Iterator[Misfit]:
    yield from _rising(child(child(tasks, "queue"), "wait"), ("tasks", "queue"), _seconds)
    phases = items(child(child(tasks, "polling"), "phases"))
    last = 0.0
    for index, phase in enumerate(phases):
        where = ("tasks", "polling")
        yield from _rising(child(phase, "every"), where, _seconds)
        until = child(phase, "until")
        if until is None and index < len(phases) - 1:
            yield Misfit(
                where, Problem(phase.mark, "only the last phase is without `until`", hint="say when this one ends")
            )
        elif until is not None and _seconds(until) <= last:
            message = f"this phase ends at {text_of(until)}, when the one before has not ended earlier"
            yield Misfit(where, Problem(until.mark, message))
        last = _seconds(until) if until is not None else last
