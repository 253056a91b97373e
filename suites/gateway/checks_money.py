"""Money: what a request costs, by the balance before and after, by what answers tell, and by the tokens they count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.contract import Topic
from imageproof.specs.generate import UnbreakableError
from imageproof.specs.model import Does, Phase
from imageproof.specs.outcome import price_row
from imageproof.specs.pairwise import single
from imageproof.suites.gateway.checks_answers import reference
from imageproof.suites.gateway.checks_errors import has_cards
from imageproof.suites.gateway.checks_tokens import check_tokens
from imageproof.suites.gateway.jobs import Job, job_for, with_value
from imageproof.suites.gateway.plain_calls import first_shape, refused_probe
from imageproof.suites.gateway.probes import selector_of
from imageproof.suites.gateway.reading import read_answer
from imageproof.suites.gateway.verdicts import (
    Fault,
    InconclusiveError,
    Judgement,
    NotApplicableError,
)

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Model, Operation, Price, Shape
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.session import Session

MICRO = 1_000_000
USAGE = ("usage.text_tokens", "usage.image_tokens", "usage.output_tokens")
ADDRESSED = {
    "usd-per-credit": "the rate at which credits are sold stands in no answer",
    "disconnect": "whether a caller who left was billed shows only on an invoice",
}
BILLED_AT = "the money is gone when the request is accepted"


def balance_operation(session: Session) -> Operation | None:
    """The operation that tells a balance in a place that can be read back."""
    for operation in session.spec.operations.values():
        body = operation.answer.body
        if operation.does is Does.BALANCE and body is not None and _balance_names(session, operation):
            return operation
    return None


def _balance_names(session: Session, operation: Operation) -> bool:
    from imageproof.specs.template import placeholders  # noqa: PLC0415

    body = operation.answer.body
    names = set(placeholders(body.tree)) if body else set()
    rate = session.spec.billing.micro_usd_per_credit
    return bool(
        names & {"account.usd", "account.used_usd"} or (rate and names & {"account.credits", "account.used_credits"})
    )


async def balance(session: Session) -> tuple[int, Seen]:
    """What the account has left, in micro-dollars. Raises InconclusiveError when the answer does not tell it."""
    operation = balance_operation(session)
    if operation is None:
        raise NotApplicableError("nothing tells what was charged: there is no balance to ask for")
    seen = await session.bench.call("balance", operation)
    values = read_answer(operation, seen.tree)
    rate = session.spec.billing.micro_usd_per_credit or MICRO
    for name, factor, sign in (
        ("account.credits", rate, 1),
        ("account.usd", MICRO, 1),
        ("account.used_credits", rate, -1),
        ("account.used_usd", MICRO, -1),
    ):
        for value in values.get(name, []):
            if isinstance(value, int | float) and not isinstance(value, bool):
                return round(value * factor) * sign, seen
    raise InconclusiveError("the answer about the balance does not tell it")


# prices


async def check_price(session: Session, rule: Rule) -> Judgement:
    """Judge a row of the price list, or the tokens that an answer counts."""
    about = session.book.about(rule)
    name, slug = about.model, about.rest
    model = session.spec.models[name]
    if model.tokens is not None:
        return await check_tokens(session, model, slug)
    row = next(item for item in model.prices if item.rule.id == rule.id)
    if row.micro_usd is None:
        raise NotApplicableError("no page gives the price")
    shape = next(iter(model.shapes.values()))
    job = job_of_row(session, model, shape, row)
    if job is None:
        raise InconclusiveError("no request falls under this row")
    return await _charged(session, job)


def job_of_row(session: Session, model: Model, shape: Shape, row: Price) -> Job | None:
    """The plainest request that falls under a row, marked as one more of its kind: its charge is watched."""
    body = job_for(session.spec, shape, session.least(shape).body).body
    for name, values in row.when.items():
        body = with_value(body, name, values[0])
    candidates = [body]
    selector = selector_of(session.spec, shape)
    for name, values in row.when.items():
        try:
            made = single(shape, selector, name, values[0])
        except UnbreakableError:
            continue
        if made is not None:
            for other, others in row.when.items():
                made = with_value(made, other, others[0])
            candidates.append(made)
    from imageproof.specs.check import Checker  # noqa: PLC0415

    for candidate in candidates:
        if not Checker(shape, selector).check(candidate):
            job = job_for(session.spec, shape, candidate)
            if price_row(model.prices, job.asked) is row:
                return Job(operation=job.operation, shape=shape, model=model, body=candidate, twin=1)
    return None


async def _charged(session: Session, job: Job) -> Judgement:
    """What an accepted request is charged, with nothing between the two looks at the balance but the request itself."""
    if balance_operation(session) is None:
        return await _told_price(session, job)
    async with session.quiet.alone():
        before, first = await balance(session)
        submit = await session.submit_only(job)
        after, last = await balance(session)
    if not submit.is_good:
        await session.need(session.book.id_of(Topic.ANSWERS, job.operation.name))
        raise InconclusiveError("the request was refused")
    if before - after == job.micro_usd:
        return Judgement(judged=1, seen=(first.id, submit.id, last.id))
    expected, actual = f"{usd(job.micro_usd)} charged", f"{usd(before - after)} charged"
    fault = Fault(expected=expected, actual=actual, bad=submit.id, others=(first.id, last.id))
    return Judgement(judged=1, faults=(fault,))


async def _told_price(session: Session, job: Job) -> Judgement:
    """The price as the answer itself tells it, where it does."""
    story = await session.story(job)
    operation = story.end.operation
    values = read_answer(operation, story.end.tree) if operation else {}
    rate = session.spec.billing.micro_usd_per_credit or MICRO
    for name, factor in (("task.cost_usd", MICRO), ("task.credits", rate)):
        for value in values.get(name, []):
            if isinstance(value, int | float) and not isinstance(value, bool):
                got = round(value * factor)
                if got == job.micro_usd:
                    return Judgement(judged=1, seen=(story.end.id,))
                fault = Fault(expected=f"an answer that tells {usd(job.micro_usd)}", actual=usd(got), bad=story.end.id)
                return Judgement(judged=1, faults=(fault,))
    raise NotApplicableError("nothing tells what was charged: there is no balance to ask for")


def usd(micro: int) -> str:
    """An amount as people write it."""
    return f"${micro / MICRO:.6f}".rstrip("0").rstrip(".")


# tokens


# when money moves


async def check_billing(session: Session, rule: Rule) -> Judgement:
    """Judge what is charged for refusals, polls, failures, and when a job is."""
    slug = session.book.tail(rule).split("/")[1]
    if slug in ADDRESSED:
        raise NotApplicableError(ADDRESSED[slug])
    if balance_operation(session) is None:
        raise NotApplicableError("nothing tells what was charged: there is no balance to ask for")
    if slug == "refused":
        return await _unchanged(session, "a refused request", lambda: _refuse(session))
    if slug == "polls":
        return await _unchanged(session, "a poll", lambda: _poll(session))
    if slug == "failed":
        return await _given_back(session)
    shape = first_shape(session)
    job = session.least(shape)
    again = Job(operation=job.operation, shape=shape, model=job.model, body=job.body, twin=2)
    row = price_row(job.model.prices, job.asked)
    if row is None or row.micro_usd is None:
        raise InconclusiveError("no page prices the plainest request")
    await session.need(row.rule.id)
    return await _charged(session, again)


async def _unchanged(session: Session, what: str, work) -> Judgement:  # type: ignore[no-untyped-def]  # noqa: ANN001
    await work()  # once before, so that whatever it needs has been sent and paid for
    async with session.quiet.alone():
        before, first = await balance(session)
        seen: Seen = await work()
        after, last = await balance(session)
    if before == after:
        return Judgement(judged=1, seen=(first.id, seen.id, last.id))
    fault = Fault(
        expected=f"nothing charged for {what}",
        actual=f"{usd(before - after)} charged",
        bad=seen.id,
        others=(first.id, last.id),
    )
    return Judgement(judged=1, faults=(fault,))


async def _refuse(session: Session) -> Seen:
    probe = await refused_probe(session)
    return await session.bench.call("refusal", probe.operation, body=probe.breaks, model=probe.model)


async def _poll(session: Session) -> Seen:
    poll = session.spec.operation_for(Does.POLL)
    story = await reference(session)
    if poll is None or story.submit.task is None:
        raise NotApplicableError("there are no tasks to ask for")
    return await session.bench.call("poll", poll, task_id=story.submit.task)


async def _given_back(session: Session) -> Judgement:
    if not session.is_paid or not await has_cards(session):
        raise InconclusiveError("a provider fails only when it wants to; with the mock upstream it can be asked to")
    await session.need(session.book.id_of(Topic.BILLING, "polls"))
    tasks = session.spec.tasks
    names = list(tasks.failures) if tasks else []
    async with session.quiet.alone():
        before, first = await balance(session)
        shape = first_shape(session)
        job = session.least(shape)
        failing = Job(
            operation=job.operation, shape=shape, model=job.model, body=job.body, card=f"fail: {names[0]}", twin=3
        )
        story = await session.story(failing, alone=True)
        after, last = await balance(session)
    if story.phase is not Phase.FAILED:
        raise InconclusiveError("the job did not fail")
    if before == after:
        return Judgement(judged=1, seen=(first.id, story.end.id, last.id))
    fault = Fault(
        expected="nothing charged for a failed job, as soon as its failure can be seen",
        actual=f"{usd(before - after)} charged",
        bad=story.end.id,
        others=(first.id, last.id),
    )
    return Judgement(judged=1, faults=(fault,))
