"""From the remarks on all scenarios to one finding for each rule for clients. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.records.lines import Evidence, Finding, Place, Verdict
from imageproof.specs.client import client_rules
from imageproof.specs.facts import How, Level
from imageproof.suites.client.judging import why_not_judged
from imageproof.suites.gateway.findings import below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Spec
    from imageproof.suites.client.watch import Remark, Watch

    Result = tuple[Watch, Sequence[Remark]]

MOST_TOLD = 50
MOST_DETAIL = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """One remark and the scenario that it is about."""

    scenario: str
    remark: Remark


def findings(spec: Spec, results: Sequence[Result], *, strict: bool) -> list[Finding]:
    """One finding for each rule for clients of the spec, in the order of the rules."""
    told = [_Seen(scenario=watch.name, remark=remark) for watch, remarks in results for remark in remarks]
    rules = client_rules(spec)
    by_rule: dict[str, list[_Seen]] = {rule.id: [] for rule in rules}
    for seen in told:
        if seen.remark.rule in by_rule:
            by_rule[seen.remark.rule].append(seen)
    return [_finding(spec, rule, by_rule[rule.id], results, strict=strict) for rule in rules]


def _finding(spec: Spec, rule: Rule, seen: Sequence[_Seen], results: Sequence[Result], *, strict: bool) -> Finding:
    bad = [item for item in seen if not item.remark.ok]
    if not seen:
        verdict, reason, by = _nothing(spec, results)
        return _base(spec, rule, verdict=verdict, reason=reason, by=by)
    if not bad:
        shown = next((item.remark for item in seen if item.remark.others), None)
        evidence = Evidence(others=shown.others) if shown else None
        return _base(spec, rule, verdict=Verdict.PASSED, judged=len(seen), evidence=evidence)
    verdict, reason = _weight(rule, strict=strict)
    first = bad[0].remark
    return _base(
        spec,
        rule,
        verdict=verdict,
        reason=reason,
        judged=len(seen),
        expected=first.expected,
        actual=_line(bad[0]),
        evidence=Evidence(bad=first.bad, good=first.good, others=first.others),
        more=_more(bad),
    )


def _line(seen: _Seen) -> str:
    return f"{seen.scenario}: {seen.remark.actual}"


def _more(bad: Sequence[_Seen]) -> tuple[str, ...]:
    """The raw numbers of the first, then what else was seen, each line once."""
    details = [f"{name}: {value}"[:MOST_DETAIL] for name, value in (bad[0].remark.details or {}).items()]
    others = list(dict.fromkeys(_line(item) for item in bad[1:]))
    return (*(line for line in others if line != _line(bad[0])), *details)[:MOST_TOLD]


def _weight(rule: Rule, *, strict: bool) -> tuple[Verdict, str]:
    if rule.source.how is How.ASSUMED:
        return Verdict.WARNED, "the rule is assumed, on no page: it informs and never fails"
    if rule.level is Level.MUST:
        return Verdict.FAILED, ""
    if rule.level is Level.SHOULD and strict:
        return Verdict.FAILED, "a SHOULD, and --strict asks for it"
    return Verdict.WARNED, f"a {rule.level}: fails only with --strict" if rule.level is Level.SHOULD else "a MAY"


def _nothing(spec: Spec, results: Sequence[Result]) -> tuple[Verdict, str, str]:
    """Why there is nothing to say of a rule."""
    if not results:
        return Verdict.INCONCLUSIVE, "no scenario was run", ""
    reasons = {watch.name: why_not_judged(watch) for watch, _ in results}
    left = [name for name, reason in reasons.items() if reason is None]
    if not left:
        name, reason = next(iter(reasons.items()))
        return Verdict.INCONCLUSIVE, f"no scenario could be judged; {name}: {reason}", ""
    ends = f"{spec.name}/client/ends"
    broken = [watch.name for watch, remarks in results if any(item.rule == ends and not item.ok for item in remarks)]
    if set(left) <= set(broken):
        return Verdict.BLOCKED, f"the client broke down in {', '.join(dict.fromkeys(broken))}", ends
    return Verdict.NOT_APPLICABLE, "none of the scenarios that were run could show it", ""


def _base(spec: Spec, rule: Rule, *, verdict: Verdict, **more: object) -> Finding:
    page = spec.sources.get(rule.source.tag or "")
    values: dict[str, object] = {
        "rule": rule.id,
        "level": rule.level.value,
        "verdict": verdict,
        "sentence": rule.sentence,
        "how": rule.source.how.value,
        "source": f"{page.title} > {rule.source.place}" if page else rule.source.place,
        "url": page.url if page else "",
        "place": Place(file=below(rule.mark.file), line=rule.mark.line, column=rule.mark.column),
        **more,
    }
    return Finding(**values)  # type: ignore[arg-type]  # by name
