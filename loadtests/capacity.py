"""Search the highest rate that still meets the goal: double until it does not, then halve what lies between.

Near its limit a target meets a goal one time and misses it the next. So a rate is tried until enough trials agree, that
is until it is this sure (`confidence`) that it would meet the goal more often than not; one that stays in between after
`most` trials counts as not met. Pure: trials in, the next step out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from imageproof.loadtests.intervals import beta_cdf

FACTOR = 2.0
HALF = 0.5
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Trial:
    """One try at a rate. `met` is None where the generator, not the target, was the limit: two such end it."""

    rate: float
    met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How to search. From `start` on, within `least` and `most_rate`, until both sides are `precision` apart.

    `trials` is how many may be made in all, `most` how many at one rate.
    """

    start: float
    least: float
    most_rate: float = 1e6
    precision: float = 0.05
    confidence: float = 0.85
    most: int = 7
    trials: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """Try this rate next."""

    rate: float
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The search is over. `rate` met the goal, `missed` did not; each None when there is none such.

    `is_bound` says that the generator was the limit: the target may carry more.
    """

    rate: float | None
    missed: float | None
    trials: int
    confidence: float
    is_bound: bool
    says: str


@dataclass(frozen=True, slots=True)
class _Tally:
    met: int
    missed: int
    spoilt: int

    def decided(self, search: Search) -> bool | None:
        """Whether the rate meets the goal; None as long as that is not sure."""
        sure = met_more_often(self.met, self.missed)
        if sure >= search.confidence:
            return True
        if 1 - sure >= search.confidence or self.met + self.missed >= search.most:
            return False
        return None


def met_more_often(met: int, missed: int) -> float:
    """How likely it is, after these trials, that a rate meets the goal more often than not."""
    return 1 - beta_cdf(HALF, met + 1, missed + 1)


def next_step(search: Search, trials: Iterable[Trial]) -> Next | Found:
    """What to do after these trials."""
    made = list(trials)
    tallies = _tallied(made)
    missed = min((rate for rate, tally in tallies.items() if tally.decided(search) is False), default=None)
    below = {rate: tally for rate, tally in tallies.items() if missed is None or rate < missed}
    good = max((rate for rate, tally in below.items() if tally.decided(search) is True), default=None)
    bound = min(
        (rate for rate, tally in below.items() if tally.spoilt > 1 and tally.decided(search) is None), default=None
    )
    if len(made) >= search.trials:
        return _found(search, tallies, good, missed, bound, f"the {search.trials} trials are used up")
    if bound is not None and (good is None or bound > good):
        return _found(search, tallies, good, missed, bound, "")
    rate = _wanted(search, below, good, missed)
    if rate is None:
        return _found(search, tallies, good, missed, bound, "")
    tally = tallies.get(rate, _Tally(0, 0, 0))
    return Next(rate=rate, says=f"try {rate:g}/s (met {tally.met}, missed {tally.missed} times so far)")


def _tallied(trials: Iterable[Trial]) -> dict[float, _Tally]:
    rates: dict[float, list[bool | None]] = {}
    for trial in trials:
        rates.setdefault(trial.rate, []).append(trial.met)
    return {rate: _Tally(seen.count(True), seen.count(False), seen.count(None)) for rate, seen in rates.items()}


def _wanted(search: Search, below: Mapping[float, _Tally], good: float | None, missed: float | None) -> float | None:
    """The rate to try next; None when it is known closely enough."""
    unsure = [rate for rate, tally in below.items() if tally.decided(search) is None and rate > (good or 0.0)]
    if unsure:
        return min(unsure)
    if good is None and missed is None:
        return _within(search, search.start)
    if missed is None:
        return None if good is None or good >= search.most_rate else _within(search, good * FACTOR)
    if good is None:
        return None if missed <= search.least else _within(search, missed / FACTOR)
    if missed <= good * (1 + search.precision):
        return None
    middle = _rounded((good * missed) ** HALF)
    return middle if good < middle < missed else None


def _within(search: Search, rate: float) -> float:
    return _rounded(min(max(rate, search.least), search.most_rate))


def _rounded(rate: float) -> float:
    """A rate of four digits: one that a person can type again."""
    return float(f"{rate:.{DIGITS}g}")


def _found(
    search: Search,
    tallies: Mapping[float, _Tally],
    good: float | None,
    missed: float | None,
    bound: float | None,
    why: str,
) -> Found:
    """The end of the search, and a sentence."""
    tally = tallies.get(good, _Tally(0, 0, 0)) if good is not None else _Tally(0, 0, 0)
    sure = met_more_often(tally.met, tally.missed) if good is not None else 0.0
    count = sum(item.met + item.missed + item.spoilt for item in tallies.values())
    parts = []
    if good is None:
        parts.append("no rate met the goal" if missed is not None else "no rate was sure to meet the goal")
    else:
        parts.append(f"{good:g}/s met the goal in {tally.met} of {tally.met + tally.missed} trials")
    if missed is not None:
        parts.append(f"{missed:g}/s did not")
    elif good is not None and good >= search.most_rate:
        parts.append("no higher rate was to be tried")
    if bound is not None:
        parts.append(f"at {bound:g}/s the generator was the limit: the target may carry more")
    if why:
        parts.append(why)
    return Found(
        rate=good, missed=missed, trials=count, confidence=sure, is_bound=bound is not None, says="; ".join(parts)
    )
