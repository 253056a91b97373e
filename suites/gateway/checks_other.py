"""Numbers, order of checks, idempotency, rate limits; and the rules that no gateway can break."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.contract import Topic
from imageproof.specs.pairwise import single
from imageproof.suites.bodies import is_sayable
from imageproof.suites.gateway.bursts import burst
from imageproof.suites.gateway.checks_answers import refusal_told
from imageproof.suites.gateway.jobs import Job, job_for, with_value
from imageproof.suites.gateway.plain_calls import first_shape
from imageproof.suites.gateway.probes import Probe, selector_of
from imageproof.suites.gateway.refusals import answer_for, differences
from imageproof.suites.gateway.verdicts import Fault, InconclusiveError, Judgement, NotApplicableError

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Shape
    from imageproof.suites.gateway.session import Session

KEY = "imageproof-0f2d7c4e"
MARGIN = 1.5  # how far the rate has to be passed before silence counts


async def check_numbers(session: Session, rule: Rule) -> Judgement:
    """Judge how the numbers that JSON confuses are taken: 1.0 and "1" for an integer."""
    slug = session.book.tail(rule).split("/")[1]
    numbers = session.spec.numbers
    taken = numbers.integral_float if slug == "integral-float" else numbers.numeric_string
    found = _integer_field(session)
    if found is None:
        raise NotApplicableError("no field of a JSON request is an integer")
    shape, name, number = found
    value: object = float(number) if slug == "integral-float" else str(number)
    plain = single(shape, selector_of(session.spec, shape), name, number)
    if plain is None:
        raise InconclusiveError(f"no valid request holds {name}")
    body = with_value(plain, name, value)
    operation = session.spec.operations[shape.operation]
    if taken:
        story = await session.story(job_for(session.spec, shape, body))
        seen = story.submit
    else:
        seen = await session.refused(Probe(operation=operation, shape=shape, breaks=body, keeps=None))
    if seen.is_good is taken:
        return Judgement(judged=1, seen=(seen.id,))
    word = {True: "accepted", False: "refused"}
    actual = f"accepted with status {seen.status}" if seen.is_good else f"refused with {refusal_told(session, seen)}"
    return Judgement(
        judged=1, faults=(Fault(expected=f"{name} = {value!r} {word[taken]}", actual=actual, bad=seen.id),)
    )


def _integer_field(session: Session) -> tuple[Shape, str, int] | None:
    for shape in session.shapes():
        if session.spec.operations[shape.operation].content != "json":
            continue
        for item in shape.allowed:
            kinds = [rule.kind for rule in item.rules]
            if item.type != "integer" or any(isinstance(kind, k.OneOf) for kind in kinds):
                continue
            least = next((kind.least for kind in kinds if isinstance(kind, k.Range)), 1)
            return shape, item.name, least
    return None


async def check_order(session: Session, rule: Rule) -> Judgement:
    """Judge in which order a request is checked: a wrong key comes before what is wrong with the body."""
    del rule
    shape = first_shape(session)
    operation = session.spec.operations[shape.operation]
    body = {name: value for name, value in session.least(shape).body.items() if name != "prompt"}
    if not is_sayable(operation, body):
        raise NotApplicableError("no request is wrong in two ways")
    seen = await session.bench.call("two mistakes", operation, body=body, headers=())
    answer = answer_for(session.spec, None, "auth_missing")
    wrong = differences(session.spec, operation, answer, seen)
    fault = [Fault(expected=wrong[0].expected, actual=wrong[0].actual, bad=seen.id)] if wrong else []
    return Judgement(judged=1, faults=tuple(fault), seen=(seen.id,))


async def check_idempotency(session: Session, rule: Rule) -> Judgement:
    """Judge what a repeated idempotency key does: the same task again where it is honoured, a new one where not."""
    del rule
    header = session.spec.idempotency_header
    shape = first_shape(session)
    if header is None:
        raise NotApplicableError("there is no such header")
    plain = session.least(shape)
    both = [
        Job(
            operation=plain.operation,
            shape=shape,
            model=plain.model,
            body={**plain.body},
            extra=((header, KEY),),
            twin=twin,
        )
        for twin in (0, 1)
    ]
    # the prompt is marked by the job's key, and a repeated request has to be the same to the last byte
    first = await session.story(both[0])
    again = await session.submit_among_others(both[1], body=both[0].sent)
    if not first.is_accepted or not again.is_good:
        raise InconclusiveError("a request with the header was refused")
    mine, other = first.submit.task, again.task
    if mine is None or other is None:
        raise NotApplicableError("answers hold no id that would tell whether the job was done twice")
    honoured = session.spec.idempotency_honoured
    if (mine == other) is honoured:
        return Judgement(judged=1, seen=(first.submit.id, again.id))
    expected = "the task of the first request again" if honoured else "a second task"
    actual = f"task {other}, " + ("the same one" if mine == other else f"another one than {mine}")
    return Judgement(judged=1, faults=(Fault(expected=expected, actual=actual, bad=again.id, good=first.submit.id),))


async def check_limit(session: Session, rule: Rule) -> Judgement:
    """Judge that the documented rate limit is kept, with a key of the mock for which it holds."""
    name = session.book.tail(rule).split("/")[1]
    operation = next((item for item in session.spec.operations.values() if item.does.value == name), None)
    if operation is None:
        raise NotApplicableError("no operation has this limit")
    session.bench.keys_of("own_limited")
    await session.need(session.book.id_of(Topic.AUTH, "header"))
    found = await burst(session, operation)
    limit = session.spec.limits[name]
    if found.refusal is not None:
        return Judgement(judged=found.sent, seen=(found.refusal.id,))
    allowed = limit.burst + found.took_s * session.config.scale * limit.per_minute / 60
    if found.sent < allowed * MARGIN:
        raise InconclusiveError(
            f"{found.sent} requests in {found.took_s:.1f} s did not pass the documented rate: this machine is too slow"
        )
    fault = Fault(expected=f"a refusal after {limit.burst} requests at once", actual=f"none after {found.sent}")
    return Judgement(judged=found.sent, faults=(fault,))


def not_for_gateways(reason: str):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """A check for rules that are addressed to others."""

    async def check(session: Session, rule: Rule) -> Judgement:
        del session, rule
        raise NotApplicableError(reason)

    return check
