"""Where random choices come from: a seeded generator, or Hypothesis. The makers of bodies see only this."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

T = TypeVar("T")
ALPHABET = (
    "abcdefghijklmnopqrstuvwxyz     ABCXYZ0189.,;:!?-_/'\"\\<>&%{}"
    "\u00e9\u00df\u4e2d\u6587\u65e5\u672c\u0416\U0001f600\u200d\t\n"
)


class Choices(Protocol):
    """A source of choices. Smaller answers are simpler ones, so that Hypothesis shrinks towards them."""

    def integer(self, least: int, most: int) -> int:
        """Any integer between the ends, both included."""

    def text(self, least: int, most: int) -> str:
        """Any text with so many code points, both ends included."""


def pick(choices: Choices, values: Sequence[T]) -> T:
    """One of the values; the first is the simplest."""
    return values[choices.integer(0, len(values) - 1)]


def chance(choices: Choices, percent: int) -> bool:
    """True in about so many of a hundred cases; False is the simpler answer."""
    return choices.integer(0, 99) >= 100 - percent


class Seeded:
    """Choices from a random number generator: the same seed gives the same bodies."""

    __slots__ = ("_random",)

    def __init__(self, random: Random) -> None:
        self._random = random

    def integer(self, least: int, most: int) -> int:
        """Any integer between the ends; the ends themselves come often, as that is where mistakes are."""
        return self._random.randint(least, most)

    def text(self, least: int, most: int) -> str:
        """A text of a usual length, or now and then of the least or the greatest."""
        draw = self._random.random()
        usual = min(most, max(least, 40))
        length = least if draw < 0.02 else most if draw > 0.98 else self._random.randint(least, usual)  # noqa: PLR2004
        return "".join(self._random.choices(ALPHABET, k=length))


class Drawn:
    """Choices made by Hypothesis: `integers` and `texts` draw from strategies with these ends."""

    __slots__ = ("_integers", "_texts")

    def __init__(self, integers: Callable[[int, int], int], texts: Callable[[int, int], str]) -> None:
        self._integers = integers
        self._texts = texts

    def integer(self, least: int, most: int) -> int:
        """Any integer between the ends."""
        return self._integers(least, most)

    def text(self, least: int, most: int) -> str:
        """Any text with so many code points, without lone surrogates."""
        return self._texts(least, most)
