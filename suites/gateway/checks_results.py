"""What comes out: number, size, format and form of images, defaults that show in them, and where they are fetched."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

from imageproof.specs.contract import Topic
from imageproof.specs.model import Phase
from imageproof.specs.stamp import prompt_digest
from imageproof.suites.gateway.acceptance import acceptance
from imageproof.suites.gateway.checks_answers import reference
from imageproof.suites.gateway.looks import count_faults, form_faults, format_faults, is_done, says
from imageproof.suites.gateway.verdicts import Fault, InconclusiveError, Judgement, NotApplicableError, NotJudgedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.specs.facts import Rule
    from imageproof.suites.gateway.pictures import Image
    from imageproof.suites.gateway.session import Session
    from imageproof.suites.gateway.stories import Story

FORMAT_NAMES = {"jpg": "jpeg"}


async def all_stories(session: Session, model: str = "") -> list[Story]:
    """The accepted stories of all rows and of all plain jobs. Raises NotJudgedError when there are none to be had."""
    shapes = [shape for shape in session.shapes() if model in ("", shape.model)]
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


# images


async def check_images(session: Session, rule: Rule) -> Judgement:
    """Judge number, format and form of the images of a model; or what becomes of a value that the server changes."""
    model = session.spec.models[session.book.about(rule).model]
    done = await ends(session, await all_stories(session, model.name))
    faults: list[Fault] = []
    for story in done:
        images, job = model.images, story.job
        faults += count_faults(story) if says(job, images.count) and not story.unreachable else []
        faults += format_faults(story) if says(job, images.format) else []
        faults += form_faults(model, story) if says(job, images.kind) else []
    return Judgement(judged=len(done), faults=tuple(faults[:5]), seen=tuple(story.end.id for story in done[:2]))


# defaults


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
    results = await asyncio.gather(*(acceptance(session, shape) for shape in session.shapes()))
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
