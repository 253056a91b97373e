"""When jobs are to begin, and how many users there are: pure functions of a shape, a rate and a seed.

A profile is the wanted rate (or number of users) over time as a share of the one that was asked for: straight pieces
between points. Arrivals follow from its integral, so that they are right for any shape, and are the same whatever the
number of processes that share them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Arrivals = Literal["poisson", "constant"]
SHAPES = ("flat", "ramp", "step", "spike", "soak")
WORDS = re.compile(r"(flat|ramp|step|spike|soak)(?::([0-9]+(?:\.[0-9]+)?)x?)?")
TAKES_NUMBER = {"step": (5.0, 2.0, 100.0), "spike": (5.0, 1.0, 1000.0)}  # usual, least and most
SPIKE_FROM, SPIKE_UNTIL = 0.4, 0.6  # of the duration
LEAST_WARM_UP = 0.1  # of the rate: a ramp begins at nothing, which warms nothing up


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A shape by its name; `number` is the count of steps, or how many times as much a spike is."""

    name: str
    number: float = 1.0

    def __str__(self) -> str:
        """Give the form that the command line takes."""
        return f"{self.name}:{self.number:g}" if self.name in TAKES_NUMBER else self.name


def read_shape(text: str) -> Shape:
    """Read `flat`, `ramp`, `step`, `step:10`, `spike`, `spike:8x` or `soak`. Raises ValueError for anything else."""
    match = WORDS.fullmatch(text)
    if match is None or (match[2] and match[1] not in TAKES_NUMBER):
        raise ValueError(f"expected a shape: flat, ramp, step:5, spike:5x or soak, got {text!r}")
    usual, least, most = TAKES_NUMBER.get(match[1], (1.0, 1.0, 1.0))
    number = float(match[2]) if match[2] else usual
    if not least <= number <= most or (match[1] == "step" and number % 1):
        raise ValueError(f"expected a number from {least:g} to {most:g} with {match[1]}, got {number:g}")
    return Shape(name=match[1], number=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A straight piece of a profile: from `start_s` to `end_s` it goes from `low` to `high`."""

    start_s: float
    end_s: float
    low: float
    high: float

    @property
    def area(self) -> float:
        """Its integral over time."""
        return (self.end_s - self.start_s) * (self.low + self.high) / 2

    def at(self, when_s: float) -> float:
        """Its value at a time inside."""
        length = self.end_s - self.start_s
        return self.low + (self.high - self.low) * (when_s - self.start_s) / length if length else self.high

    def reached(self, area: float) -> float:
        """The time at which so much of its integral lies behind."""
        slope = (self.high - self.low) / (self.end_s - self.start_s)
        # low * t + slope * t^2 / 2 = area, in the form that loses no digits when the slope is small
        root = math.sqrt(max(0.0, self.low * self.low + 2 * slope * area))
        below = self.low + root
        return self.start_s + (2 * area / below if below else 0.0)


def pieces(shape: Shape, duration_s: float, warm_up_s: float = 0.0) -> tuple[Piece, ...]:
    """The profile of a shape after a warm-up, in seconds since the start of the run."""
    body = _body(shape)
    out = []
    if warm_up_s > 0:
        level = max(body[0][2], LEAST_WARM_UP)
        out.append(Piece(start_s=0.0, end_s=warm_up_s, low=level, high=level))
    out += [
        Piece(start_s=warm_up_s + start * duration_s, end_s=warm_up_s + end * duration_s, low=low, high=high)
        for start, end, low, high in body
    ]
    return tuple(out)


def _body(shape: Shape) -> list[tuple[float, float, float, float]]:
    """From, to (of the duration), low and high of each piece."""
    match shape.name:
        case "ramp":
            return [(0.0, 1.0, 0.0, 1.0)]
        case "step":
            count = int(shape.number)
            return [(at / count, (at + 1) / count, (at + 1) / count, (at + 1) / count) for at in range(count)]
        case "spike":
            most = shape.number
            return [
                (0.0, SPIKE_FROM, 1.0, 1.0),
                (SPIKE_FROM, SPIKE_UNTIL, most, most),
                (SPIKE_UNTIL, 1.0, 1.0, 1.0),
            ]
        case _:
            return [(0.0, 1.0, 1.0, 1.0)]


def level_at(profile: tuple[Piece, ...], when_s: float) -> float:
    """The wanted share at a time; nothing after the end."""
    return next((piece.at(when_s) for piece in profile if piece.start_s <= when_s < piece.end_s), 0.0)


def most_of(profile: tuple[Piece, ...]) -> float:
    """The largest share that is ever wanted."""
    return max((max(piece.low, piece.high) for piece in profile), default=0.0)


def expected(profile: tuple[Piece, ...], rate: float) -> float:
    """How many arrivals there are on average."""
    return rate * sum(piece.area for piece in profile)


def arrivals(profile: tuple[Piece, ...], rate: float, *, how: Arrivals, seed: int) -> Iterator[float]:
    """The times of all arrivals, in seconds since the start of the run: the same for the same seed."""
    random = Random(f"{seed}/arrivals")
    passed, due = 0.0, _step(random, how)
    for piece in profile:
        whole = piece.area * rate
        while due < passed + whole:
            yield piece.reached((due - passed) / rate)
            due += _step(random, how)
        passed += whole


def _step(random: Random, how: Arrivals) -> float:
    """How much of the integral passes until the next arrival: one on average."""
    return 1.0 if how == "constant" else random.expovariate(1.0)


def waits_until(profile: tuple[Piece, ...], share: float, now_s: float) -> float | None:
    """When a user who is active from a level of `share` on may begin the next job; None for never again."""
    for piece in profile:
        if piece.end_s <= now_s:
            continue
        start = max(piece.start_s, now_s)
        if piece.at(start) > share:
            return start
        if piece.high > share:  # it rises to there
            length = piece.end_s - piece.start_s
            return max(start, piece.start_s + length * (share - piece.low) / (piece.high - piece.low))
    return None
