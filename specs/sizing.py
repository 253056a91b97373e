"""Sizes that keep, or break, the pixel rules of a field."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imageproof.specs.model import Field

NO_LIMIT = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """The sizes that satisfy all pixel rules of one field: edges in pixels, ratio long to short, both ends allowed."""

    multiple: int = 1
    max_edge: int = NO_LIMIT
    max_ratio: int = NO_LIMIT
    least: int = 1
    most: int = NO_LIMIT * NO_LIMIT

    def heights(self, width: int) -> range:
        """The heights that go with a width, in steps of `multiple`; empty when none does."""
        low = max(-(-width // self.max_ratio), -(-self.least // width), 1)
        high = min(width * self.max_ratio, self.most // width, self.max_edge)
        first = -(-low // self.multiple) * self.multiple
        return range(first, high + 1, self.multiple)

    def widths(self) -> list[int]:
        """The widths for which there is a height."""
        return [width for width in range(self.multiple, self.max_edge + 1, self.multiple) if self.heights(width)]

    def holds(self, width: int, height: int) -> bool:
        """Whether a size is in the region."""
        return width % self.multiple == 0 and width <= self.max_edge and height in self.heights(width)


def region_of(rules: Iterable[k.Kind]) -> Region | None:
    """The region of a field's pixel rules, or None when it has none."""
    found: dict[str, int] = {}
    is_size = False
    for kind in rules:
        match kind:
            case k.SizeText():
                is_size = True
            case k.EdgeMultiple(of=of):
                found["multiple"] = of
            case k.EdgeLimit(most=most):
                found["max_edge"] = most
            case k.Aspect(most=most):
                found["max_ratio"] = most
            case k.PixelBudget(least=least, most=most):
                found |= {"least": least, "most": most}
            case _:
                pass
    return Region(**found) if is_size else None


def field_region(field: Field) -> Region | None:
    """The region of a field, or None when it is no size."""
    return region_of(rule.kind for rule in field.rules)  # type: ignore[misc]


@cache
def widths_of(region: Region) -> tuple[int, ...]:
    """The widths of a region, kept, as counting them takes a while."""
    return tuple(region.widths())


@cache
def breaking_sizes(region: Region, broken: str) -> tuple[tuple[int, int], ...]:
    """Sizes that break one pixel rule (named by its slug) and keep all others, those near the boundary first."""
    tests = _tests(region)
    others = [test for slug, test in tests.items() if slug != broken]
    own = tests[broken]
    step = max(1, region.multiple)
    if broken == k.SLUGS[k.EdgeMultiple]:
        step = max(1, region.multiple // 2) if region.multiple > 1 else 1
    limit = min(NO_LIMIT, region.max_edge * 2)
    found: list[tuple[int, int]] = []
    edges = [
        *range(step, min(limit, region.max_edge + 8 * step) + 1, step),
        *range(region.max_edge + step, limit, 16 * step),
    ]
    for width in edges:
        for height in _near_heights(region, width, step):
            if 0 < height <= limit and not own(width, height) and all(test(width, height) for test in others):
                found.append((width, height))  # noqa: PERF401  (two loops and three conditions read worse in one line)
    return tuple(sorted(set(found), key=lambda size: (_distance(region, *size), size)))


def _near_heights(region: Region, width: int, step: int) -> set[int]:
    """Heights around each boundary for a width: that is where exactly one rule can break."""
    edges = {
        -(-width // region.max_ratio),
        width * region.max_ratio,
        -(-region.least // width),
        region.most // width,
        region.max_edge,
        width,
    }
    return {edge // step * step + offset * step for edge in edges for offset in (-1, 0, 1, 2)}


def _tests(region: Region) -> dict[str, Callable[[int, int], bool]]:
    return {
        k.SLUGS[k.EdgeMultiple]: lambda w, h: w % region.multiple == 0 == h % region.multiple,
        k.SLUGS[k.EdgeLimit]: lambda w, h: max(w, h) <= region.max_edge,
        k.SLUGS[k.Aspect]: lambda w, h: max(w, h) <= region.max_ratio * min(w, h),
        k.SLUGS[k.PixelBudget]: lambda w, h: region.least <= w * h <= region.most,
    }


def _distance(region: Region, width: int, height: int) -> int:
    """How far a size is from the middle of everything: small numbers are near a boundary of the region."""
    return (
        abs(width * height - min(max(width * height, region.least), region.most)) // 1000 + abs(width - height) // 100
    )
