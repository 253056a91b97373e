"""Error answers: each is provoked in a way that costs nothing, or with the mock's test cards, and judged as a whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from imageproof.specs.contract import Statement, Topic
from imageproof.specs.model import MAKES_IMAGES, Does
from imageproof.suites.gateway.bursts import burst
from imageproof.suites.gateway.jobs import Job, image_shapes
from imageproof.suites.gateway.names import model_of, shape_operation
from imageproof.suites.gateway.plain_calls import first_shape, plain_call, unknown_id, wrong_key
from imageproof.suites.gateway.refusals import Aspect, Difference, answer_to, differences
from imageproof.suites.gateway.verdicts import (
    Fault,
    InconclusiveError,
    Judgement,
    NotApplicableError,
    NotJudgedError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import ErrorAnswer, Operation, Shape
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.session import Session

REFERENCES = 3
ALWAYS = 9999  # tries for which a test card holds, so that a run may be repeated
FACTS = {
    "status": Aspect.STATUS,
    "code": Aspect.CODE,
    "type": Aspect.TYPE,
    "headers": Aspect.HEADER,
    "message": None,
}
UNKNOWN_TASKS = 1
BURST_AT_ONCE = 20
MOST_BURSTS = 4


async def check_error(session: Session, rule: Rule) -> Judgement:
    """Judge an error answer, or one fact of it that has a rule of its own (`errors/NAME/status`)."""
    parts = session.book.tail(rule).split("/")
    name, fact = parts[1], parts[2] if len(parts) > 2 else ""  # noqa: PLR2004  (errors / NAME / FACT)
    answer = session.spec.errors[name]
    if fact == "message":
        raise NotApplicableError("wording may differ: a client matches on status and code")
    if not answer.emitted:
        raise NotApplicableError("the provider never sends this answer to a client with a key")
    seen = cast("list[Provoked]", await session.shared(f"error {name}", lambda: provoke(session, answer)))
    wanted = _aspects(session, name, fact)
    faults = []
    for operation, field, item in seen:
        wrong = [
            part for part in differences(session.spec, operation, answer, item, field=field) if part.aspect in wanted
        ]
        if wrong:
            actual = "; ".join(part.actual for part in wrong)
            faults.append(Fault(expected=wrong[0].expected, actual=actual, bad=item.id))
    if len(faults) * 2 <= len(seen) and len(seen) > 1:
        faults = []  # most are right: what is wrong is the refusal of one rule, which says so itself
    return Judgement(judged=len(seen), faults=tuple(faults[:1]), seen=tuple(item.id for _, _, item in seen[:3]))


def _aspects(session: Session, name: str, fact: str) -> set[Aspect]:
    """What a rule of an error answer speaks of: its own fact, or all that no other rule of the answer does."""
    if fact:
        aspect = FACTS.get(fact)
        return {aspect} if aspect else {Aspect.BODY}
    own = {
        aspect
        for part, aspect in FACTS.items()
        if aspect and session.book.has(session.book.id_of(Topic.ERRORS, name, part))
    }
    return set(Aspect) - own - {Aspect.PARAM}


Provoked = tuple["Operation | None", "str | None", "Seen"]


async def provoke(session: Session, answer: ErrorAnswer) -> list[Provoked]:
    """Answers that should be this one. Raises NotJudgedError when there is no way to get it."""
    name = answer.name
    ways: dict[str, Callable[[Session], Awaitable[list[Provoked]]]] = {
        "auth_missing": _without_key,
        "auth_malformed": _malformed_key,
        "auth_invalid": _wrong_key,
        "task_not_found": _unknown_task,
        "invalid_body": _broken_body,
        "rate_limited": _too_fast,
    }
    way = ways.get(name)
    if way is None and any(_named(session, rule) == name for rule in session.spec.rules):
        return await _by_rules(session, name)
    try:
        return await way(session) if way else await _by_key(session, name)
    except NotJudgedError as error:
        if name in ("auth_missing", "auth_malformed", "auth_invalid"):
            raise
        return await _by_card(session, name, error)


def _named(session: Session, rule: Rule) -> str | None:
    """The error answer that a rule about requests gets."""
    if isinstance(rule.kind, Statement):
        return None
    found = shape_operation(session.spec, rule)
    return answer_to(session.spec, model_of(session.spec, found[0]), rule).name if found else None


def references(session: Session, name: str) -> list[Rule]:
    """A few rules of different fields that get this error answer: what they share is the answer's doing."""
    chosen: dict[str | None, Rule] = {}
    for rule in session.spec.rules:
        is_new = len(chosen) < REFERENCES and rule.field not in chosen and _named(session, rule) == name
        if is_new and session.probes(rule, most=1):
            chosen[rule.field] = rule
    return list(chosen.values())


