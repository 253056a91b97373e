"""Rules about what a request holds: what breaks them is refused for the right reason, what keeps them is accepted."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.contract import Topic
from imageproof.suites.gateway.acceptance import acceptance, fields_of, is_served_by, unrelated
from imageproof.suites.gateway.bench import LostError
from imageproof.suites.gateway.checks_errors import blamed_answer, refusal_of
from imageproof.suites.gateway.jobs import is_billable, job_for
from imageproof.suites.gateway.names import model_of, shape_operation
from imageproof.suites.gateway.probes import Probe
from imageproof.suites.gateway.refusals import Aspect, answer_to, differences, signature
from imageproof.suites.gateway.verdicts import Fault, InconclusiveError, Judgement, NotJudgedError

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Operation, Shape
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.session import Session

PAIR, CONTRAST = "pair", "contrast"
HALF_NOTE = (
    "the accepted half was not sent: judged by the code, the parameter named and the contrast with other refusals"
)
ROOT_ASPECTS = frozenset({Aspect.STATUS, Aspect.CODE, Aspect.TYPE, Aspect.BODY, Aspect.HEADER})


async def check_request(session: Session, rule: Rule) -> Judgement:
    """Judge a rule of a shape, or of the field that names the model."""
    found = shape_operation(session.spec, rule)
    if found is None:
        raise InconclusiveError("no request is of this rule's shape")
    shape, operation = found
    book = session.book
    await session.need(book.id_of(Topic.ANSWERS, operation.name, "route"), book.id_of(Topic.AUTH, "header"))
    _require_offered(session, rule, shape)
    held: NotJudgedError | None = None
    try:
        refused = await _refusals(session, rule, shape)
    except NotJudgedError as error:
        held, refused = error, Judgement(judged=0, note="what breaks the rule could not be judged")
    accepted = await _accepted(session, rule, shape, operation)
    if held is not None and not accepted.faults:
        raise held
    judged = refused.judged + accepted.judged
    faults = (*refused.faults, *accepted.faults)
    if not judged and not faults:
        raise InconclusiveError(accepted.note or refused.note or "no request shows it")
    note = "; ".join(dict.fromkeys(part for part in (refused.note, accepted.note) if part))
    return Judgement(
        judged=judged,
        faults=faults,
        seen=refused.seen + accepted.seen,
        basis=refused.basis or accepted.basis,
        note=note,
    )


def _require_offered(session: Session, rule: Rule, shape: Shape) -> None:
    lacks = session.capabilities
    if lacks is not None and rule in session.spec.selector.rules and lacks.lacks_model(shape.model):
        raise InconclusiveError("the gateway declares that it lacks the model of the example")


# the refused half


async def _refusals(session: Session, rule: Rule, shape: Shape) -> Judgement:
    probes = session.probes(rule)
    if isinstance(rule.kind, k.Ignored) or not probes:
        return Judgement(
            judged=0, note="" if isinstance(rule.kind, k.Ignored) else "no request breaks it and nothing else"
        )
    results = await asyncio.gather(*(session.refused(probe) for probe in probes), return_exceptions=True)
    faults: list[Fault] = []
    right: list[tuple[Probe, Seen]] = []
    unjudged: list[NotJudgedError] = []
    for probe, result in zip(probes, results, strict=True):
        if isinstance(result, LostError):
            faults.append(_silent(rule, probe, result)) if session.bench.tally.down is None else unjudged.append(result)
        elif isinstance(result, NotJudgedError):
            unjudged.append(result)
        elif isinstance(result, BaseException):
            raise result
        else:
            fault = await judge_refusal(session, rule, probe, result)
            (faults.append(fault) if fault else right.append((probe, result)))
    if not right and not faults:
        raise unjudged[0] if unjudged else InconclusiveError("no request breaks it and nothing else")
    return await _with_basis(session, rule, shape, faults, right)


def _silent(rule: Rule, probe: Probe, lost: LostError) -> Fault:
    return Fault(
        expected=f"a refusal, as {rule.sentence}", actual=f"{probe.what}: {lost.reason}", bad=lost.exchange or None
    )


async def judge_refusal(session: Session, rule: Rule, probe: Probe, seen: Seen) -> Fault | None:
    """What is wrong with the answer to a request that breaks a rule; None when nothing is.

    Raises BlockedError when the error answer itself is broken everywhere, which is another rule's failure.
    """
    spec = session.spec
    answer = answer_to(spec, model_of(spec, probe.shape), rule)
    wrong = differences(spec, probe.operation, answer, seen, field=rule.field)
    if not wrong:
        return None
    other = unrelated(spec, seen)
    if other is not None and seen.status != answer.status:
        raise InconclusiveError(f"answered with {other}, which says nothing about this rule")
    first = wrong[0]
    if first.aspect is not Aspect.ACCEPTED and {item.aspect for item in wrong} <= ROOT_ASPECTS:
        cause = await blamed_answer(session, answer, wrong)
        if cause is not None:
            await session.need(cause)
    what = f"{probe.what}: " if probe.what else ""
    return Fault(expected=first.expected, actual=what + "; ".join(item.actual for item in wrong), bad=seen.id)


async def _with_basis(
    session: Session, rule: Rule, shape: Shape, faults: list[Fault], right: list[tuple[Probe, Seen]]
) -> Judgement:
    """Say on what the judgement rests: the repaired twin that was accepted, or the contrast with other refusals."""
    seen = tuple(item.id for _, item in right[:3])
    judged = len(faults) + len(right)
    probes = [probe for probe, _ in right]
    if session.is_paid or not is_billable(session.spec.operations[shape.operation]):
        good = await _twin(session, probes or session.probes(rule, most=1))
        if isinstance(good, Fault):
            return Judgement(judged=judged + 1, faults=(*faults, good), seen=seen, basis=PAIR)
        if good is not None:
            whole = tuple(replace(fault, good=fault.good or good) for fault in faults)
            return Judgement(judged=judged, faults=whole, seen=(*seen, good), basis=PAIR)
    if right and not faults and not await _stands_out(session, rule, right[0][1]):
        raise InconclusiveError("every refusal reads the same, so nothing shows that this rule is its reason")
    return Judgement(judged=judged, faults=tuple(faults), seen=seen, basis=CONTRAST, note=HALF_NOTE)


async def _twin(session: Session, probes: list[Probe]) -> int | Fault | None:
    """The exchange of the accepted twin, the fault that it was refused, or None when it can't be had."""
    for probe in probes:
        if probe.keeps is None:
            continue
        if not is_billable(probe.operation):
            seen = await session.bench.call("twin", probe.operation, body=probe.keeps, model=probe.model)
            return seen.id if seen.is_good else None
        try:
            story = await session.story(job_for(session.spec, probe.shape, probe.keeps))
        except NotJudgedError:
            return None
        if story.is_accepted:
            return story.submit.id
        return None  # the rows tell which value is at fault
    return None


