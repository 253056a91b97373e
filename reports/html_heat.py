"""The heat table: sections of the contract against models, a coloured cell for each rule. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.reports.html_links import GLYPHS, css_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imageproof.records.lines import Finding
    from imageproof.reports.html_links import Anchors

COLUMN_FROM = 3  # sections that a name must occur in, to have a column of its own
MOST_COLUMNS = 6
REST = "all"
SECTION, NAME = 1, 2  # where they stand in the path of a rule id


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One rule."""

    anchor: str
    css: str
    glyph: str
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One section: its cells by column."""

    section: str
    columns: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heat:
    """The table."""

    columns: tuple[str, ...]
    lines: tuple[Line, ...]


def heat_of(findings: Sequence[Finding], models: Iterable[str], anchors: Anchors) -> Heat:
    """The rules by the second part of their id, and by the third where that is a model or occurs in many sections."""
    columns = (REST, *_columns(findings, models))
    cells: defaultdict[str, dict[str, list[Cell]]] = defaultdict(lambda: {column: [] for column in columns})
    for item in findings:
        parts = item.rule.split("/")
        section = parts[SECTION] if len(parts) > SECTION else item.rule
        column = parts[NAME] if len(parts) > NAME and parts[NAME] in columns else REST
        cells[section][column].append(_cell(item, anchors))
    lines = (Line(section=section, columns=_ordered(by, columns)) for section, by in cells.items())
    return Heat(columns=columns, lines=tuple(lines))


def _columns(findings: Iterable[Finding], models: Iterable[str]) -> tuple[str, ...]:
    """The models, and names that occur below several sections, in the order in which they came."""
    below: defaultdict[str, set[str]] = defaultdict(set)
    for item in findings:
        parts = item.rule.split("/")
        if len(parts) > NAME:
            below[parts[NAME]].add(parts[SECTION])
    known = set(models)
    wide = Counter({name: len(sections) for name, sections in below.items() if len(sections) >= COLUMN_FROM})
    chosen = {name for name in below if name in known} | {name for name, _ in wide.most_common(MOST_COLUMNS)}
    return tuple(name for name in below if name in chosen and name != REST)[:MOST_COLUMNS]


def _ordered(by: Mapping[str, list[Cell]], columns: Iterable[str]) -> tuple[tuple[Cell, ...], ...]:
    return tuple(tuple(by[column]) for column in columns)


def _cell(finding: Finding, anchors: Anchors) -> Cell:
    return Cell(
        anchor=anchors.row(finding.rule),
        css=css_of(finding.verdict),
        glyph=GLYPHS[finding.verdict],
        says=f"{finding.rule}: {finding.verdict}",
    )
