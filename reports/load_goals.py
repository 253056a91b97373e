"""The goals of a load run, and the counts of conservation, as rows of tables; limits that a chart can draw. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.html_links import GLYPHS, css_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imageproof.records.lines import Finding

NEVER = "never ended"
GOAL, CONSERVATION = "load/goal/", "load/conservation/"
SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0}
TIME_GOAL = re.compile(
    r"(?P<phase>[a-z_0-9]+)\.(?P<stat>p[0-9.]+|mean|max)<=?(?P<number>[0-9.]+)(?P<unit>us|µs|ms|s|m|min)"
    r"(?:@(?P<clock>[0-9.]+)x)?"
)
SURE = re.compile(r"[;(] ?(?P<low>-?[\d.,]+ ?[^\s,()]*) to (?P<high>-?[\d.,]+ ?[^\s,()]*) at \d+%\)")
BASIS = re.compile(r"\((?P<count>[\d,]+(?: of [\d,]+)? [a-z]+)[;)]")
FOUND = re.compile(r"(?: is | looked like )(?P<value>-?[\d.,]+ ?[^\s,(]*)(?:,| where| \()")
WORDS = {
    Verdict.PASSED: "pass",
    Verdict.FAILED: "fail",
    Verdict.INCONCLUSIVE: "invalid",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A goal for a time: its phase and limit in seconds of the run."""

    goal: str
    phase: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalRow:
    """One goal, or one count.

    `value` is what was measured in short, and `sure` the interval in which it lies; they are empty where only `says`
    tells it.
    """

    anchor: str
    css: str
    glyph: str
    word: str
    goal: str
    wanted: str
    value: str
    sure: str
    basis: str
    says: str


def limits_of(findings: Iterable[Finding]) -> tuple[Limit, ...]:
    """The goals for times; limits of a provider's time are told in that of the run."""
    out = []
    for item in findings:
        if not item.rule.startswith(GOAL):
            continue
        text = item.rule.removeprefix(GOAL)
        match = TIME_GOAL.fullmatch(text)
        if match is None:
            continue
        try:
            clock = float(match["clock"] or 1)
            seconds = float(match["number"]) * SECONDS[match["unit"]] / clock
        except (ValueError, ZeroDivisionError):
            continue
        out.append(Limit(goal=text, phase=match["phase"], seconds=seconds))
    return tuple(out)


def goal_rows(findings: Iterable[Finding]) -> tuple[GoalRow, ...]:
    """The goals; those that are missed first, then those that nobody can judge."""
    order = (Verdict.FAILED, Verdict.INCONCLUSIVE)
    mine = [(number, item) for number, item in enumerate(findings, start=1) if not item.rule.startswith(CONSERVATION)]
    mine.sort(key=lambda pair: order.index(pair[1].verdict) if pair[1].verdict in order else len(order))
    return tuple(_row(number, item) for number, item in mine)


def _row(number: int, item: Finding) -> GoalRow:
    says = item.actual or item.reason
    found, basis, sure = FOUND.search(says), BASIS.search(says), SURE.search(says)
    is_clear = item.verdict in (Verdict.PASSED, Verdict.FAILED) and found is not None and NEVER not in says
    return GoalRow(
        anchor=f"rule-{number}",
        css=css_of(item.verdict),
        glyph=GLYPHS[item.verdict],
        word=WORDS.get(item.verdict, item.verdict.value),
        goal=item.rule.removeprefix(GOAL),
        wanted=(item.expected or item.sentence).rpartition(" is ")[2],
        value=found["value"].strip() if found else "",
        sure=f"{sure['low']} to {sure['high']}" if sure else "",
        basis=basis["count"] if basis else f"{item.judged:,}" if item.judged else "none",
        says="" if is_clear else says,
    )


def count_rows(findings: Iterable[Finding], totals: Mapping[str, float]) -> tuple[GoalRow, ...]:
    """What became of the jobs in both books: how many were lost, made twice, and so on."""
    out = []
    for number, item in enumerate(findings, start=1):
        if not item.rule.startswith(CONSERVATION):
            continue
        name = item.rule.removeprefix(CONSERVATION)
        count = totals.get(f"conservation.{name}")
        known = item.verdict is not Verdict.INCONCLUSIVE
        out.append(
            GoalRow(
                anchor=f"rule-{number}",
                css=css_of(item.verdict),
                glyph=GLYPHS[item.verdict],
                word=WORDS.get(item.verdict, item.verdict.value) if known else "unknown",
                goal=name,
                wanted=item.sentence.removeprefix("no job is "),
                value=f"{count:,.0f}" if count is not None else "",
                sure="",
                basis=f"{item.judged:,} jobs" if item.judged else "none",
                says=item.actual or item.reason,
            )
        )
    return tuple(out)
