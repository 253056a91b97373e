"""Routes, keys, good answers, states and everything that is looked at in passing on every answer."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from imageproof.specs.contract import Topic
from imageproof.specs.model import ASKS_FOR_TASK, MAKES_IMAGES, Does, Phase
from imageproof.suites.gateway.bursts import empty_body
from imageproof.suites.gateway.checks_errors import has_cards
from imageproof.suites.gateway.histories import settle_names
from imageproof.suites.gateway.jobs import Job
from imageproof.suites.gateway.plain_calls import first_shape, plain_call, refused_probe, unknown_id, wrong_key
from imageproof.suites.gateway.probes import least_body
from imageproof.suites.gateway.reading import read_error
from imageproof.suites.gateway.verdicts import (
    BlockedError,
    Fault,
    InconclusiveError,
    Judgement,
    NotApplicableError,
    NotJudgedError,
)

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Operation
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.session import Session
    from imageproof.suites.gateway.stories import Story

NOT_FOUND, NOT_ALLOWED = 404, 405
NEED_NOTHING = frozenset({f"{Topic.GENERAL}/json", f"{Topic.GENERAL}/secret"})
SEEN_IN_REFUSALS = frozenset({f"{Topic.GENERAL}/secret", f"{Topic.ANSWERS}/request-id"})
DENIED = frozenset({401, 403, 407})


# who asks


async def check_header(session: Session, rule: Rule) -> Judgement:
    """Judge how a key is sent: with it requests are let in, without it they are not."""
    del rule
    operation, data, task = _free_request(session)
    mine = await session.bench.call("good key", operation, data=data, task_id=task)
    faults = []
    if mine.status in DENIED:
        header, _ = session.bench.auth_header("KEY")
        actual = f"status {mine.status}, {read_error(session.spec, operation, None, mine.tree)}"
        faults.append(Fault(expected=f"a request with a good key in {header} let in", actual=actual, bad=mine.id))
        return Judgement(judged=1, faults=tuple(faults))
    judged = 1
    strangers: list[tuple[str, tuple[tuple[str, str], ...]]] = [
        ("no key", ()),
        ("a wrong key", (session.bench.auth_header(wrong_key(session)),)),
    ]
    for what, headers in strangers:
        _, seen = await plain_call(session, what, headers=headers)
        judged += 1
        if seen.is_good:
            actual = f"a request with {what} is accepted with status {seen.status}"
            faults.append(
                Fault(expected="only requests with a good key let in", actual=actual, bad=seen.id, good=mine.id)
            )
    return Judgement(judged=judged, faults=tuple(faults[:1]), seen=(mine.id,))


def _free_request(session: Session) -> tuple[Operation, tuple[str, bytes] | None, str | None]:
    """A request that costs nothing whatever the answer: a question, or a body that must be refused."""
    for operation in session.spec.operations.values():
        if operation.does in ASKS_FOR_TASK:
            return operation, None, unknown_id(session)
        if operation.does in (Does.BALANCE, Does.MODELS):
            return operation, None, None
    operation = session.spec.operations[first_shape(session).operation]
    return operation, ("application/json", b"{}"), None


# where


async def check_route(session: Session, rule: Rule) -> Judgement:
    """Judge that an operation is where it should be: anything but 404, 405 and pages for people."""
    operation = session.spec.operations[session.book.tail(rule).split("/")[1]]
    await session.need(session.book.id_of(Topic.AUTH, "header"))
    if operation.does is Does.POLL or operation.does is Does.RESULT:
        return await _task_route(session, operation)
    seen = await session.bench.call("route", operation, data=empty_body(operation))
    fault = _elsewhere(operation, seen)
    return Judgement(judged=1, faults=(fault,) if fault else (), seen=(seen.id,))


def _elsewhere(operation: Operation, seen: Seen) -> Fault | None:
    expected = f"{operation.method} {operation.path} served"
    if seen.status in (NOT_FOUND, NOT_ALLOWED):
        return Fault(expected=expected, actual=f"status {seen.status}", bad=seen.id)
    if seen.is_html:
        return Fault(expected=expected, actual=f"status {seen.status} with an HTML page", bad=seen.id)
    return None


async def _task_route(session: Session, operation: Operation) -> Judgement:
    """A poll of an unknown task is answered with 404 as well, so only a task that exists tells them apart."""
    story = await reference(session)
    if not story.is_accepted or story.submit.task is None:
        raise InconclusiveError("no task was accepted that could be asked for")
    polls = story.polls
    if polls and not any(poll.is_good for poll in polls):
        fault = _elsewhere(operation, polls[-1])
        return Judgement(judged=len(polls), faults=(fault,) if fault else (), seen=(polls[-1].id,))
    return Judgement(judged=len(polls), seen=tuple(poll.id for poll in polls[:1]))


# stories


async def reference(session: Session) -> Story:
    """The plainest job of the example model, lived once for all rules. Raises NotJudgedError as `story` does."""
    return await session.story(session.least(first_shape(session)))


async def stories(session: Session, operation: str = "", model: str = "") -> list[Story]:
    """The accepted stories of all plain jobs, of one operation or model where named."""
    shapes = [shape for shape in session.shapes() if operation in ("", shape.operation) and model in ("", shape.model)]
    results = await asyncio.gather(*(session.story(session.least(shape)) for shape in shapes), return_exceptions=True)
    out = []
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, NotJudgedError):
            raise result
        if not isinstance(result, BaseException) and result.is_accepted:
            out.append(result)
    return out


def refusal_told(session: Session, seen: Seen) -> str:
    """A refusal in half a sentence."""
    return f"status {seen.status}, {read_error(session.spec, seen.operation, None, seen.tree)}"


# good answers


async def check_answer(session: Session, rule: Rule) -> Judgement:
    """Judge the good answers of an operation: status, and the body by its schema."""
    operation = session.spec.operations[session.book.tail(rule).split("/")[1]]
    await session.need(
        session.book.id_of(Topic.AUTH, "header"), session.book.id_of(Topic.ANSWERS, operation.name, "route")
    )
    if operation.does in MAKES_IMAGES:
        await _accepted(session, operation, rule)
    elif operation.does in ASKS_FOR_TASK:
        story = await reference(session)
        if story.is_accepted and not story.polls:
            raise InconclusiveError(story.lost or "no task could be polled")
    else:
        await _asked(session, operation, rule)
    return _seen_in_passing(session, rule)


async def _accepted(session: Session, operation: Operation, rule: Rule) -> None:
    """At least the plainest request of each model is accepted. Raises InconclusiveError when none could be sent."""
    missing: list[InconclusiveError] = []
    for shape in [item for item in session.shapes() if item.operation == operation.name]:
        if session.capabilities is not None and session.capabilities.lacks_model(shape.model):
            continue
        try:
            story = await session.story(session.least(shape))
        except InconclusiveError as error:
            missing.append(error)
            continue
        session.ambient.judged(rule.id, story.submit.id)
        if not story.is_accepted:
            expected = f"the plainest request for {shape.model} accepted with status {operation.answer.status}"
            fault = Fault(expected=expected, actual=refusal_told(session, story.submit), bad=story.submit.id)
            session.ambient.fault(rule.id, fault)
        elif story.lost and story.submit.task is None and story.submit.broken is None:
            fault = Fault(expected="an answer with a task id", actual=story.lost, bad=story.submit.id)
            session.ambient.fault(rule.id, fault)
    if missing and not session.ambient.judgement(rule.id).judged:
        raise missing[0]


async def _asked(session: Session, operation: Operation, rule: Rule) -> None:
    """Balance, models and uploads are simply asked for."""
    body: dict[str, object] | None = None
    shape = session.spec.shapes.get(operation.name)
    if operation.does is Does.UPLOAD and shape is not None:
        body = least_body(session.spec, shape)
    seen = await session.bench.call(operation.name, operation, body=body)
    session.ambient.judged(rule.id, seen.id)
    if not seen.is_good:
        expected = f"a good {operation.name} with status {operation.answer.status}"
        session.ambient.fault(rule.id, Fault(expected=expected, actual=refusal_told(session, seen), bad=seen.id))


def _seen_in_passing(session: Session, rule: Rule) -> Judgement:
    judgement = session.ambient.judgement(rule.id)
    if not judgement.judged:
        raise InconclusiveError("no answer came by that it could be seen in")
    return judgement


async def check_ambient(session: Session, rule: Rule) -> Judgement:
    """Judge what is looked at on every answer, after one plain job has been lived and one refusal seen."""
    await session.need(session.book.id_of(Topic.AUTH, "header"))
    note = ""
    if rule.kind.topic is not Topic.ANSWERS:  # type: ignore[union-attr]  # only statements come here
        note = await _lived(session, rule)
    if session.book.tail(rule) in SEEN_IN_REFUSALS:
        with suppress(InconclusiveError):  # a gateway that refuses nothing has its failure elsewhere
            await refused_probe(session)
    judgement = session.ambient.judgement(rule.id)
    if not judgement.judged:
        raise InconclusiveError(note or "no answer came by that it could be seen in")
    return judgement


async def _lived(session: Session, rule: Rule) -> str:
    """See to it that there was something to look at; the reason why not, if there was not."""
    try:
        story = await reference(session)
    except NotJudgedError as error:
        return error.reason
    await _tasks_need_ids(session, rule)
    return story.lost


async def _tasks_need_ids(session: Session, rule: Rule) -> None:
    """What is said of tasks rests on submits that are accepted and on states that are known."""
    book = session.book
    if session.book.tail(rule) in NEED_NOTHING:
        return
    if session.spec.tasks is None or rule.kind.topic not in (Topic.STATES, Topic.GENERAL):  # type: ignore[union-attr]
        return
    submit = next((item for item in session.spec.operations.values() if item.does is Does.SUBMIT), None)
    if submit is not None and rule.id != book.id_of(Topic.ANSWERS, submit.name):
        await session.need(book.id_of(Topic.ANSWERS, submit.name))


async def check_state(session: Session, rule: Rule) -> Judgement:
    """Judge the name of a state, the form of ids, that the end is final, that progress never falls."""
    slug = session.book.tail(rule).split("/")[1]
    if slug == "also-seen":
        raise NotApplicableError("addressed to clients: which further states they may meet")
    await _lived(session, rule)
    if slug == Phase.FAILED:
        await failed_story(session)
    elif slug == Phase.QUEUED or session.ambient.unnamed:
        await asyncio.gather(*(stories(session, model=model) for model in session.spec.models))
    settle_names(session.spec, session.ambient)
    judgement = session.ambient.judgement(rule.id)
    if judgement.judged:
        return judgement
    if session.is_paid and slug == Phase.QUEUED:
        raise InconclusiveError("no task was seen waiting: they all ran at once")
    if slug in (Phase.SUCCEEDED, "terminal"):
        await _blocked_by_states(session, rule)
    raise InconclusiveError("no task was seen in it" if session.is_paid else "needs a billable request")


async def _blocked_by_states(session: Session, rule: Rule) -> None:
    for phase in (Phase.SUCCEEDED, Phase.RUNNING, Phase.QUEUED):
        cause = session.book.id_of(Topic.STATES, phase)
        if cause != rule.id and session.ambient.judgement(cause).faults:
            raise BlockedError(f"rests on {cause}, which is broken", by=cause)


async def failed_story(session: Session, failure: str = "") -> Story:
    """A job that fails with a documented failure, by a test card. Raises InconclusiveError where there are none."""
    if not session.is_paid:
        raise InconclusiveError("needs a job that fails, and free mode sends none")
    if not await has_cards(session):
        raise InconclusiveError("a provider fails only when it wants to; with the mock upstream it can be asked to")
    tasks = session.spec.tasks
    name = failure or (next(iter(tasks.failures)) if tasks else "upstream_failed")
    job = session.least(first_shape(session))
    return await session.story(
        Job(operation=job.operation, shape=job.shape, model=job.model, body=job.body, card=f"fail: {name}")
    )


async def check_unknown_fields(session: Session, rule: Rule) -> Judgement:
    """Judge that fields which no page names are ignored."""
    about = session.book.about(rule)
    operation = about.operation
    shape = session.spec.models[about.model].shapes[operation]
    job = session.least(shape)
    odd = Job(operation=job.operation, shape=shape, model=job.model, body={**job.body, "imageproof_extra": "x"})
    story = await session.story(odd)
    plain = await session.story(job)
    if not plain.is_accepted:
        raise BlockedError("the plainest request is refused", by=session.book.id_of(Topic.ANSWERS, operation))
    if story.is_accepted:
        return Judgement(judged=1, seen=(story.submit.id, plain.submit.id))
    fault = Fault(
        expected="a field that is not known ignored",
        actual=f"refused with {refusal_told(session, story.submit)}",
        bad=story.submit.id,
        good=plain.submit.id,
    )
    return Judgement(judged=1, faults=(fault,))


async def check_foreign(session: Session, rule: Rule) -> Judgement:
    """Judge that a task of one account looks to another as if it did not exist."""
    await session.need(session.book.id_of(Topic.AUTH, "header"))
    poll = session.spec.operation_for(Does.POLL)
    story = await reference(session)
    if poll is None or not story.is_accepted or story.submit.task is None:
        raise InconclusiveError("no task was accepted that could be asked for")
    nobody = await session.bench.call("unknown task", poll, task_id=unknown_id(session), account="other")
    if nobody.status in DENIED:
        raise InconclusiveError(f"the second key is not taken (status {nobody.status})")
    theirs = await session.bench.call("foreign task", poll, task_id=story.submit.task, account="other")
    del rule
    if theirs.status == nobody.status:
        return Judgement(judged=1, seen=(theirs.id, nobody.id))
    actual = f"status {theirs.status}" + (f" and state {theirs.state!r}" if theirs.state else "")
    expected = f"status {nobody.status}, as for an unknown task"
    return Judgement(judged=1, faults=(Fault(expected=expected, actual=actual, bad=theirs.id, good=nobody.id),))
