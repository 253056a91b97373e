"""Goals in one word: `submit.p99<200ms`, `errors<0.1%`, `goodput>5/s`, `lost=0`, `e2e.p95<45s@60x`.

`@60x` says that the number is in the time of a provider whose clock runs 60 times as fast in this run: 45 s of it are
0.75 s of ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from imageproof.loadtests.books import Fault, Kind
from imageproof.loadtests.conservation import Breach
from imageproof.loadtests.overhead import ALL as OVERHEAD
from imageproof.loadtests.phases import NAMES

PERCENT = 100
NET = "net"
UNITS: Mapping[str, float] = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
GOAL = re.compile(
    r"(?P<name>[a-z_0-9]+(?:\.(?!p[0-9]|mean\b|max\b)[a-z_0-9]+)*)"
    r"(?:\.(?P<stat>p[0-9]+(?:\.[0-9]+)?|mean|max))?"
    r"\s*(?P<sign><=|>=|<|>|=)\s*"
    r"\$?(?P<number>[0-9]+(?:\.[0-9]+)?)\s*(?P<unit>us|ms|s|m|h|%|/s|/m|usd)?"
    r"(?:@(?P<clock>[0-9]+(?:\.[0-9]+)?)x)?"
)


class GoalError(ValueError):
    """A goal that is not understood. The message is one sentence."""


class Sort(StrEnum):
    """What the number of a goal is."""

    TIME = "time"
    NUMBER = "number"
    SHARE = "share"
    RATE = "rate"
    COUNT = "count"
    COST = "cost"

    @property
    def example(self) -> str:
        """A number of this sort, as one writes it."""
        return EXAMPLES[self]


EXAMPLES: Mapping[Sort, str] = {
    Sort.TIME: "200ms",
    Sort.NUMBER: "12",
    Sort.SHARE: "0.1%",
    Sort.RATE: "5/s",
    Sort.COUNT: "0",
    Sort.COST: "1.50",
}
UNITS_OF: Mapping[Sort, frozenset[str]] = {
    Sort.TIME: frozenset(UNITS),
    Sort.NUMBER: frozenset({""}),
    Sort.SHARE: frozenset({"%"}),
    Sort.RATE: frozenset({"/s", "/m"}),
    Sort.COUNT: frozenset({""}),
    Sort.COST: frozenset({"", "usd"}),
}
SORTS: Mapping[str, Sort] = {
    **{name: Sort.NUMBER if name == "polls" else Sort.TIME for name in NAMES if name != "partial"},
    OVERHEAD: Sort.TIME,
    **{f"{OVERHEAD}.{kind}": Sort.TIME for kind in Kind},
    NET: Sort.TIME,
    **{f"{NET}.{kind}": Sort.TIME for kind in Kind},
    "errors": Sort.SHARE,
    **{f"errors.{fault}": Sort.SHARE for fault in Fault},
    "failed": Sort.SHARE,
    "refused": Sort.SHARE,
    "wasted": Sort.SHARE,
    "goodput": Sort.RATE,
    "throughput": Sort.RATE,
    **{breach.value: Sort.COUNT for breach in Breach},
    "open": Sort.COUNT,
    "jobs": Sort.COUNT,
    "cost": Sort.COST,
}
"""All names of goals. Times and numbers of polls need a statistic: p50, p99.9, mean or max."""
NET_OF = {name: OVERHEAD + name.removeprefix(NET) for name in (NET, *(f"{NET}.{kind}" for kind in Kind))}
"""The overhead of which a net one is what is left."""
HAS_STATISTIC = (Sort.TIME, Sort.NUMBER)
WORDS: Mapping[str, str] = {"<": "below", "<=": "at most", ">": "above", ">=": "at least", "=": "exactly"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A goal. `limit` is in real seconds, a share from 0 to 1, per real second, or a plain number.

    `stat` is `p99`, `mean` or `max` of a time or number, else empty. `clock` is the clock that the goal is meant for.
    """

    text: str
    name: str
    sort: Sort
    sign: str
    limit: float
    stat: str = ""
    clock: float | None = None

    @property
    def percent(self) -> float | None:
        """The percentile that it is about, None for other goals."""
        return float(self.stat[1:]) if self.stat.startswith("p") else None

    @property
    def is_net(self) -> bool:
        """Whether it is about the overhead without the own path's."""
        return self.name in NET_OF

    @property
    def subject(self) -> str:
        """What it is about, without the limit."""
        return f"{self.name}.{self.stat}" if self.stat else self.name

    @property
    def says(self) -> str:
        """What it asks for, as a sentence without a full stop."""
        return f"{self.subject} is {WORDS[self.sign]} {self.shown(self.limit)}"

    def is_met(self, value: float) -> bool:
        """Whether a value is on the right side of the limit."""
        match self.sign:
            case "<":
                return value < self.limit
            case "<=":
                return value <= self.limit
            case ">":
                return value > self.limit
            case ">=":
                return value >= self.limit
            case _:
                return value == self.limit

    def shown(self, value: float) -> str:
        """A value of this goal for people."""
        match self.sort:
            case Sort.TIME:
                return time_text(value)
            case Sort.SHARE:
                return f"{value * PERCENT:.3g} %"
            case Sort.RATE:
                return f"{value:.4g}/s"
            case Sort.COST:
                return f"{value:.2f} USD"
            case _:
                return f"{value:.4g}" if value % 1 else f"{value:,.0f}"


