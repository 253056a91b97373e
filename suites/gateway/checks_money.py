"""Money: what a request costs, by the balance before and after, by what answers tell, and by the tokens they count."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.contract import Topic
from imageproof.specs.generate import UnbreakableError
from imageproof.specs.model import Does, Phase
from imageproof.specs.outcome import price_row
from imageproof.specs.pairwise import single
from imageproof.suites.gateway.acceptance import acceptance
from imageproof.suites.gateway.checks_answers import failed_story, reference
from imageproof.suites.gateway.checks_errors import first_shape, has_cards
from imageproof.suites.gateway.checks_results import ends, is_done
from imageproof.suites.gateway.jobs import Job, job_for, with_value
from imageproof.suites.gateway.probes import selector_of
from imageproof.suites.gateway.reading import read_answer
from imageproof.suites.gateway.verdicts import (
    Fault,
    InconclusiveError,
    Judgement,
    NotApplicableError,
    NotJudgedError,
)

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Model, Operation, Price, Shape
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.session import Session
    from imageproof.suites.gateway.stories import Story

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
    _, name, slug = session.book.tail(rule).split("/", 2)
    model = session.spec.models[name]
    if model.tokens is not None:
        return await _tokens(session, model, slug)
    row = next(item for item in model.prices if item.rule.id == rule.id)
    if row.micro_usd is None:
        raise NotApplicableError("no page gives the price")
    shape = next(iter(model.shapes.values()))
    job = _job_of_row(session, model, shape, row)
    if job is None:
        raise InconclusiveError("no request falls under this row")
    return await _charged(session, rule, job, row)


def _job_of_row(session: Session, model: Model, shape: Shape, row: Price) -> Job | None:
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


async def _charged(session: Session, rule: Rule, job: Job, row: Price) -> Judgement:
    lock = await session.alone()
    async with lock:
        try:
            before, first = await balance(session)
        except NotApplicableError:
            return await _told_price(session, rule, job, row)
        story = await session.story(job, rule)
        if not story.is_accepted:
            await session.need(session.book.id_of(Topic.ANSWERS, job.operation.name))
            raise InconclusiveError("the request was refused")
        after, last = await balance(session)
    wanted = job.micro_usd
    if before - after == wanted:
        return Judgement(judged=1, seen=(first.id, story.submit.id, last.id))
    if story.phase is Phase.FAILED:
        raise InconclusiveError("the job failed, and what was charged was given back")
    fault = Fault(
        expected=f"{usd(wanted)} charged",
        actual=f"{usd(before - after)} charged",
        bad=story.submit.id,
        others=(first.id, last.id),
    )
    return Judgement(judged=1, faults=(fault,))


async def _told_price(session: Session, rule: Rule, job: Job, row: Price) -> Judgement:
    """The price as the answer itself tells it, where it does."""
    del row
    story = await session.story(job, rule)
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


async def _tokens(session: Session, model: Model, slug: str) -> Judgement:
    part = {
        "text-tokens": "usage.text_tokens",
        "reference-tokens": "usage.image_tokens",
        "output-tokens": "usage.output_tokens",
        "partial-tokens": "usage.output_tokens",
    }.get(slug)
    if part is None:
        raise NotApplicableError("a tariff for tokens stands in no answer; the tokens themselves are judged")
    judged, faults, seen = 0, [], []
    for story in await _counted(session, model):
        if slug == "partial-tokens" and not (story.job.is_streamed and story.events):
            continue
        if slug == "output-tokens" and story.job.is_streamed:
            continue
        if slug == "reference-tokens" and not story.job.outcome.references:
            continue
        got = usage_of(story).get(part)
        if got is None or _is_server_choice(model, story):
            continue
        usage = story.job.outcome.usage
        wanted = {"usage.text_tokens": usage.text, "usage.image_tokens": usage.image}.get(part, usage.output)
        judged += 1
        seen.append(story.end.id)
        if got != wanted:
            name = part.removeprefix("usage.")
            faults.append(Fault(expected=f"{wanted} {name}", actual=f"{got} {name}", bad=story.end.id))
    if not judged:
        raise InconclusiveError("no answer counts them")
    return Judgement(judged=judged, faults=tuple(faults[:3]), seen=tuple(seen[:2]))


def _is_server_choice(model: Model, story: Story) -> bool:
    """Whether the server chose the quality: then the count is its choice too."""
    tokens = model.tokens
    return tokens is not None and str(story.job.asked.get(tokens.output.quality_field)) == "auto"


async def _counted(session: Session, model: Model) -> list[Story]:
    out: list[Story] = []
    for shape in model.shapes.values():
        got = await acceptance(session, shape)
        out += [story for _, story in got.rows if is_done(story)]
        if not out and got.unjudged:
            raise got.unjudged[0]
    return out


def usage_of(story: Story) -> dict[str, int]:
    """The counts of tokens that an answer or the completed event of a stream tells, by the names of the templates."""
    from imageproof.specs.places import read_all  # noqa: PLC0415

    stream = story.job.operation.stream
    values: dict[str, list[object]] = {}
    if story.job.is_streamed and stream is not None:
        for event in story.events:
            if event.name == stream.completed_event:
                values = read_all(event.tree, stream.completed)
    elif story.end.operation is not None:
        values = read_answer(story.end.operation, story.end.tree)
    return {
        name: found[0]
        for name, found in values.items()
        if name.startswith("usage.") and found and isinstance(found[0], int) and not isinstance(found[0], bool)
    }


async def check_usage_sums(session: Session, rule: Rule) -> Judgement:
    """Judge that input, output and total add up."""
    del rule
    judged, faults, seen = 0, [], []
    for model in session.spec.models.values():
        if model.tokens is None:
            continue
        for story in await _counted(session, model):
            usage = usage_of(story)
            for total, parts in (
                ("usage.total_tokens", ("usage.input_tokens", "usage.output_tokens")),
                ("usage.input_tokens", ("usage.text_tokens", "usage.image_tokens")),
            ):
                if total not in usage or any(part not in usage for part in parts):
                    continue
                judged += 1
                seen.append(story.end.id)
                wanted = sum(usage[part] for part in parts)
                if usage[total] != wanted:
                    name = total.removeprefix("usage.")
                    faults.append(Fault(expected=f"{name} {wanted}", actual=f"{name} {usage[total]}", bad=story.end.id))
    if not judged:
        raise InconclusiveError("no answer counts tokens")
    return Judgement(judged=judged, faults=tuple(faults[:3]), seen=tuple(seen[:2]))


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
        return await _given_back(session, rule)
    shape = first_shape(session)
    job = session.least(shape)
    again = Job(operation=job.operation, shape=shape, model=job.model, body=job.body, twin=2)
    row = price_row(job.model.prices, job.asked)
    if row is None or row.micro_usd is None:
        raise InconclusiveError("no page prices the plainest request")
    return await _charged(session, rule, again, row)


async def _unchanged(session: Session, what: str, work) -> Judgement:  # type: ignore[no-untyped-def]  # noqa: ANN001
    lock = await session.alone()
    async with lock:
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
    for rule in first_shape(session).rules:
        for probe in session.probes(rule, most=1):
            seen = await session.bench.call("refusal", probe.operation, body=probe.breaks)
            if not seen.is_good:
                return seen
    raise InconclusiveError("no request was refused")


async def _poll(session: Session) -> Seen:
    poll = session.spec.operation_for(Does.POLL)
    story = await reference(session)
    if poll is None or story.submit.task is None:
        raise NotApplicableError("there are no tasks to ask for")
    return await session.bench.call("poll", poll, task_id=story.submit.task)


async def _given_back(session: Session, rule: Rule) -> Judgement:
    if not session.is_paid or not await has_cards(session):
        raise InconclusiveError("a provider fails only when it wants to; with the mock upstream it can be asked to")
    lock = await session.alone()
    tasks = session.spec.tasks
    names = list(tasks.failures) if tasks else []
    async with lock:
        before, first = await balance(session)
        shape = first_shape(session)
        job = session.least(shape)
        failing = Job(
            operation=job.operation, shape=shape, model=job.model, body=job.body, card=f"fail: {names[0]}", twin=3
        )
        story = await session.story(failing, rule)
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


async def check_failure(session: Session, rule: Rule) -> Judgement:
    """Judge what a failed task says, for each documented failure, with the mock's test cards."""
    name = session.book.tail(rule).split("/")[1]
    tasks = session.spec.tasks
    if tasks is None or name not in tasks.failures:
        raise NotApplicableError("a synchronous call says so in its error answer")
    try:
        story = await failed_story(session, name)
    except NotJudgedError:
        raise
    if not story.is_accepted:
        raise InconclusiveError(f"the job with the test card was refused: status {story.submit.status}")
    if story.phase is not Phase.FAILED:
        await session.need(session.book.id_of(Topic.STATES, Phase.FAILED))
        if story.phase is None:
            await ends(session, [story])
        actual = f"it ended as {story.phase}" if story.phase else story.lost
        return Judgement(
            judged=1, faults=(Fault(expected=f"a task that fails with {name}", actual=actual, bad=story.end.id),)
        )
    failure = tasks.failures[name]
    values = read_answer(story.end.operation, story.end.tree, Phase.FAILED) if story.end.operation else {}
    wanted, got = (failure.code, values.get("failure.code")) if failure.code is not None else (None, None)
    if failure.code is None:
        message = values.get("failure.message")
        wanted, got = failure.message, message
    if got is None:
        return Judgement(
            judged=1,
            faults=(Fault(expected=f"a failure that says {wanted!r}", actual="it says nothing", bad=story.end.id),),
        )
    if failure.code is not None and got[0] != wanted:
        return Judgement(
            judged=1, faults=(Fault(expected=f"code {wanted!r}", actual=f"code {got[0]!r}", bad=story.end.id),)
        )
    return Judgement(judged=1, seen=(story.end.id,))
