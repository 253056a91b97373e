"""Pixel tables: cells and words that no request reaches, and requests that have no size."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imageproof.specs.lint_requests import Requests, text
from imageproof.specs.lint_subject import error, warning
from imageproof.specs.lint_tables import hint_of
from imageproof.specs.nodes import Mapping as MappingNode
from imageproof.specs.outcome import size_of
from imageproof.specs.problems import did_you_mean
from imageproof.specs.reading import child, entries, items, text_of
from imageproof.specs.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.lint_requests import Asked
    from imageproof.specs.lint_subject import Finding, Path, Subject
    from imageproof.specs.model import Model, Pixels, PixelTable
    from imageproof.specs.problems import Mark

    Cell = tuple[str, ...]

NO_SIZE = (0, 0)


def check_pixels(subject: Subject) -> Iterator[Finding]:
    """Every cell and word of one profile that no request reaches, and every request that is left without a size."""
    for model in subject.spec.models.values():
        if model.shapes and subject.is_whole("models", model.name):
            yield from _model(subject, model)


def _model(subject: Subject, model: Model) -> Iterator[Finding]:
    pixels = model.pixels
    path: Path = ("models", model.name, "pixels")
    written = dict(_written(subject, (*path, "table", "cells")))
    names = _names(pixels)
    fields = {name for shape in model.shapes.values() for name in shape.fields}
    if not set(names) <= fields:
        return  # told as unknown names
    requests = Requests.of(model, names, _named(pixels))
    if requests.is_complete:
        yield from _words(subject, path, pixels, requests)
        if pixels.table is not None:
            yield from _cells(pixels, pixels.table, written, requests)
    yield from _uncovered(subject, path, pixels, requests)


def _names(pixels: Pixels) -> tuple[str, ...]:
    by = pixels.table.by if pixels.table is not None else ()
    return (*by, pixels.exact) if pixels.exact is not None and pixels.exact not in by else by


def _named(pixels: Pixels) -> dict[str, list[object]]:
    """The values that cells and words name, by field."""
    named: dict[str, list[object]] = {name: list(pixels.auto) for name in _names(pixels)}
    if pixels.table is not None:
        for place, name in enumerate(pixels.table.by):
            named[name] += {cell[place] for cell in pixels.table.cells}
    return {name: sorted(values, key=str) for name, values in named.items()}


def _written(subject: Subject, path: Path) -> Iterator[tuple[Cell, Mark]]:
    """The cells as they stand in the file, without those that follow by turning."""
    node = subject.node(*path)
    for first, row in entries(node):
        for second, _ in entries(row):
            yield (first, second), subject.mark(*path, first, second)
        if not isinstance(row, MappingNode):
            yield (first,), subject.mark(*path, first)


def _cell_of(pixels: Pixels, asked: Asked) -> int | None:
    """The number of the table's cell that a request gets."""
    table = pixels.table
    if table is None or (pixels.exact is not None and parse_size(asked.get(pixels.exact)) is not None):
        return None
    numbered = replace(table, cells={cell: (number, 1) for number, cell in enumerate(table.cells, start=1)})
    labelled = replace(pixels, table=numbered, auto=_words_of_table(pixels, table), fallback=NO_SIZE)
    width, height = size_of(labelled, asked)
    return width - 1 if height else None


def _words_of_table(pixels: Pixels, table: PixelTable) -> dict[str, str]:
    values = {part for cell in table.cells for part in cell}
    return {word: stands_for for word, stands_for in pixels.auto.items() if stands_for in values}


def _cells(pixels: Pixels, table: PixelTable, written: dict[Cell, Mark], requests: Requests) -> Iterator[Finding]:
    order = list(table.cells)
    reached = {order[number] for asked in requests.asked if (number := _cell_of(pixels, asked)) is not None}
    for cell, mark in written.items():
        twin = (":".join(reversed(cell[0].split(":"))), *cell[1:])
        if cell in reached or (twin in reached and twin not in written):
            continue
        yield from _unreached(table, cell, mark, requests, pixels)


def _unreached(table: PixelTable, cell: Cell, mark: Mark, requests: Requests, pixels: Pixels) -> Iterator[Finding]:
    """Why no request gets a cell. Values that rules between fields forbid in every request are told there."""
    parts = list(zip(table.by, cell, strict=True))
    words = {text(word) for word in pixels.auto.values()}
    for name, value in parts:
        known = requests.own[name]
        if text(value) not in known and text(value) not in words:
            yield error(mark, f"{name} is never {value!r}", hint_of(value, known))
            return
    possible = {name: {text(asked.get(name)) for asked in requests.asked} | words for name, _ in parts}
    if all(text(value) in possible[name] for name, value in parts):
        said = ", ".join(f"{name} {value}" for name, value in parts)
        yield error(mark, f"no request gets this size: the rules never allow {said}")


def _words(subject: Subject, path: Path, pixels: Pixels, requests: Requests) -> Iterator[Finding]:
    """Words that no field takes, and words that stand for nothing."""
    known = tuple(value for name in requests.names for value in requests.own[name])
    targets = tuple(dict.fromkeys(part for cell in (pixels.table.cells if pixels.table else ()) for part in cell))
    for item in items(subject.node(*path, "auto")):
        word, stands_for = (child(item, key) or item for key in ("value", "as"))
        if text(text_of(word)) not in known:
            yield error(word.mark, f"no request says {text_of(word)!r}", hint_of(text_of(word), known))
        if text_of(stands_for) not in targets and parse_size(text_of(stands_for)) is None:
            message = f"{text_of(stands_for)!r} is no size and no value of the table"
            yield error(stands_for.mark, message, did_you_mean(text_of(stands_for), targets))


def _uncovered(subject: Subject, path: Path, pixels: Pixels, requests: Requests) -> Iterator[Finding]:
    if subject.node(*path, "fallback") is not None:
        return
    bare = replace(pixels, fallback=NO_SIZE)
    missing = [asked for asked in requests.asked if size_of(bare, asked) == NO_SIZE]
    if not missing:
        return
    more = f" (and {len(missing) - 1} more)" if len(missing) > 1 else ""
    what = f" with {requests.example(missing[0])}{more}" if requests.names else ""
    message = f"nothing says how large the image of a request{what} is"
    yield warning(subject.mark(*path), message, "add a cell, a word to `auto`, or `fallback`")