def time_text(seconds: float) -> str:
    """A time for people, in the unit that fits: `143 ms`, `2.05 s`, `-0.03 ms`."""
    if abs(seconds) >= 60:  # noqa: PLR2004  (a minute)
        return f"{seconds:,.0f} s"
    return f"{seconds:.3g} s" if abs(seconds) >= 1 else f"{seconds * 1000:.3g} ms"


def read_goal(text: str) -> Goal:
    """Read a goal. Raises GoalError, with the nearest name that is known."""
    match = GOAL.fullmatch(text.strip())
    if match is None:
        raise GoalError(
            f"expected a goal such as submit.p99<200ms, errors<0.1%, goodput>5/s or lost=0, got {text[:80]!r}"
        )
    name, stat, sign, unit = match["name"], match["stat"] or "", match["sign"], match["unit"] or ""
    sort = _sort(name, text)
    _require_statistic(name, stat, sort, text)
    if unit not in UNITS_OF[sort]:
        raise GoalError(f"expected a {sort} such as {name}{sign}{sort.example} with {name}, got {text!r}")
    if sign == "=" and sort in (Sort.TIME, Sort.RATE, Sort.NUMBER):
        raise GoalError(f"expected < or > with {name}, which is measured and never equal to anything, got {text!r}")
    clock = float(match["clock"]) if match["clock"] else None
    limit = _limit(float(match["number"]), unit, sort)
    if clock is not None:
        limit = _in_real_time(limit, clock, sort, text)
    return Goal(text=text.strip(), name=name, sort=sort, sign=sign, limit=limit, stat=stat, clock=clock)


def _sort(name: str, text: str) -> Sort:
    """What a name is measured in. Raises GoalError."""
    if re.fullmatch(r"partial\.[1-9][0-9]*", name):
        return Sort.TIME
    if name in SORTS:
        return SORTS[name]
    near = get_close_matches(name, [*SORTS, "partial.1"], n=1, cutoff=0.5)
    hint = f": did you mean {near[0]}?" if near else f"; known are {', '.join(SORTS)}, partial.1"
    raise GoalError(f"expected the name of something that a load run measures, got {name!r} in {text!r}{hint}")


def _require_statistic(name: str, stat: str, sort: Sort, text: str) -> None:
    """A time needs one, a share has none, a percentile is inside of 0 and 100. Raises GoalError."""
    if sort in HAS_STATISTIC and not stat:
        raise GoalError(f"expected which of all values is meant: {name}.p99, {name}.mean or {name}.max, got {text!r}")
    if name in NET_OF and not stat.startswith("p"):
        raise GoalError(f"expected a percentile of {name}, as in {name}.p99, got {text!r}")
    if sort not in HAS_STATISTIC and stat:
        raise GoalError(f"expected {name} without .{stat}, as it is one number, got {text!r}")
    if stat.startswith("p") and not 0 < float(stat[1:]) < PERCENT:
        raise GoalError(f"expected a percentile between 0 and 100, such as {name}.p99, got {text!r}")


def _limit(number: float, unit: str, sort: Sort) -> float:
    match sort:
        case Sort.TIME:
            return number * UNITS[unit]
        case Sort.SHARE:
            return number / PERCENT
        case Sort.RATE:
            return number / (60 if unit == "/m" else 1)
        case _:
            return number


def _in_real_time(limit: float, clock: float, sort: Sort, text: str) -> float:
    """A limit in the provider's time as one in ours. Raises GoalError."""
    if clock <= 0 or sort not in (Sort.TIME, Sort.RATE):
        raise GoalError(f"expected @60x with a time or a rate only, got {text!r}")
    return limit / clock if sort is Sort.TIME else limit * clock
