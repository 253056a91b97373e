"""One root cause, one failure: findings that are blocked stand below the failure that blocks them. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imageproof.records.lines import Finding

LEVELS = ("MUST", "SHOULD", "MAY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """A failed rule, and the rules that could not be judged because of it, in the order in which they came."""

    finding: Finding
    blocked: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Findings with one verdict and one reason."""

    verdict: Verdict
    reason: str
    findings: tuple[Finding, ...]


def causes(findings: Iterable[Finding]) -> tuple[Cause, ...]:
    """The failures, MUST before SHOULD before MAY, then as they appeared."""
    known = {finding.rule: finding for finding in findings}
    below = _blocked_below(known)
    failed = (item for item in known.values() if item.verdict is Verdict.FAILED)
    return tuple(Cause(finding=item, blocked=tuple(below[item.rule])) for item in sorted(failed, key=_rank))


def not_judged(findings: Iterable[Finding]) -> tuple[Group, ...]:
    """What was not judged and hangs below no failure, grouped by verdict and reason; the largest groups first."""
    everything = tuple(findings)
    below = {item.rule for cause in causes(everything) for item in cause.blocked}
    groups: defaultdict[tuple[Verdict, str], list[Finding]] = defaultdict(list)
    for item in everything:
        if item.verdict in SILENT and item.rule not in below:
            groups[item.verdict, why(item)].append(item)
    ordered = sorted(groups.items(), key=lambda entry: (SILENT.index(entry[0][0]), -len(entry[1])))
    return tuple(Group(verdict=verdict, reason=reason, findings=tuple(items)) for (verdict, reason), items in ordered)


def why(finding: Finding) -> str:
    """The reason of a finding, or the best that can be said when it has none."""
    if finding.reason:
        return finding.reason
    return f"blocked by {finding.by}" if finding.by else "no reason was written down"


SILENT = (Verdict.BLOCKED, Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE)


def _rank(finding: Finding) -> int:
    return LEVELS.index(finding.level) if finding.level in LEVELS else len(LEVELS)


def _blocked_below(known: Mapping[str, Finding]) -> defaultdict[str, list[Finding]]:
    """The blocked findings by the failed rule at the end of their chain."""
    below: defaultdict[str, list[Finding]] = defaultdict(list)
    for item in known.values():
        if item.verdict is Verdict.BLOCKED:
            below[_root(item, known)].append(item)
    return below


def _root(finding: Finding, known: Mapping[str, Finding]) -> str:
    """The rule that blocks the rule that blocks ... this one; a ring, which no run should hold, ends where it began."""
    seen = {finding.rule}
    blocker = finding.by
    while blocker not in seen and blocker in known and known[blocker].verdict is Verdict.BLOCKED:
        seen.add(blocker)
        blocker = known[blocker].by
    return blocker
