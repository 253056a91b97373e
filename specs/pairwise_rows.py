"""A covering array under constraints: few rows of choices in which every pair that fits together occurs.

Pure combinatorics, in the manner of AETG: several rows are proposed, each grown around a pair not yet covered, and the
best one is kept. Choices are numbers and sets of them are bits of an integer, which is what makes it fast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
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
    it where nothing has a price. Every other attempt looks at prices only in the end, which at times comes cheaper.
    """
    least = least_rows(grid)
    blind = replace(grid, prices=(0,) * len(grid.prices))
    found: list[list[int]] = []
    for attempt in range(ATTEMPTS):
        rows = _attempt(grid if attempt % 2 == 0 else blind, random)
        found.append(_cheapened(grid, _without_idle(grid, rows)))
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


def _pairs(row: int) -> Iterator[tuple[int, int]]:
    return combinations(numbers(row), 2)


def _counted(rows: Sequence[int]) -> dict[tuple[int, int], int]:
    counts: dict[tuple[int, int], int] = {}
    for row in rows:
        for pair in _pairs(row):
            counts[pair] = counts.get(pair, 0) + 1
    return counts


def _without_idle(grid: Grid, rows: Sequence[int]) -> list[int]:
    """The rows without those whose pairs all occur elsewhere; the dear ones are the first to go."""
    counts = _counted(rows)
    kept = list(rows)
    for row in sorted(rows, key=lambda row: -price_of(grid, row)):
        if all(counts[pair] > 1 for pair in _pairs(row)) and len(kept) > 1:
            kept.remove(row)
            for pair in _pairs(row):
                counts[pair] -= 1
    return kept


def _cheapened(grid: Grid, rows: Sequence[int]) -> list[int]:
    """The rows with the cheapest choices wherever a dearer one covers nothing that no other row covers."""
    counts = _counted(rows)
    out = []
    for row in sorted(rows, key=lambda row: -price_of(grid, row)):
        cheap = row
        for choices in grid.fields:
            cheap = _with_cheapest(grid, cheap, choices, counts)
        out.append(cheap)
    return out


def _with_cheapest(grid: Grid, row: int, choices: Sequence[int], counts: dict[tuple[int, int], int]) -> int:
    """The row with another choice of one field, if that is cheaper and loses no pair. Keeps the counts of pairs."""
    current = next((choice for choice in choices if row >> choice & 1), None)
    if current is None:
        return row
    others = row & ~(1 << current)
    if any(counts[_pair(current, other)] == 1 for other in numbers(others)):
        return row
    for choice in sorted(choices, key=lambda choice: (grid.prices[choice], choice)):
        if grid.prices[choice] >= grid.prices[current]:
            break
        if _can_join(grid, others, choice):
            for other in numbers(others):
                counts[_pair(current, other)] -= 1
                counts[_pair(choice, other)] = counts.get(_pair(choice, other), 0) + 1
            return others | 1 << choice
    return row


def _pair(one: int, other: int) -> tuple[int, int]:
    return (one, other) if one < other else (other, one)
