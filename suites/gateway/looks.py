"""What is wrong with the images of a story: their number, size, format and form. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.check import fold
from imageproof.specs.model import Phase
from imageproof.suites.gateway.jobs import Job, flattened
from imageproof.suites.gateway.verdicts import Fault

if TYPE_CHECKING:
    from imageproof.specs.model import Field, Model
    from imageproof.suites.gateway.stories import Story

FORMAT_NAMES = {"jpg": "jpeg"}


def is_done(story: Story) -> bool:
    """Whether it came to a good end, with images to look at."""
    return story.is_accepted and story.phase is Phase.SUCCEEDED and not story.lost and not story.odd


def text_of(value: object) -> str:
    """A value as tables of the contract are looked up: as a text, texts without their case."""
    return str(fold(value)) if isinstance(value, str) else str(value)


def spellings(item: Field | None) -> list[object]:
    """The values that the rules of a field list."""
    if item is None:
        return []
    return [value for rule in item.rules for value in getattr(rule.kind, "values", ())]


def told(job: Job) -> str:
    """What a job asks for besides its prompt, short."""
    parts = [f"{name}={value}" for name, value in job.body.items() if name not in (job.model.images.prompt, "model")]
    return ", ".join(parts)[:120] or "nothing but a prompt"


def says(job: Job, field: str | int) -> bool:
    """Whether a job says what it wants in a field, so that no default decides it; always, where it is no field.

    Null says nothing: where it is allowed, the default decides.
    """
    return str(field) not in job.shape.fields or flattened(job.body).get(str(field)) is not None


def count_faults(story: Story) -> list[Fault]:
    """Whether as many images came as were asked for."""
    wanted, got = story.job.outcome.count, len(story.images)
    if story.job.is_streamed or wanted == got:
        return []
    return [Fault(expected=f"{wanted} image(s)", actual=f"{got} for {told(story.job)}", bad=story.end.id)]


def format_faults(story: Story) -> list[Fault]:
    """Whether the images are of the format that was asked for."""
    wanted = FORMAT_NAMES.get(story.job.outcome.format, story.job.outcome.format)
    for image in story.images:
        if image.broken is None and image.format != wanted:
            actual = f"{image.format} for {told(story.job)}"
            return [Fault(expected=f"images in {wanted}", actual=actual, bad=image.exchange, others=(story.submit.id,))]
    return []


def form_faults(model: Model, story: Story) -> list[Fault]:
    """Whether the images came as they should: as URLs or as base64, with the documented prefix."""
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


def size_faults(story: Story) -> list[Fault]:
    """Whether the images have exactly the pixels that were asked for."""
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
