"""What comes out: number, size, format and form of images, defaults that show in them, and where they are fetched."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from imageproof.specs.check import Checker, fold
from imageproof.specs.contract import Topic
from imageproof.specs.generate import Maker
from imageproof.specs.model import Phase
from imageproof.specs.outcome import Outcomes, effective
from imageproof.specs.pairwise import single
from imageproof.specs.places import places, templates_of
from imageproof.specs.sizes import parse_size
from imageproof.specs.stamp import prompt_digest
from imageproof.suites.gateway.acceptance import acceptance
from imageproof.suites.gateway.checks_answers import reference
from imageproof.suites.gateway.jobs import Job, flattened, image_shapes, job_for, with_value
from imageproof.suites.gateway.probes import selector_of
from imageproof.suites.gateway.reading import read_answer
from imageproof.suites.gateway.verdicts import Fault, InconclusiveError, Judgement, NotApplicableError, NotJudgedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Field, Model, Shape
    from imageproof.suites.gateway.pictures import Image
    from imageproof.suites.gateway.session import Session
    from imageproof.suites.gateway.stories import Story

FORMAT_NAMES = {"jpg": "jpeg"}


async def all_stories(session: Session, model: str = "") -> list[Story]:
    """The accepted stories of all rows and of all plain jobs. Raises NotJudgedError when there are none to be had."""
    shapes = [shape for shape in image_shapes(session.spec) if model in ("", shape.model)]
    results = await asyncio.gather(*(acceptance(session, shape) for shape in shapes))
    out = [story for got in results for _, story in got.rows]
    plain = await asyncio.gather(*(session.story(session.least(shape)) for shape in shapes), return_exceptions=True)
    reason: NotJudgedError | None = next((error for got in results for error in got.unjudged), None)
    for item in plain:
        if isinstance(item, NotJudgedError):
            reason = reason or item
        elif isinstance(item, BaseException):
            raise item
        elif item.is_accepted:
            out.append(item)
    if not out:
        raise reason or InconclusiveError("no request was accepted whose images could be looked at")
    return list({story.job.key: story for story in out}.values())


def is_done(story: Story) -> bool:
    """Whether it came to a good end, with images to look at."""
    return story.is_accepted and story.phase is Phase.SUCCEEDED and not story.lost


async def ends(session: Session, stories: Iterable[Story]) -> list[Story]:
    """The stories with a good end. Raises BlockedError or InconclusiveError when there are none."""
    stories = list(stories)
    done = [story for story in stories if is_done(story)]
    if done:
        return done
    odd = next((story for story in stories if story.odd), None)
    if odd is not None:
        await session.need(
            session.book.id_of(Topic.STATES, Phase.SUCCEEDED), session.book.id_of(Topic.STATES, Phase.RUNNING)
        )
    reason = next((story.lost for story in stories if story.lost), "no job came to a good end")
    raise InconclusiveError(reason)


# pixels


async def check_pixels(session: Session, rule: Rule) -> Judgement:
    """Judge the size in pixels: of one cell of the table, of exact sizes, of turned or automatic ones."""
    _, name, what = session.book.tail(rule).split("/", 2)
    model = session.spec.models[name]
    wanted = []
    for story in await _with_cells(session, model, what):
        if pixel_rule(session, model, story.job) == rule.id:
            wanted.append(story)
    if not wanted:
        raise InconclusiveError("no accepted request asks for it")
    done = await ends(session, wanted)
    await session.need(session.book.id_of(Topic.GENERAL, "decodes"))
    faults = [fault for story in done for fault in _size_faults(story)]
    faults += await _wrong_answered_size(done)
    return Judgement(judged=len(done), faults=tuple(faults[:5]), seen=tuple(story.end.id for story in done[:2]))


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
    return all(_text(body.get(name)) == _text(value) for name, value in values.items())


def _text(value: object) -> str:
    return str(fold(value)) if isinstance(value, str) else str(value)


def _with_values(session: Session, shape: Shape, values: Mapping[str, str]) -> dict[str, object] | None:
    selector = selector_of(session.spec, shape)
    body = Maker(shape, selector).least()
    for name, value in values.items():
        known = next((item for item in _spellings(shape.fields.get(name)) if _text(item) == _text(value)), value)
        body = with_value(body, name, known)
    return None if Checker(shape, selector).check(body) else body


def _spellings(item: Field | None) -> list[object]:
    if item is None:
        return []
    return [value for rule in item.rules for value in getattr(rule.kind, "values", ())]


def pixel_rule(session: Session, model: Model, job: Job) -> str:
    """The rule that says how large the images of a job are."""
    book, pixels = session.book, model.pixels
    body = flattened(job.body)

    def named(what: str) -> str:
        return book.id_of(Topic.PIXELS, model.name, what)

    if pixels.exact is not None and parse_size(job.asked.get(pixels.exact)) is not None:
        return named("exact")
    if pixels.table is not None:
        key = [_text(job.asked.get(name)) for name in pixels.table.by]
        if any(_text(job.asked.get(name)) in {_text(word) for word in pixels.auto} for name in pixels.table.by):
            return named("auto")
        if any(name not in body for name in pixels.table.by):
            return "by a default"
        for cell in pixels.table.cells:
            if [_text(part) for part in cell] == key:
                own = named(",".join(cell))
                return own if book.has(own) else named("transpose")
    if pixels.exact is not None and str(job.asked.get(pixels.exact)) in pixels.auto:
        return named("auto") if body.get(pixels.exact) is not None else "by a default"
    return named("fallback")


def _size_faults(story: Story) -> list[Fault]:
    outcome = story.job.outcome
    wanted = f"{outcome.width}x{outcome.height}"
    out = []
    for image in story.images:
        if image.width is not None and (image.width, image.height) != (outcome.width, outcome.height):
            actual = f"{image.width}x{image.height} for {told(story.job)}"
            out.append(
                Fault(expected=f"images of {wanted}", actual=actual, bad=image.exchange, others=(story.submit.id,))
            )
    return out[:1]


def told(job: Job) -> str:
    """What a job asks for besides its prompt, short."""
    parts = [f"{name}={value}" for name, value in job.body.items() if name not in (job.model.images.prompt, "model")]
    return ", ".join(parts)[:120] or "nothing but a prompt"


# images


async def check_images(session: Session, rule: Rule) -> Judgement:
    """Judge number, format and form of the images of a model; or what becomes of a value that the server changes."""
    parts = session.book.tail(rule).split("/")
    if parts[-1] in ("downgraded", "decided") and len(parts) > 2:  # noqa: PLR2004  (images/OP/MODEL/FIELD/...)
        return await _changed_value(session, rule, parts)
    model = session.spec.models[parts[1]]
    done = await ends(session, await all_stories(session, model.name))
    faults: list[Fault] = []
    for story in done:
        if not story.unreachable:
            faults += _count_faults(story)
        faults += _format_faults(story) + _form_faults(model, story)
    return Judgement(judged=len(done), faults=tuple(faults[:5]), seen=tuple(story.end.id for story in done[:2]))


def _count_faults(story: Story) -> list[Fault]:
    wanted, got = story.job.outcome.count, len(story.images)
    if story.job.is_streamed or wanted == got:
        return []
    return [Fault(expected=f"{wanted} image(s)", actual=f"{got} for {told(story.job)}", bad=story.end.id)]


def _format_faults(story: Story) -> list[Fault]:
    wanted = FORMAT_NAMES.get(story.job.outcome.format, story.job.outcome.format)
    for image in story.images:
        if image.broken is None and image.format != wanted:
            actual = f"{image.format} for {told(story.job)}"
            return [Fault(expected=f"images in {wanted}", actual=actual, bad=image.exchange, others=(story.submit.id,))]
    return []


def _form_faults(model: Model, story: Story) -> list[Fault]:
    wanted = story.job.outcome.as_base64
    for image in story.images:
        if image.as_base64 is not wanted:
            names = {True: "base64", False: "a URL"}
            actual = f"delivered as {names[image.as_base64]}"
            return [Fault(expected=f"images delivered as {names[wanted]}", actual=actual, bad=image.exchange)]
        if image.as_base64 and image.prefix != model.images.prefix:
            expected = (
                f"base64 with the prefix {model.images.prefix!r}" if model.images.prefix else "base64 without a prefix"
            )
            return [Fault(expected=expected, actual=f"the prefix {image.prefix!r}", bad=image.exchange)]
    return []


async def _changed_value(session: Session, rule: Rule, parts: list[str]) -> Judgement:
    """A value that the server silently takes for another: the request is accepted and shows the other one."""
    _, operation, name, field, how = parts
    model = session.spec.models[name]
    shape = model.shapes[operation]
    item = shape.fields[field]
    changes = item.downgraded if how == "downgraded" else item.decided
    judged, faults, seen = 0, [], []
    for value, becomes in changes.items():
        body = single(shape, selector_of(session.spec, shape), field, value)
        if body is None:
            continue
        story = await session.story(job_for(session.spec, shape, body), rule)
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


# defaults


async def check_default(session: Session, rule: Rule) -> Judgement:
    """Judge what a field is when it is left out, where that shows in the images or is repeated in the answer."""
    _, operation, name, field = session.book.tail(rule).split("/", 3)
    model = session.spec.models.get(name)
    if model is None:
        raise NotApplicableError("nothing of the answer shows it")
    shape = model.shapes[operation]
    others = _visible(model, shape, field)
    job = _without(session, shape, field)
    echoed = _is_echoed(session, operation, field)
    if not others and not echoed:
        raise NotApplicableError("nothing of the answer shows which value was taken")
    story = await session.story(job, rule)
    if not story.is_accepted:
        await session.need(session.book.id_of(Topic.ANSWERS, operation))
        raise InconclusiveError("the request without it was refused")
    done = (await ends(session, [story]))[0]
    faults = []
    default = shape.fields[field].default
    aspects = set(others)
    if "size" in aspects:
        faults += _size_faults(done)
    if "count" in aspects and not done.unreachable:
        faults += _count_faults(done)
    if "format" in aspects:
        faults += _format_faults(done)
    if "form" in aspects:
        faults += _form_faults(model, done)
    if echoed and isinstance(default, str):
        faults += _echo_faults(done, field, shape.fields[field].decided.get(default, default))
    return Judgement(judged=1, faults=tuple(faults[:1]), seen=(done.end.id,))


def _is_echoed(session: Session, operation: str, field: str) -> bool:
    names = set(read_answer_names(session, operation))
    return f"request.{field}" in names


def read_answer_names(session: Session, operation: str) -> Iterable[str]:
    """The placeholders of the good answers of an operation."""
    for template in templates_of(session.spec.operations[operation]).values():
        for place in places(template.tree):
            yield place.name


def _without(session: Session, shape: Shape, field: str) -> Job:
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
    for value in _spellings(item):
        other = Outcomes(model).of({**base, field: value}, prompt="")
        found += ["size"] if (mine.width, mine.height) != (other.width, other.height) else []
        found += ["format"] if mine.format != other.format else []
        found += ["form"] if mine.as_base64 != other.as_base64 else []
    if model.images.count == field:
        found.append("count")
    if field == model.pixels.exact:
        found.append("size")
    return list(dict.fromkeys(found))


# results


async def check_lifetime(session: Session, rule: Rule) -> Judgement:
    """Judge that results can be fetched. That they last is only known when the time is over, so only now is judged."""
    done = await ends(session, await all_stories(session))
    linked = [story for story in done if story.unreachable or any(not image.as_base64 for image in story.images)]
    if not linked:
        raise NotApplicableError("images come in the answer itself")
    del rule
    faults = [
        Fault(expected="a result that can be fetched", actual=reason, bad=exchange or story.end.id)
        for story in linked
        for reason, exchange in story.unreachable
    ]
    seen = tuple(image.exchange for story in linked[:2] for image in story.images[:1])
    return Judgement(
        judged=len(linked),
        faults=tuple(faults[:3]),
        seen=seen,
        note="fetched right away; the end of the lifetime was not waited for",
    )


async def check_decodes(session: Session, rule: Rule) -> Judgement:
    """Judge that images are whole."""
    done = await ends(session, await all_stories(session))
    images = [image for story in done for image in story.images]
    if not images:
        await session.need(session.book.id_of(Topic.RESULTS, "lifetime"))
        raise InconclusiveError("no image came")
    del rule
    faults = [
        Fault(expected="a whole image", actual=f"{image.size:,} bytes of which {image.broken}", bad=image.exchange)
        for image in images
        if image.broken is not None
    ]
    return Judgement(judged=len(images), faults=tuple(faults[:3]), seen=tuple(image.exchange for image in images[:2]))


async def check_own_result(session: Session, rule: Rule) -> Judgement:
    """Judge whose images came, by what the mock upstream draws into its pictures."""
    done = await ends(session, await all_stories(session))
    stamped = [(story, image) for story in done for image in story.images if image.stamp is not None]
    if not stamped:
        raise InconclusiveError("only pictures of the mock upstream say whose they are")
    del rule
    right = [(story, image) for story, image in stamped if _is_own(story, image)]
    if len(right) * 2 < len(stamped):
        raise InconclusiveError("the gateway changes prompts, so pictures can't be told by them")
    faults = [
        Fault(
            expected="the picture of this request",
            actual=f"the picture of another one (its task {image.stamp.task_id})",
            bad=image.exchange,
            good=story.submit.id,
        )
        for story, image in stamped
        if image.stamp is not None and not _is_own(story, image)
    ]
    faults += _twice([(story, image) for story, image in right])
    return Judgement(
        judged=len(stamped), faults=tuple(faults[:3]), seen=tuple(image.exchange for _, image in right[:2])
    )


def _is_own(story: Story, image: Image) -> bool:
    return image.stamp is not None and image.stamp.prompt_digest == prompt_digest(story.job.prompt)


def _twice(right: list[tuple[Story, Image]]) -> list[Fault]:
    """The same picture delivered twice in one answer."""
    out = []
    for story in {id(story): story for story, _ in right}.values():
        marks = Counter((image.stamp.task_id, image.stamp.index) for image in story.images if image.stamp is not None)
        for (_, index), count in marks.items():
            if count > 1:
                actual = f"picture {index} came {count} times"
                out.append(Fault(expected="each image once", actual=actual, bad=story.end.id))
    return out


async def check_same_result(session: Session, rule: Rule) -> Judgement:
    """Judge that later polls lead to the same images."""
    story = await reference(session)
    judgement = session.ambient.judgement(rule.id)
    faults = list(judgement.faults)
    for again in story.again:
        first = story.images[0] if story.images else None
        if first is None or first.broken or again.broken:
            continue
        is_same = first.stamp == again.stamp if first.stamp and again.stamp else first.digest == again.digest
        if not is_same:
            actual = "a later poll links to another picture"
            faults.append(Fault(expected="the same picture", actual=actual, bad=again.exchange, good=first.exchange))
    if not judgement.judged:
        await ends(session, [story])
        raise InconclusiveError("no task was polled after its end")
    return Judgement(judged=judgement.judged, faults=tuple(faults), seen=judgement.seen)


async def check_combinations(session: Session, rule: Rule) -> Judgement:
    """Judge that what is allowed each is allowed together, over all pairs of values."""
    results = await asyncio.gather(*(acceptance(session, shape) for shape in image_shapes(session.spec)))
    rows = sum(len(got.rows) for got in results)
    faults = [fault for got in results for fault in got.faults.get(rule.id, ())]
    if not rows and not faults:
        reasons = [error for got in results for error in got.unjudged]
        raise reasons[0] if reasons else InconclusiveError("no request was accepted")
    return Judgement(
        judged=rows + len(faults),
        faults=tuple(faults),
        seen=tuple(story.submit.id for got in results for _, story in got.rows[:1]),
    )
