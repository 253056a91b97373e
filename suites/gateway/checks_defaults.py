"""What a field is when it is left out, and what the server makes of a value: where it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.check import Checker
from imageproof.specs.contract import Topic
from imageproof.specs.generate import Maker
from imageproof.specs.outcome import Outcomes, effective
from imageproof.specs.pairwise import single
from imageproof.specs.places import places, templates_of
from imageproof.suites.gateway.checks_results import ends
from imageproof.suites.gateway.jobs import Job, flattened, job_for, with_value
from imageproof.suites.gateway.looks import (
    count_faults,
    form_faults,
    format_faults,
    is_done,
    size_faults,
    spellings,
    text_of,
)
from imageproof.suites.gateway.probes import selector_of
from imageproof.suites.gateway.reading import read_answer
from imageproof.suites.gateway.verdicts import Fault, InconclusiveError, Judgement, NotApplicableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Model, Shape
    from imageproof.suites.gateway.session import Session
    from imageproof.suites.gateway.stories import Story

FORMAT_NAMES = {"jpg": "jpeg"}


async def check_changed_value(session: Session, rule: Rule) -> Judgement:
    """A value that the server silently takes for another: the request is accepted and shows the other one."""
    about = session.book.about(rule)
    operation, name = about.operation, about.model
    field, _, how = about.rest.rpartition("/")
    model = session.spec.models[name]
    shape = model.shapes[operation]
    item = shape.fields[field]
    changes = item.downgraded if how == "downgraded" else item.decided
    judged, faults, seen = 0, [], []
    for value, becomes in changes.items():
        body = single(shape, selector_of(session.spec, shape), field, value)
        if body is None:
            continue
        story = await session.story(job_for(session.spec, shape, body))
        if not is_done(story):
            continue
        judged += 1
        seen.append(story.end.id)
        faults += _echo_faults(story, field, becomes) + _alpha_faults(model, story, field, becomes)
    if not judged:
        raise InconclusiveError("no request with such a value came to a good end")
    return Judgement(judged=judged, faults=tuple(faults[:2]), seen=tuple(seen))


def _echo_faults(story: Story, field: str, becomes: object) -> list[Fault]:
    operation = story.end.operation
    said = read_answer(operation, story.end.tree).get(f"request.{field}", []) if operation else []
    if not said or said[0] == becomes:
        return []
    return [Fault(expected=f"{field} answered as {becomes!r}", actual=f"answered as {said[0]!r}", bad=story.end.id)]


def _alpha_faults(model: Model, story: Story, field: str, becomes: object) -> list[Fault]:
    if model.images.background != field or becomes == "transparent":
        return []
    for image in story.images:
        if image.has_alpha:
            return [Fault(expected="an opaque image", actual="an image with transparent parts", bad=image.exchange)]
    return []


async def check_default(session: Session, rule: Rule) -> Judgement:
    """Judge what a field is when it is left out, where that shows in the images or is repeated in the answer."""
    about = session.book.about(rule)
    operation, name, field = about.operation, about.model, about.rest
    model = session.spec.models.get(name)
    if model is None:
        raise NotApplicableError("nothing of the answer shows it")
    shape = model.shapes[operation]
    others = _visible(model, shape, field)
    job = job_without(session, shape, field)
    echoed = _is_echoed(session, operation, field)
    if not others and not echoed:
        raise NotApplicableError("nothing of the answer shows which value was taken")
    story = await session.story(job)
    if not story.is_accepted:
        await session.need(session.book.id_of(Topic.ANSWERS, operation))
        raise InconclusiveError("the request without it was refused")
    done = (await ends(session, [story]))[0]
    faults = []
    default = shape.fields[field].default
    aspects = set(others)
    if "size" in aspects and (wrong := size_faults(done)):
        await session.need(_cell_of(session, job))
        faults += wrong
    made = count_faults(done) if "count" in aspects and not done.unreachable else []
    made += format_faults(done) if "format" in aspects else []
    made += form_faults(model, done) if "form" in aspects else []
    if made:  # what is wrong with the field as well where it is said is no fault of its default
        await session.need(session.book.id_of(Topic.IMAGES, name))
        faults += made
    if echoed and isinstance(default, str):
        faults += _echo_faults(done, field, shape.fields[field].decided.get(default, default))
    return Judgement(judged=1, faults=tuple(faults[:1]), seen=(done.end.id,))


def _cell_of(session: Session, job: Job) -> str:
    """The rule of the cell of the table that a job's values lead to, whether said or by default."""
    table = job.model.pixels.table
    wanted = [text_of(job.asked.get(name)) for name in table.by] if table else []
    cells = table.cells if table else {}
    cell = next((item for item in cells if [text_of(part) for part in item] == wanted), ())
    return session.book.id_of(Topic.PIXELS, job.model.name, ",".join(cell))


def _is_echoed(session: Session, operation: str, field: str) -> bool:
    names = set(read_answer_names(session, operation))
    return f"request.{field}" in names


def read_answer_names(session: Session, operation: str) -> Iterable[str]:
    """The placeholders of the good answers of an operation."""
    for template in templates_of(session.spec.operations[operation]).values():
        for place in places(template.tree):
            yield place.name


def job_without(session: Session, shape: Shape, field: str) -> Job:
    """The plainest request without the field, every other field that shapes the image said out loud."""
    selector = selector_of(session.spec, shape)
    checker = Checker(shape, selector)
    model = session.spec.models[shape.model]
    body = Maker(shape, selector).least()
    named = (*(model.pixels.table.by if model.pixels.table else ()), model.pixels.exact, model.images.format)
    for name in dict.fromkeys(item for item in named if isinstance(item, str)):
        item = shape.fields.get(name)
        if item is None or name == field or item.default is None or name in flattened(body):
            continue
        bolder = with_value(body, name, item.default)
        if not checker.check(bolder):
            body = bolder
    return job_for(session.spec, shape, body)


def _visible(model: Model, shape: Shape, field: str) -> list[str]:
    """The aspects of an outcome that another value of the field would change."""
    item = shape.fields[field]
    base = effective(shape, {})
    mine = Outcomes(model).of(base, prompt="")
    found: list[str] = []
    for value in spellings(item):
        other = Outcomes(model).of({**base, field: value}, prompt="")
        found += ["size"] if (mine.width, mine.height) != (other.width, other.height) else []
        found += ["format"] if mine.format != other.format else []
        found += ["form"] if mine.as_base64 != other.as_base64 else []
    if model.images.count == field:
        found.append("count")
    if field == model.pixels.exact:
        found.append("size")
    return list(dict.fromkeys(found))
