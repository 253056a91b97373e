"""An exact regular expression for the sizes of a region, which JSON Schema can say and generators can use."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

from imageproof.specs.sizing import widths_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.specs.sizing import Region


def one_of_texts(texts: Iterable[str]) -> str:
    """A regular expression that matches exactly these texts of digits; texts with equal rests share one branch."""
    return _branches(frozenset(texts))


@cache
def _branches(texts: frozenset[str]) -> str:
    rests: dict[str, set[str]] = defaultdict(set)
    for text in texts:
        if text:
            rests[text[0]].add(text[1:])
    by_rest: dict[frozenset[str], list[str]] = defaultdict(list)
    for letter, rest in sorted(rests.items()):
        by_rest[frozenset(rest)].append(letter)
    parts = [_letters(letters) + _branches(rest) for rest, letters in by_rest.items()]
    if not parts:
        return ""
    body = parts[0] if len(parts) == 1 else f"(?:{'|'.join(parts)})"
    return f"(?:{body})?" if "" in texts else body


def _letters(letters: list[str]) -> str:
    return letters[0] if len(letters) == 1 else f"[{''.join(letters)}]"


@cache
def size_pattern(region: Region) -> str:
    """The pattern, anchored at both ends, of every WIDTHxHEIGHT in a region, and of nothing else."""
    by_heights: dict[range, list[str]] = defaultdict(list)
    for width in widths_of(region):
        by_heights[region.heights(width)].append(str(width))
    parts = [f"{one_of_texts(widths)}x{one_of_texts(map(str, heights))}" for heights, widths in by_heights.items()]
    return f"^(?:{'|'.join(parts)})$"
