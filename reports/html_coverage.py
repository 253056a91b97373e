"""What the accepted requests covered: values by field, pairs of values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.reports.amounts import share
from imageproof.reports.wire_text import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imageproof.records.lines import Coverage

MOST_VALUES = 40
LONGEST = 80
WIDTH = 100  # units of the longest bar
THINNEST = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value, how often it was sent, and the width of its bar."""

    label: str
    count: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field and its values; `left_out` counts those that are not shown."""

    name: str
    values: tuple[Value, ...]
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """One model. `pairs` and `share` are empty when no two fields can be paired."""

    title: str
    rows: int
    pairs: str
    share: str
    width: int
    fields: tuple[Field, ...]


def covered_of(coverage: Iterable[Coverage]) -> tuple[Covered, ...]:
    """The coverage of each model, as it was written down."""
    return tuple(_covered(item) for item in coverage)


def _covered(item: Coverage) -> Covered:
    most, has_pairs = item.pairs_possible, item.pairs_possible > 0
    return Covered(
        title=f"{item.operation}, {item.model}" if item.model else item.operation,
        rows=item.rows,
        pairs=f"{item.pairs_covered:,} of {most:,} pairs" if has_pairs else "",
        share=share(item.pairs_covered, most) if has_pairs else "",
        width=WIDTH * min(item.pairs_covered, most) // most if has_pairs else 0,
        fields=tuple(_field(name, values) for name, values in item.values.items()),
    )


def _field(name: str, values: Mapping[str, int]) -> Field:
    most = max(values.values(), default=0)
    kept = list(values.items())[:MOST_VALUES]
    return Field(name=name, values=tuple(_value(*pair, most) for pair in kept), left_out=len(values) - len(kept))


def _value(label: str, count: int, most: int) -> Value:
    return Value(
        label=shortened(label, LONGEST),
        count=count,
        width=max(THINNEST, WIDTH * count // most) if count and most else 0,
    )
