"""A covering array under constraints: few rows of choices in which every pair that fits together occurs.

Pure combinatorics, in the manner of AETG: several rows are proposed, each grown around a pair not yet covered, and the
best one is kept. Choices are numbers and sets of them are bits of an integer, which is what makes it fast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

    Joins = Callable[["Grid", int, int], bool]

ATTEMPTS = 4
PROPOSALS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """What is to be covered.

    `fields` are the numbers of the choices of each field; `fits` is, for each choice, the set of choices of other
    fields that some row holds together with it; `prices` is what a choice costs, in any unit; `holds` says whether some
    row holds all choices of a set.
    """

    fields: tuple[tuple[int, ...], ...]
    fits: tuple[int, ...]
    prices: tuple[int, ...]
    holds: Callable[[int], bool]


def covering_rows(grid: Grid, random: Random) -> list[int]:
    """Sets of choices, at most one of each field, that cover every pair that fits. The same for the same generator.

    The cheapest of some attempts, and among those that cost the same the shortest; an attempt as short as can be ends
    it where nothing has a price. Every other attempt looks at no prices: fewer rows are cheaper at times.
    """
    least = least_rows(grid)
    blind = replace(grid, prices=(0,) * len(grid.prices))
    found: list[list[int]] = []
    for attempt in range(ATTEMPTS):
        found.append(_attempt(grid if attempt % 2 == 0 else blind, random))
        if len(found[-1]) == least and not any(grid.prices):
            break
    return min(found, key=lambda rows: (sum(price_of(grid, row) for row in rows), len(rows)))


def least_rows(grid: Grid) -> int:
    """The pairs of the two fields that have most of them: each needs a row of its own."""
    sets = [sum(1 << choice for choice in choices) for choices in grid.fields]
    pairs = ((one, other) for one in grid.fields for other in sets)
    return max((sum((grid.fits[choice] & other).bit_count() for choice in one) for one, other in pairs), default=0)


def _attempt(grid: Grid, random: Random) -> list[int]:
    left = list(grid.fits)
    rows: list[int] = []
    while any(left):
        proposed = [_proposal(grid, left, random) for _ in range(PROPOSALS)]
        best = min(proposed, key=lambda row: (-_gain(row, left), price_of(grid, row)))
        rows.append(best)
        for choice in numbers(best):
            left[choice] &= ~best
    return rows


def numbers(row: int) -> Iterator[int]:
    """The choices of a set, in rising order."""
    while row:
        lowest = row & -row
        yield lowest.bit_length() - 1
        row ^= lowest


def price_of(grid: Grid, row: int) -> int:
    """The sum of the prices of a row's choices."""
    return sum(grid.prices[choice] for choice in numbers(row))


def _gain(row: int, left: Sequence[int]) -> int:
    """Twice the number of uncovered pairs that a row covers."""
    return sum((left[choice] & row).bit_count() for choice in numbers(row))


def _proposal(grid: Grid, left: Sequence[int], random: Random) -> int:
    """One row that holds the choice with most uncovered pairs, and one of these pairs.

    It is grown by what fits two by two, which nearly always holds as a whole; if not, once more with care.
    """
    most = max(uncovered.bit_count() for uncovered in left)
    first = random.choice([choice for choice, uncovered in enumerate(left) if uncovered.bit_count() == most])
    pair = 1 << first | 1 << random.choice(list(numbers(left[first])))
    row = _grown(grid, left, pair, random, _fits_in)
    return row if grid.holds(row) else _grown(grid, left, pair, random, _can_join)


def _grown(grid: Grid, left: Sequence[int], row: int, random: Random, joins: Joins) -> int:
    """A row with, for each field that has no choice in it yet, the one that covers most, if one can join."""
    for choices in random.sample(grid.fields, len(grid.fields)):
        if any(row >> choice & 1 for choice in choices):
            continue
        ranked = sorted(
            (-(left[choice] & row).bit_count(), grid.prices[choice], random.random(), choice) for choice in choices
        )
        row |= next((1 << choice for *_, choice in ranked if joins(grid, row, choice)), 0)
    return row


def _fits_in(grid: Grid, row: int, choice: int) -> bool:
    return row & ~grid.fits[choice] == 0


def _can_join(grid: Grid, row: int, choice: int) -> bool:
    return _fits_in(grid, row, choice) and grid.holds(row | 1 << choice)
