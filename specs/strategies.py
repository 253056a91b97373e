"""Hypothesis strategies for the bodies of a shape. Needs the `suites` extra."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from imageproof.specs.choices import Drawn
from imageproof.specs.generate import Maker

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn, SearchStrategy

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Selector, Shape

CHARACTERS = st.characters(codec="utf-8")


@cache
def _integers(least: int, most: int) -> SearchStrategy[int]:
    return st.integers(least, most)


@cache
def _texts(least: int, most: int) -> SearchStrategy[str]:
    return st.text(CHARACTERS, min_size=least, max_size=min(most, max(least, 60)))


def _drawn(draw: DrawFn) -> Drawn:
    return Drawn(lambda least, most: draw(_integers(least, most)), lambda least, most: draw(_texts(least, most)))


def valid(shape: Shape, selector: Selector | None = None) -> SearchStrategy[dict[str, object]]:
    """Bodies that break no rule of the shape."""
    maker = Maker(shape, selector)

    @st.composite
    def bodies(draw: DrawFn) -> dict[str, object]:
        return maker.valid(_drawn(draw))

    return bodies()


def breaking(rule: Rule, shape: Shape, selector: Selector | None = None) -> SearchStrategy[dict[str, object]]:
    """Bodies that break this rule and no other. Drawing raises UnbreakableError when there are none."""
    maker = Maker(shape, selector)

    @st.composite
    def bodies(draw: DrawFn) -> dict[str, object]:
        return maker.breaking(rule, _drawn(draw))

    return bodies()
