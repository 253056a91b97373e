"""Price lists, times and token tariffs: rows that no request can have, and requests that no row covers.

Rows are found with the functions that price and time a request, so that lint and the mock can't disagree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from imageproof.specs.lint_requests import Requests, text
from imageproof.specs.lint_subject import error, warning
from imageproof.specs.nodes import Mapping as MappingNode
from imageproof.specs.outcome import duration_of, price_row
from imageproof.specs.problems import did_you_mean
from imageproof.specs.reading import child, entries, items, plain_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from imageproof.specs.kinds import Plain
    from imageproof.specs.lint_requests import Asked
    from imageproof.specs.lint_subject import Finding, Path, Subject
    from imageproof.specs.model import Model, OutputTokens
    from imageproof.specs.nodes import Node
    from imageproof.specs.problems import Mark

    When: TypeAlias = Mapping[str, tuple[Plain, ...]]


def check_tables(subject: Subject) -> Iterator[Finding]:
    """Every row of one profile that no request reaches, and every request that reaches none."""
    for model in subject.spec.models.values():
        if model.shapes and subject.is_whole("models", model.name):
            yield from _prices(subject, model)
            yield from _times(subject, model)
            yield from _tokens(subject, model)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The rows of one table: `first` gives the index of the one in force, `fits` says whether a condition holds."""

    what: str
    path: Path
    whens: tuple[When, ...]
    first: Callable[[Asked], int | None]
    fits: Callable[[When, Asked], bool]


def _prices(subject: Subject, model: Model) -> Iterator[Finding]:
    path: Path = ("models", model.name, "price")
    rows = model.prices
    if not rows and model.tokens is None:
        hint = "add `price`; what no page gives is `unpublished: true`"
        yield warning(subject.mark("models", model.name), f"{model.name!r} has no price", hint)
    if not rows:
        return
    if model.tokens is not None:
        message = f"no row of this list is ever used: {model.name!r} is billed by tokens"
        yield error(subject.mark(*path), message, "keep one of the two")
        return
    yield from _credits(subject, path)

    def first(asked: Asked) -> int | None:
        row = price_row(rows, asked)
        return None if row is None else next(index for index, each in enumerate(rows) if each is row)

    def fits(when: When, asked: Asked) -> bool:
        return price_row((replace(rows[0], when=when),), asked) is not None

    table = _Table(what="price", path=path, whens=tuple(row.when for row in rows), first=first, fits=fits)
    yield from _rows(subject, model, table)


def _credits(subject: Subject, path: Path) -> Iterator[Finding]:
    if subject.spec.billing.micro_usd_per_credit is not None or not subject.is_whole("billing"):
        return
    for row in items(subject.node(*path)):
        if isinstance(row, MappingNode) and "credits" in row.entries:
            message = "a price in credits, and nothing says what a credit costs"
            yield error(row.key_marks["credits"], message, "add usd_per_credit to `billing`")
            return


def _times(subject: Subject, model: Model) -> Iterator[Finding]:
    rows = tuple(replace(row, seconds=(index, index)) for index, row in enumerate(model.durations, start=1))
    if not rows:
        return

    def first(asked: Asked) -> int | None:
        number = round(duration_of(rows, asked)[0])
        return number - 1 if number else None

    def fits(when: When, asked: Asked) -> bool:
        return duration_of((replace(rows[0], when=when),), asked)[0] > 0

    path: Path = ("models", model.name, "timing", "run")
    table = _Table(what="time", path=path, whens=tuple(row.when for row in rows), first=first, fits=fits)
    yield from _rows(subject, model, table)


def _rows(subject: Subject, model: Model, table: _Table) -> Iterator[Finding]:
    named: dict[str, list[Plain]] = {}
    for when in table.whens:
        for name, values in when.items():
            named.setdefault(name, []).extend(values)
    fields = {name for shape in model.shapes.values() for name in shape.fields}
    requests = Requests.of(model, tuple(named), named)
    nodes = items(subject.node(*table.path))
    reached = {table.first(asked) for asked in requests.asked}
    for index, when in enumerate(table.whens):
        if not when.keys() <= fields or not requests.is_complete:
            continue
        wrong = list(_impossible_values(nodes[index], requests))
        yield from wrong or (_unreached(nodes, index, requests, table) if index not in reached else ())
    missing = [asked for asked in requests.asked if table.first(asked) is None]
    if missing and named.keys() <= fields:
        more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
        message = f"no row gives the {table.what} of a request with {requests.example(missing[0])}{more}"
        hint = "add a row; one without `when` at the end holds for all others"
        yield warning(subject.mark(*table.path), message, hint)


def _impossible_values(row: object, requests: Requests) -> Iterator[Finding]:
    """Values in the condition of a row that its field never has; what rules between fields forbid is told there."""
    when = child(row, "when") if isinstance(row, MappingNode) else None
    for name, values in entries(when):
        for node in items(values):
            value = plain_value(node)
            if text(value) not in requests.own[name]:
                yield error(node.mark, f"{name} is never {value!r}", hint_of(text(value), requests.own[name]))


def hint_of(word: str, known: tuple[str, ...]) -> str:
    """The nearest of the values that a field can have, or all of them."""
    return did_you_mean(word, known) or f"it can be {', '.join(known)}"


def _unreached(nodes: tuple[Node, ...], index: int, requests: Requests, table: _Table) -> Iterator[Finding]:
    """Why no request gets a row: earlier rows take them all, or the rules allow none."""
    when = table.whens[index]
    earlier = {table.first(asked) for asked in requests.asked if table.fits(when, asked)}
    lines = sorted({nodes[number].mark.line for number in earlier if number is not None})
    if lines:
        where = " and ".join(f"line {line}" for line in lines)
        message = f"no request gets this {table.what}: the row in {where} comes first"
        yield error(nodes[index].mark, message, "put the narrower row first")
    elif all(any(table.fits({name: values}, asked) for asked in requests.asked) for name, values in when.items()):
        message = f"no request gets this {table.what}: the rules between fields never allow this combination"
        yield error(nodes[index].mark, message)


def _tokens(subject: Subject, model: Model) -> Iterator[Finding]:
    if model.tokens is None:
        return
    output = model.tokens.output
    path: Path = ("models", model.name, "tokens", "output")
    name = output.quality_field
    requests = Requests.of(model, (name,), {})
    known = _qualities(output)
    if output.auto_quality not in known:
        message = f"the quality {output.auto_quality!r} has no tokens"
        hint = did_you_mean(output.auto_quality, known)
        yield error(subject.value_mark(*path, "auto_quality"), message, hint)
    asked = requests.own[name]
    for quality in asked:
        if quality not in known and quality != "auto":
            yield error(subject.mark(*path), f"no output tokens for {name} {quality}", did_you_mean(quality, known))
    for quality in known if asked else ():
        if quality not in (*asked, output.auto_quality):
            yield error(_quality_mark(subject, path, quality), f"{name} is never {quality!r}", hint_of(quality, asked))


def _qualities(output: OutputTokens) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*output.grid, *output.table)))


def _quality_mark(subject: Subject, path: Path, quality: str) -> Mark:
    in_grid = subject.node(*path, "grid", "cells", quality) is not None
    return subject.mark(*path, "grid", "cells", quality) if in_grid else subject.mark(*path, "table", quality)
