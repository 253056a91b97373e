"""What a check comes to, before baselines and levels are looked at."""

from __future__ import annotations

from dataclasses import dataclass

from imageproof.records.lines import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that was not as the rule says. `bad`, `good` and `others` are ids of exchanges."""

    expected: str
    actual: str
    bad: int | None = None
    good: int | None = None
    others: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How a rule was kept: `judged` things were looked at, `faults` of them were wrong.

    `seen` are exchanges that show it was kept. `basis` says how refusals were told from each other, `note` what else a
    reader should know.
    """

    judged: int
    faults: tuple[Fault, ...] = ()
    seen: tuple[int, ...] = ()
    basis: str = ""
    note: str = ""


class NotJudgedError(Exception):
    """A rule can't be judged here: why, and which verdict says so. `by` is the rule or entry that stands in the way."""

    verdict = Verdict.INCONCLUSIVE

    def __init__(self, reason: str, by: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.by = by


class InconclusiveError(NotJudgedError):
    """There was no occasion to see it: no budget, no key for it, no answer."""


class NotApplicableError(NotJudgedError):
    """The rule does not concern a gateway, nobody can see it from outside, or the gateway declares that it lacks it."""

    verdict = Verdict.NOT_APPLICABLE


class BlockedError(NotJudgedError):
    """Another rule is broken, on which this one rests."""

    verdict = Verdict.BLOCKED


class BudgetEndedError(InconclusiveError):
    """The money for it was spent."""
