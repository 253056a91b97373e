"""What a failed task says, for each documented failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.contract import Topic
from imageproof.specs.model import Phase
from imageproof.specs.template import placeholders
from imageproof.suites.gateway.checks_answers import failed_story
from imageproof.suites.gateway.checks_results import ends
from imageproof.suites.gateway.reading import read_answer
from imageproof.suites.gateway.verdicts import (
    Fault,
    InconclusiveError,
    Judgement,
    NotApplicableError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.facts import Rule
    from imageproof.suites.gateway.session import Session
    from imageproof.suites.gateway.stories import Story

MICRO = 1_000_000
USAGE = ("usage.text_tokens", "usage.image_tokens", "usage.output_tokens")
ADDRESSED = {
    "usd-per-credit": "the rate at which credits are sold stands in no answer",
    "disconnect": "whether a caller who left was billed shows only on an invoice",
}
BILLED_AT = "the money is gone when the request is accepted"


async def check_failure(session: Session, rule: Rule) -> Judgement:
    """Judge what a failed task says, for each documented failure, with the mock's test cards."""
    name = session.book.tail(rule).split("/")[1]
    tasks = session.spec.tasks
    if tasks is None or name not in tasks.failures:
        raise NotApplicableError("a synchronous call says so in its error answer")
    story = await failed_story(session, name)
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
    told = set(placeholders_of(story)) & {"failure.code", "failure.message"}
    if not told:
        raise NotApplicableError("the answer about a failed task tells no reason")
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


def placeholders_of(story: Story) -> Iterator[str]:
    """What the answer about a failed task tells, by the contract."""
    operation = story.end.operation
    template = operation.answer.by_phase.get(Phase.FAILED) if operation else None
    yield from placeholders(template.tree) if template is not None else ()
