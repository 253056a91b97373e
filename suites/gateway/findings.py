"""From judgements to findings: levels, provenance and evidence are put together here, and nowhere else. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.records.lines import Evidence, Finding, Place, Verdict
from imageproof.specs.facts import How, Level
from imageproof.suites.gateway.verdicts import Judgement, NotJudgedError

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Spec

MOST_TOLD = 5


def verdict_of(rule: Rule, judgement: Judgement, *, strict: bool) -> tuple[Verdict, str]:
    """The verdict on a judged rule, and the reason where it is not the plain one.

    An assumed rule only informs; SHOULD fails only where strict is asked for; MAY never fails.
    """
    if not judgement.judged and not judgement.faults:
        return Verdict.INCONCLUSIVE, "nothing was seen that could be judged"
    if not judgement.faults:
        return Verdict.PASSED, judgement.note
    if rule.source.how is How.ASSUMED:
        return Verdict.WARNED, "the rule is assumed, on no page: it informs and never fails"
    if rule.level is Level.MAY:
        return Verdict.WARNED, "a MAY: allowed to be otherwise"
    if rule.level is Level.SHOULD and not strict:
        return Verdict.WARNED, "a SHOULD: fails only with --strict"
    return Verdict.FAILED, judgement.note


def finding_of(
    spec: Spec, rule: Rule, result: Judgement | NotJudgedError | BaseException, *, strict: bool, at_s: float
) -> Finding:
    """The finding about a rule."""
    base = _base(spec, rule, at_s)
    if isinstance(result, NotJudgedError):
        return _with(base, verdict=result.verdict, reason=result.reason, by=result.by)
    if isinstance(result, BaseException):
        reason = f"imageproof itself failed: {type(result).__name__}: {result}"
        return _with(base, verdict=Verdict.ERRORED, reason=reason)
    verdict, reason = verdict_of(rule, result, strict=strict)
    first = result.faults[0] if result.faults else None
    evidence = (
        Evidence(bad=first.bad, good=first.good, others=first.others)
        if first
        else Evidence(others=result.seen)
        if result.seen
        else None
    )
    told = tuple(f"{fault.actual} (expected: {fault.expected})" for fault in result.faults[1:MOST_TOLD])
    return _with(
        base,
        verdict=verdict,
        judged=result.judged,
        expected=first.expected if first else "",
        actual=first.actual if first else "",
        reason=reason,
        evidence=evidence,
        more=told,
        basis=result.basis,
    )


def _base(spec: Spec, rule: Rule, at_s: float) -> dict[str, object]:
    page = spec.sources.get(rule.source.tag or "")
    mark = rule.mark
    return {
        "rule": rule.id,
        "level": rule.level.value,
        "sentence": rule.sentence,
        "how": rule.source.how.value,
        "source": f"{page.title} > {rule.source.place}" if page else rule.source.place,
        "url": page.url if page else "",
        "place": Place(file=below(mark.file), line=mark.line, column=mark.column),
        "at_s": round(at_s, 6),
    }


def below(file: str) -> str:
    """A shipped file as it is called in the package, so that no report holds a path of the machine."""
    for part in ("specs/providers/", "specs/"):
        at = file.rfind(part)
        if at >= 0:
            return file[at:]
    return file


def _with(base: dict[str, object], **more: object) -> Finding:
    return Finding(**{**base, **more})  # type: ignore[arg-type]
