"""Tokens: what answers count, and whether it adds up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.suites.gateway.acceptance import acceptance
from imageproof.suites.gateway.looks import is_done
from imageproof.suites.gateway.reading import read_answer
from imageproof.suites.gateway.verdicts import (
    Fault,
    InconclusiveError,
    Judgement,
    NotApplicableError,
)

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Model
    from imageproof.suites.gateway.session import Session
    from imageproof.suites.gateway.stories import Story

MICRO = 1_000_000
USAGE = ("usage.text_tokens", "usage.image_tokens", "usage.output_tokens")
ADDRESSED = {
    "usd-per-credit": "the rate at which credits are sold stands in no answer",
    "disconnect": "whether a caller who left was billed shows only on an invoice",
}
BILLED_AT = "the money is gone when the request is accepted"


async def check_tokens(session: Session, model: Model, slug: str) -> Judgement:
    """Judge one sort of tokens, by the counts in the answers of a model."""
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