async def _by_rules(session: Session, name: str) -> list[Provoked]:
    rules = references(session, name)
    probes = [(rule, probe) for rule in rules for probe in session.probes(rule, most=1)]
    results = await asyncio.gather(*(session.refused(probe) for _, probe in probes), return_exceptions=True)
    out: list[Provoked] = []
    for (rule, probe), result in zip(probes, results, strict=True):
        if isinstance(result, NotJudgedError):
            continue
        if isinstance(result, BaseException):
            raise result
        if not result.is_good:
            out.append((probe.operation, rule.field, result))
    if not out:
        raise InconclusiveError("no request that should get this answer was refused")
    return out


async def blamed_answer(session: Session, answer: ErrorAnswer, wrong: Sequence[Difference]) -> str | None:
    """The rule of the error answer that is to blame when most refusals of that name differ in the same way."""
    for item in wrong:
        fact = next((part for part, aspect in FACTS.items() if aspect is item.aspect), "")
        own = session.book.id_of(Topic.ERRORS, answer.name, fact)
        cause = own if fact and session.book.has(own) else session.book.id_of(Topic.ERRORS, answer.name)
        if await session.is_broken(cause):
            return cause
    return None


async def refusal_of(session: Session, rule: Rule) -> list[Seen]:
    """Refusals of other fields, to tell one from another."""
    out: list[Seen] = []
    fields = {rule.field}
    for other in session.spec.rules:
        if isinstance(other.kind, Statement) or other.field in fields or len(out) == REFERENCES:
            continue
        for probe in session.probes(other, most=1):
            try:
                seen = await session.refused(probe)
            except NotJudgedError:
                continue
            fields.add(other.field)
            if not seen.is_good:
                out.append(seen)
    return out


# the ways to get one


async def _without_key(session: Session) -> list[Provoked]:
    operation, seen = await plain_call(session, "no key", headers=())
    if seen.is_good:
        raise InconclusiveError("a request without a key is accepted, which the rule of the header says")
    return [(operation, None, seen)]


async def _malformed_key(session: Session) -> list[Provoked]:
    auth = session.spec.auth
    if not auth.scheme:
        raise NotApplicableError("the key stands alone in its header, so there is no malformed one")
    operation, seen = await plain_call(session, "malformed key", headers=((auth.header, "Basic aW1hZ2U6cHJvb2Y="),))
    if seen.is_good:
        raise InconclusiveError("a request with a malformed key is accepted, which the rule of the header says")
    return [(operation, None, seen)]


async def _wrong_key(session: Session) -> list[Provoked]:
    header = session.bench.auth_header(wrong_key(session))
    operation, seen = await plain_call(session, "wrong key", headers=(header,))
    if seen.is_good:
        raise InconclusiveError("a request with a wrong key is accepted, which the rule of the header says")
    return [(operation, None, seen)]