async def _stands_out(session: Session, rule: Rule, seen: Seen) -> bool:
    """Whether a refusal names the field, or reads otherwise than the refusal of another field."""
    spec = session.spec
    mine = signature(spec, seen.operation, seen)
    field = (rule.field or "").rpartition(".")[2]
    told = " ".join(str(part) for part in mine)
    if field and field in told:
        return True
    others = await refusal_of(session, rule)
    return any(signature(spec, other.operation, other) != mine for other in others)


# the accepted half


async def _accepted(session: Session, rule: Rule, shape: Shape, operation: Operation) -> Judgement:
    if not is_billable(operation):
        return Judgement(judged=0)
    if not session.is_paid:
        return Judgement(judged=0, note="what keeps the rule was not sent, as it costs money")
    if rule in session.spec.selector.rules:
        return Judgement(judged=0)
    got = await acceptance(session, shape)
    faults = tuple(got.faults.get(rule.id, ()))
    served = [story for row, story in got.rows if is_served_by(rule, session.spec, shape, row)]
    note = got.unjudged[0].reason if got.unjudged and not served and not faults else ""
    if note and fields_of(rule):
        note = f"what keeps the rule could not be judged: {note}"
    return Judgement(
        judged=len(served) + len(faults), faults=faults, seen=tuple(story.submit.id for story in served[:2]), note=note
    )
