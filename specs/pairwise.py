"""Every pair of values that the rules allow together, in as few valid bodies as a greedy search finds.

One faulty value or pair of values explains nine of ten failures of software; so tens of requests say nearly as much
as all combinations, of which there are hundreds of thousands. Pure, and the same for the same seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING

from imageproof.specs.pairwise_bodies import Bodies, bodies_of
from imageproof.specs.pairwise_rows import Grid, covering_rows, numbers
from imageproof.specs.pairwise_values import ABSENT, factors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imageproof.specs.model import Selector, Shape

    Body = dict[str, object]
    Cost = Callable[[Body], int]
    Choice = tuple[str, object]

__all__ = ["ABSENT", "Cover", "Row", "cover", "factors", "single"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One valid body, ready to send, and the value of each field that it covers (`ABSENT`: left out)."""

    body: dict[str, object]
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The rows of a shape, cheap ones first.

    `possible` counts the pairs of values that are allowed together, `covered` those that the rows hold; `values` are
    the values of each field, `impossible` the pairs that the rules keep apart (field, value, field, value).
    """

    rows: tuple[Row, ...]
    covered: int
    possible: int
    values: Mapping[str, tuple[object, ...]]
    impossible: tuple[tuple[str, object, str, object], ...]


@dataclass(frozen=True, slots=True)
class _Table:
    """The choices of a shape by number, and the bodies that were found for sets of them."""

    bodies: Bodies
    choices: tuple[Choice, ...]
    known: dict[int, Body | None] = field(default_factory=dict)

    def body(self, chosen: int) -> Body | None:
        """A flat valid body that holds a set of choices, or None when the rules keep them apart."""
        if chosen not in self.known:
            self.known[chosen] = self.bodies.build(dict(self.choices[number] for number in numbers(chosen)))
        return self.known[chosen]

    def fits(self) -> tuple[int, ...]:
        """For each choice, the set of choices of other fields that some valid body holds together with it."""
        out = [0] * len(self.choices)
        for one, other in combinations(range(len(self.choices)), 2):
            is_pair = self.choices[one][0] != self.choices[other][0]
            if is_pair and self.body(1 << one | 1 << other) is not None:
                out[one] |= 1 << other
                out[other] |= 1 << one
        return tuple(out)

    def prices(self, cost: Cost | None) -> tuple[int, ...]:
        """What the simplest body with each choice costs."""
        found = (self.body(1 << number) for number in range(len(self.choices)))
        return tuple(cost(self.bodies.finished(body)) if cost is not None and body is not None else 0 for body in found)

    def row(self, chosen: int) -> Row:
        """The row of a set of choices that some valid body holds. Raises LookupError for another set."""
        body = self.body(chosen)
        values = dict(self.choices[number] for number in numbers(chosen))
        if body is None:
            message = f"expected values that the rules allow together, got {values}"
            raise LookupError(message)
        return Row(body=self.bodies.finished(body), values=values)


def single(shape: Shape, selector: Selector | None, name: str, value: object) -> dict[str, object] | None:
    """The simplest valid body in which a field has this value; None when the rules allow none."""
    bodies = bodies_of(shape, selector)
    body = bodies.build({name: value})
    return bodies.finished(body) if body is not None else None


def cover(shape: Shape, selector: Selector | None = None, *, seed: int = 1, cost: Cost | None = None) -> Cover:
    """Rows that hold every possible pair of values.

    `cost` is what a body costs, in micro-dollars or any other unit: cheap values are taken where it makes no other
    difference. Without a pair to cover, there is one row for each value that is possible at all.
    """
    bodies = bodies_of(shape, selector)
    table = _Table(bodies, tuple((name, value) for name, values in bodies.values.items() for value in values))
    grid = Grid(
        fields=_by_field(table.choices),
        fits=table.fits(),
        prices=table.prices(cost),
        holds=lambda chosen: table.body(chosen) is not None,
    )
    chosen = covering_rows(grid, Random(seed)) or [1 << number for number in range(len(table.choices))]
    rows = [table.row(number) for number in chosen if table.body(number) is not None]
    if cost is not None:
        rows.sort(key=lambda row: cost(row.body))
    return Cover(
        rows=tuple(rows),
        covered=_covered(grid, chosen),
        possible=sum(partners.bit_count() for partners in grid.fits) // 2,
        values=bodies.values,
        impossible=_impossible(table, grid),
    )


def _by_field(choices: tuple[Choice, ...]) -> tuple[tuple[int, ...], ...]:
    out: dict[str, list[int]] = {}
    for number, (name, _) in enumerate(choices):
        out.setdefault(name, []).append(number)
    return tuple(tuple(found) for found in out.values())


def _covered(grid: Grid, rows: list[int]) -> int:
    """How many of the possible pairs the rows hold."""
    seen = [0] * len(grid.fits)
    for row in rows:
        for number in numbers(row):
            seen[number] |= row & grid.fits[number]
    return sum(partners.bit_count() for partners in seen) // 2


def _impossible(table: _Table, grid: Grid) -> tuple[tuple[str, object, str, object], ...]:
    return tuple(
        (*table.choices[one], *table.choices[other])
        for one, other in combinations(range(len(table.choices)), 2)
        if table.choices[one][0] != table.choices[other][0] and not grid.fits[one] >> other & 1
    )
