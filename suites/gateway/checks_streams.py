"""Server-sent events: their names, their fields, their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.answers_schema import event_schema
from imageproof.specs.contract import Topic
from imageproof.specs.places import read_all
from imageproof.specs.schema import validator
from imageproof.suites.gateway.jobs import Job, with_value
from imageproof.suites.gateway.verdicts import Fault, InconclusiveError, Judgement, NotApplicableError, NotJudgedError

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Operation, Shape, Stream
    from imageproof.suites.gateway.events import Event
    from imageproof.suites.gateway.session import Session
    from imageproof.suites.gateway.stories import Story

PARTIALS = 2
SSE = "text/event-stream"


async def check_stream(session: Session, rule: Rule) -> Judgement:
    """Judge the partial or the completed events of an operation."""
    _, name, part = session.book.tail(rule).split("/")
    operation = session.spec.operations[name]
    stream = operation.stream
    if stream is None:
        raise NotApplicableError("the operation sends no events")
    story = await streamed(session, operation)
    if not story.is_accepted:
        await session.need(session.book.id_of(Topic.ANSWERS, name))
        told = f"refused with status {story.submit.status}"
        return _verdict(part == "completed", "a request for events accepted", told, story)
    completed = part == "completed"
    if story.submit.content_type != SSE:
        return _verdict(completed, f"an answer of type {SSE}", f"type {story.submit.content_type or 'unknown'}", story)
    faults = _completed(session, operation, stream, story) if completed else _partial(session, operation, stream, story)
    return Judgement(judged=max(1, len(story.events)), faults=tuple(faults[:4]), seen=(story.submit.id,))


def _verdict(counts: bool, expected: str, actual: str, story: Story) -> Judgement:  # noqa: FBT001
    fault = Fault(expected=expected, actual=actual, bad=story.submit.id)
    if not counts:
        raise InconclusiveError("no events came, which the rule of the completed event says")
    return Judgement(judged=1, faults=(fault,))


async def streamed(session: Session, operation: Operation) -> Story:
    """A job that asks for events with previews, lived once. Raises NotJudgedError as `story` does."""
    stream = operation.stream
    shapes = [shape for shape in session.shapes() if shape.operation == operation.name]
    shape = next((item for item in shapes if _can_stream(item, stream)), None)
    if stream is None or shape is None:
        raise NotApplicableError("no model of the operation sends events")
    job = session.least(shape)
    body = with_value(with_value(job.body, stream.switch, True), stream.partials, PARTIALS)  # noqa: FBT003
    return await session.story(Job(operation=job.operation, shape=shape, model=job.model, body=body))


def _can_stream(shape: Shape, stream: Stream | None) -> bool:
    item = shape.fields.get(stream.switch) if stream else None
    return item is not None and item.state == "allowed"


def _names(story: Story) -> str:
    return ", ".join(event.name for event in story.events) or "no events"


def _completed(session: Session, operation: Operation, stream: Stream, story: Story) -> list[Fault]:
    wanted = stream.completed_event
    places = [index for index, event in enumerate(story.events) if event.name == wanted]
    if not places:
        return [Fault(expected=f"an event {wanted}", actual=_names(story), bad=story.submit.id)]
    out = []
    after = [event for event in story.events[places[0] + 1 :] if event.tree != "[DONE]"]
    if any(event.name == stream.partial_event for event in after):
        out.append(Fault(expected=f"{wanted} as the last event", actual=_names(story), bad=story.submit.id))
    if len(places) > story.job.outcome.count:
        out.append(Fault(expected=f"one {wanted} for each image", actual=_names(story), bad=story.submit.id))
    return out + _fields(session, operation, story, [story.events[index] for index in places])


def _partial(session: Session, operation: Operation, stream: Stream, story: Story) -> list[Fault]:
    partials = [event for event in story.events if event.name == stream.partial_event]
    known = {stream.partial_event, stream.completed_event, "message"}
    odd = [event.name for event in story.events if event.name not in known and "partial" in event.name]
    if odd:
        expected = f"partial images as {stream.partial_event}"
        return [Fault(expected=expected, actual=f"events called {odd[0]}", bad=story.submit.id)]
    out = []
    if len(partials) > PARTIALS:
        actual = f"{len(partials)} of them"
        out.append(Fault(expected=f"at most {PARTIALS} partial images", actual=actual, bad=story.submit.id))
    indexes = [value for event in partials for value in read_all(event.tree, stream.partial).get("partial.index", [])]
    if indexes != sorted(set(indexes), key=str) or any(index not in range(PARTIALS) for index in indexes):
        expected = f"partial images numbered 0 to {PARTIALS - 1} in their order"
        out.append(Fault(expected=expected, actual=f"numbers {indexes}", bad=story.submit.id))
    if not partials and not out:
        raise InconclusiveError("no partial image came, as may be when a job is done soon")
    return out + _fields(session, operation, story, partials)


def _fields(session: Session, operation: Operation, story: Story, events: list[Event]) -> list[Fault]:
    out = []
    for event in events:
        if event.broken:
            out.append(Fault(expected=f"JSON in {event.name}", actual=event.broken, bad=story.submit.id))
            continue
        for error in validator(event_schema(session.spec, operation, event.name)).iter_errors(event.tree):
            at = "/".join(str(part) for part in error.absolute_path) or "the data"
            actual = f"at {at}: {str(error.message)[:200]}"
            out.append(Fault(expected=f"{event.name} as documented", actual=actual, bad=story.submit.id))
    return out


__all__ = ["NotJudgedError", "check_stream", "streamed"]
