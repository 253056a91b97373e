"""A run in numbers, and what its verdict is worth: counts, cost, coverage, warnings. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.amounts import counted, share
from imageproof.reports.causes import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run

MANY = 10  # in a hundred: from this share on, what is open weakens a verdict
BUDGET_ENDED = 5  # the exit code; the command line owns its meaning
ASSUMED = "assumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A run in numbers. Money is micro-dollars; `exit` None means that the run was cut off.

    `judgeable` counts the rules that could be judged: all that apply, also those that a run which was cut off never
    reached. `warnings` say what weakens the verdict, the worst first.
    """

    says: str
    exit: int | None
    counts: Mapping[str, Mapping[Verdict, int]]
    judged: int
    judgeable: int
    requests: int
    billable: int
    micro_usd: int
    duration_s: float
    warnings: tuple[str, ...]
    noun: str = "rule"

    def total(self, verdict: Verdict) -> int:
        """How many findings of all levels have a verdict."""
        return sum(of_level[verdict] for of_level in self.counts.values())

    @property
    def coverage(self) -> str:
        """The share of rules, or checks, that were judged, as text."""
        return f"{self.judged:,} of {self.judgeable:,} {self.noun}s judged ({share(self.judged, self.judgeable)})"


def noun_of(run: Run) -> str:
    """What a finding of a run is about: a rule of a contract, or a check of a load run."""
    return "check" if run.header.what == "load" else "rule"


def summary(run: Run) -> Summary:
    """Sum up a run."""
    mine = [exchange for exchange in run.exchanges.values() if exchange.side == "client"]
    footer = run.footer
    return Summary(
        says=footer.says if footer else _so_far(run),
        exit=footer.exit if footer else None,
        counts=counts_by_level(run.findings),
        judged=sum(1 for item in run.findings if item.verdict.is_judged),
        judgeable=judgeable(run),
        requests=footer.requests if footer else len(mine),
        billable=footer.billable if footer else sum(1 for item in mine if item.micro_usd),
        micro_usd=footer.micro_usd if footer else sum(item.micro_usd for item in mine),
        duration_s=footer.ended_s if footer else max((item.ended_s for item in run.exchanges.values()), default=0.0),
        warnings=warnings(run),
        noun=noun_of(run),
    )


def _so_far(run: Run) -> str:
    judged = [item for item in run.findings if item.verdict.is_judged]
    failed = sum(1 for item in judged if item.verdict.is_bad)
    things = counted(len(judged), f"judged {noun_of(run)}")
    return f"cut off, so there is no verdict; until then {failed:,} of {things} failed"


def counts_by_level(findings: tuple[Finding, ...]) -> dict[str, dict[Verdict, int]]:
    """Verdicts by level, in the order MUST, SHOULD, MAY; each verdict has its number, if only zero."""
    seen = Counter((item.level, item.verdict) for item in findings)
    others = sorted({item.level for item in findings} - set(LEVELS))
    present = [level for level in (*LEVELS, *others) if any(key[0] == level for key in seen)]
    return {level: {verdict: seen[level, verdict] for verdict in Verdict} for level in present}


def judgeable(run: Run) -> int:
    """How many rules could have been judged."""
    never_reached = max(0, run.header.rules - len(run.findings))
    return never_reached + sum(1 for item in run.findings if item.verdict is not Verdict.NOT_APPLICABLE)


def warnings(run: Run) -> tuple[str, ...]:
    """What a reader must know before believing the verdict; nothing when there is nothing to say."""
    seen = Counter(item.verdict for item in run.findings)
    said = (_unfinished(run), _empty(run), _errored(seen), _budget(run), _open(run, seen), _free(run))
    return tuple(item for item in (*said, _contrast(run), _assumed(run), _known(seen)) if item)


def _unfinished(run: Run) -> str:
    if run.cut is None:
        return ""
    missing = run.header.rules - len(run.findings)
    rest = f"; never reached: {missing:,} of {counted(run.header.rules, 'rule')}" if missing > 0 else ""
    return f"{run.cut}{rest}"


def _empty(run: Run) -> str:
    judged = [item for item in run.findings if item.verdict.is_judged]
    if not judged:
        return "nothing was judged: this is no pass"
    if all(item.level != "MUST" for item in judged):
        return "no rule of level MUST was judged: a pass would mean little"
    return ""


def _errored(seen: Counter[Verdict]) -> str:
    number = seen[Verdict.ERRORED]
    return f"imageproof itself failed on {counted(number, 'rule')}: that is our fault, not theirs" if number else ""


def _budget(run: Run) -> str:
    ended = run.footer is not None and run.footer.exit == BUDGET_ENDED
    return "the budget ended before all MUST rules were judged" if ended else ""


def _open(run: Run, seen: Counter[Verdict]) -> str:
    number, whole = seen[Verdict.INCONCLUSIVE] + seen[Verdict.BLOCKED], judgeable(run)
    if number * 100 < MANY * whole or not number:
        return ""
    return f"blocked or inconclusive: {number:,} of {counted(whole, noun_of(run))} ({share(number, whole)})"


def _free(run: Run) -> str:
    if run.header.mode != "free":
        return ""
    return "free mode: no image was made, so nothing about images, tasks that succeed and prices was seen"


def _contrast(run: Run) -> str:
    number = sum(1 for item in run.findings if item.verdict.is_judged and item.basis == "contrast")
    if not number:
        return ""
    return f"{counted(number, 'refusal')} judged by contrast only: the repaired request was not sent"


def _assumed(run: Run) -> str:
    number = sum(1 for item in run.findings if item.verdict.is_judged and item.how == ASSUMED)
    if not number:
        return ""
    stand = "stands" if number == 1 else "stand"
    return f"{counted(number, 'rule')} that {stand} on no page of the provider only inform: they never fail a run"


def _known(seen: Counter[Verdict]) -> str:
    number = seen[Verdict.KNOWN]
    if not number:
        return ""
    return f"{counted(number, 'failure')} listed in the baseline {'does' if number == 1 else 'do'} not count"