async def _unknown_task(session: Session) -> list[Provoked]:
    poll = session.spec.operation_for(Does.POLL)
    if poll is None:
        raise NotApplicableError("there are no tasks to ask for")
    await session.need(session.book.id_of(Topic.AUTH, "header"))
    return [(poll, None, await session.bench.call("unknown task", poll, task_id=unknown_id(session)))]


async def _broken_body(session: Session) -> list[Provoked]:
    shape = next((item for item in session.shapes() if _is_json(session, item)), None)
    if shape is None:
        raise NotApplicableError("no operation takes JSON")
    operation = session.spec.operations[shape.operation]
    await session.need(session.book.id_of(Topic.ANSWERS, operation.name, "route"))
    data = ("application/json", b'{"prompt": "a red fox", ')
    seen = await session.bench.call("broken JSON", operation, data=data)
    return [(operation, None, seen)]


def _is_json(session: Session, shape: Shape) -> bool:
    return session.spec.operations[shape.operation].content == "json"


async def _too_fast(session: Session) -> list[Provoked]:
    """Go over the documented rate with a key of the mock for which it holds; nobody else is hammered."""
    limits = session.spec.limits
    operation = next((item for item in session.spec.operations.values() if item.does in limits), None)
    if operation is None:
        raise NotApplicableError("no rate limit is documented")
    found = (await burst(session, operation)).refusal
    if found is None:
        raise InconclusiveError("the documented rate was passed without a refusal")
    return [(operation, None, found)]


async def _by_key(session: Session, name: str) -> list[Provoked]:
    """With a key of the mock that has no money, or has been revoked."""
    suffix = {"insufficient_funds": "own_nocredit", "auth_revoked": "own_revoked"}.get(name)
    if suffix is None:
        raise InconclusiveError("a provider answers so only when it wants to")
    operation, seen = await plain_call(session, name, account=suffix)
    if seen.is_good:
        raise InconclusiveError(f"the mock's key {suffix} is not told apart by the gateway")
    return [(operation, None, seen)]


async def _by_card(session: Session, name: str, before: NotJudgedError) -> list[Provoked]:
    """With a test card in the prompt, which the mock reads through any gateway."""
    if not await has_cards(session):
        raise before
    shape = first_shape(session)
    owners = [item for item in image_shapes(session.spec) if name in _own_errors(session, item)]
    fitting = [item for item in session.shapes() if item in owners]
    if owners and not fitting:
        raise NotApplicableError("only models that the gateway declares it lacks refuse in this way")
    job = session.least(fitting[0] if fitting else shape)
    card = "moderated" if name == "moderated_input" else f"error: {name} x{ALWAYS}"
    carded = Job(operation=job.operation, shape=job.shape, model=job.model, body=job.body, card=card)
    async with session.quiet.shared():
        seen = await session.bench.call(
            f"card {card}", carded.operation, body=carded.sent, model=carded.model.name, honour_429=False
        )
    if seen.is_good:
        raise InconclusiveError(f"the test card [[{card}]] was accepted: it does not reach the mock")
    return [(carded.operation, None, seen)]


def _own_errors(session: Session, shape: Shape) -> set[str]:
    model = model_of(session.spec, shape)
    return set(model.errors.values()) if model else set()


async def has_cards(session: Session) -> bool:
    """Whether the mock's test cards reach it: asked for, or tried with a prompt that the mock refuses at no cost."""
    if session.cards is None:
        if not session.is_paid or not session.config.is_loopback or "moderated_input" not in session.spec.errors:
            session.cards = False
            return False
        await session.shared("cards", lambda: _try_cards(session))
    return bool(session.cards)


async def _try_cards(session: Session) -> None:
    job = session.least(first_shape(session))
    carded = Job(operation=job.operation, shape=job.shape, model=job.model, body=job.body, card="moderated")
    try:
        seen = await session.submit_among_others(carded)
    except NotJudgedError:
        session.cards = False
        return
    session.cards = not seen.is_good and carded.operation.does in MAKES_IMAGES
