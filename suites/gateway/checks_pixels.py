"""Sizes in pixels: cells of the table, exact sizes, turned and automatic ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.check import Checker
from imageproof.specs.contract import Topic
from imageproof.specs.generate import Maker
from imageproof.specs.sizes import parse_size
from imageproof.suites.gateway.checks_results import all_stories, ends
from imageproof.suites.gateway.jobs import Job, flattened, image_shapes, job_for, with_value
from imageproof.suites.gateway.looks import size_faults, spellings, text_of
from imageproof.suites.gateway.probes import selector_of
from imageproof.suites.gateway.reading import read_answer
from imageproof.suites.gateway.verdicts import Fault, InconclusiveError, Judgement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Model, Shape
    from imageproof.suites.gateway.session import Session
    from imageproof.suites.gateway.stories import Story

FORMAT_NAMES = {"jpg": "jpeg"}


async def check_pixels(session: Session, rule: Rule) -> Judgement:
    """Judge the size in pixels: of one cell of the table, of exact sizes, of turned or automatic ones."""
    about = session.book.about(rule)
    model, what = session.spec.models[about.model], about.rest
    found = await _with_cells(session, model, what)
    wanted = [story for story in found if pixel_rule(session, model, story.job) == rule.id]
    if not wanted:
        raise InconclusiveError("no accepted request asks for it")
    await _need_cells(session, rule, wanted)
    done = await ends(session, wanted)
    await session.need(session.book.id_of(Topic.GENERAL, "decodes"))
    faults = [fault for story in done for fault in size_faults(story)]
    faults += await _wrong_answered_size(done)
    return Judgement(judged=len(done), faults=tuple(faults[:5]), seen=tuple(story.end.id for story in done[:2]))


async def _need_cells(session: Session, rule: Rule, stories: list[Story]) -> None:
    """A turned or automatic size rests on the cell that it is taken from."""
    for story in stories:
        model, wanted = story.job.model, (story.job.outcome.width, story.job.outcome.height)
        table = model.pixels.table
        for cell, size in table.cells.items() if table else ():
            cause = session.book.id_of(Topic.PIXELS, model.name, ",".join(cell))
            if sorted(size) == sorted(wanted) and cause != rule.id and rule.id.endswith(("/auto", "/transpose")):
                await session.need(cause)


async def _wrong_answered_size(done: list[Story]) -> list[Fault]:
    """The size that the answer itself tells, where it does."""
    out = []
    for story in done:
        operation = story.end.operation
        told = read_answer(operation, story.end.tree).get("image.size", []) if operation else []
        expected = f"{story.job.outcome.width}x{story.job.outcome.height}"
        if told and isinstance(told[0], str) and parse_size(told[0]) is not None and told[0] != expected:
            out.append(Fault(expected=f"an answer that says {expected}", actual=f"it says {told[0]}", bad=story.end.id))
    return out


async def _with_cells(session: Session, model: Model, what: str) -> list[Story]:
    """All stories of a model, and one made for a cell that no row holds."""
    out = await all_stories(session, model.name)
    table = model.pixels.table
    cell = tuple(what.split(","))
    if table is None or len(cell) != len(table.by):
        return out
    for shape in [item for item in image_shapes(session.spec) if item.model == model.name]:
        values = dict(zip(table.by, cell, strict=True))
        if any(_holds(story.job, values) for story in out):
            continue
        body = _with_values(session, shape, values)
        if body is not None:
            out.append(await session.story(job_for(session.spec, shape, body)))
    return [story for story in out if story.is_accepted]


def _holds(job: Job, values: Mapping[str, str]) -> bool:
    body = flattened(job.body)
    return all(text_of(body.get(name)) == text_of(value) for name, value in values.items())


def _with_values(session: Session, shape: Shape, values: Mapping[str, str]) -> dict[str, object] | None:
    selector = selector_of(session.spec, shape)
    body = Maker(shape, selector).least()
    for name, value in values.items():
        known = next((item for item in spellings(shape.fields.get(name)) if text_of(item) == text_of(value)), value)
        body = with_value(body, name, known)
    return None if Checker(shape, selector).check(body) else body


def pixel_rule(session: Session, model: Model, job: Job) -> str:
    """The rule that says how large the images of a job are."""
    book, pixels = session.book, model.pixels
    body = flattened(job.body)

    def named(what: str) -> str:
        return book.id_of(Topic.PIXELS, model.name, what)

    if pixels.exact is not None and parse_size(job.asked.get(pixels.exact)) is not None:
        return named("exact")
    if pixels.table is not None:
        key = [text_of(job.asked.get(name)) for name in pixels.table.by]
        if any(text_of(job.asked.get(name)) in {text_of(word) for word in pixels.auto} for name in pixels.table.by):
            return named("auto")
        if any(name not in body for name in pixels.table.by):
            return "by a default"
        for cell in pixels.table.cells:
            if [text_of(part) for part in cell] == key:
                own = named(",".join(cell))
                return own if book.has(own) else named("transpose")
    if pixels.exact is not None and str(job.asked.get(pixels.exact)) in pixels.auto:
        return named("auto") if body.get(pixels.exact) is not None else "by a default"
    return named("fallback")
