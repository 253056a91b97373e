"""For a rule of a request: a body that breaks it and nothing else, and the same body mended.

Pure, and always the same for the same rule.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.breaking import breaking_values
from imageproof.specs.check import Checker, check_selector
from imageproof.specs.choices import Drawn, Seeded
from imageproof.specs.files import FileFacts
from imageproof.specs.generate import Maker, UnbreakableError
from imageproof.specs.values import valid_value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.check import Violation
    from imageproof.specs.choices import Choices
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Selector, Shape, Spec

    Body = dict[str, object]

PROMPT = "a red fox"
TRIES = 20


def _simplest_text(least: int, most: int) -> str:
    return (PROMPT * (1 + least // len(PROMPT)))[: max(least, min(len(PROMPT), most))]


SIMPLEST = Drawn(lambda least, most: min(max(least, 0), most), _simplest_text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A body that keeps a rule, one that breaks it and no other, and the JSON pointers of what is different.

    `violation` is the broken rule as the mock's check sees it.
    """

    keeps: dict[str, object]
    breaks: dict[str, object]
    pointers: tuple[str, ...]
    violation: Violation


def shape_of(spec: Spec, rule: Rule) -> Shape | None:
    """The shape that a rule belongs to; None for a statement and for a rule about the model's own field."""
    shapes = [shape for model in spec.models.values() for shape in model.shapes.values()]
    return next((shape for shape in (*shapes, *spec.shapes.values()) if rule in shape.rules), None)


def pair_for(spec: Spec, rule: Rule) -> Pair | None:
    """The examples of a rule; None for one that no request can break alone."""
    if rule in spec.selector.rules:
        return _selector_pair(spec, rule)
    shape = shape_of(spec, rule)
    if shape is None:
        return None
    selector = spec.selector if shape.model in spec.models else None
    checker = Checker(shape, selector)
    for keeps, breaks in _candidates(shape, selector, rule):
        violations = checker.check(breaks)
        if [found.rule.id for found in violations] == [rule.id] and not checker.check(keeps):
            return Pair(keeps=keeps, breaks=breaks, pointers=tuple(pointers(keeps, breaks)), violation=violations[0])
    return None


def _candidates(shape: Shape, selector: Selector | None, rule: Rule) -> Iterator[tuple[Body, Body]]:
    """Pairs of bodies, of which the first may keep the rule and the second break it; the simplest ones first."""
    maker = Maker(shape, selector)
    least = maker.least()
    match rule.kind:
        case k.Required():
            yield least, _without(least, rule.field or "")
        case k.Type(name="object"):
            yield least, _with(least, rule.field or "", PROMPT)
        case _:
            pass
    several: list[Choices] = [SIMPLEST, *(Seeded(Random(seed)) for seed in range(TRIES))]
    for choices in several:
        broken = _broken(maker, rule, choices)
        if broken is not None:
            yield from ((mended, broken) for mended in _mended(shape, rule, broken))


def _broken(maker: Maker, rule: Rule, choices: Choices) -> Body | None:
    is_of_values = not isinstance(rule.kind, k.CrossKind | k.Required | k.SameAs)
    if is_of_values and not breaking_values(rule, maker.shape, {}):
        return None
    try:
        return maker.breaking(rule, choices)
    except UnbreakableError:
        return None


def _selector_pair(spec: Spec, rule: Rule) -> Pair | None:
    name = spec.selector.field or ""
    model = spec.models[spec.selector.example]
    good = Maker(next(iter(model.shapes.values())), spec.selector).least()
    candidates = [_without(good, name), _with(good, name, 1), _with(good, name, f"{model.name}-x")]
    for body in candidates:
        found = check_selector(spec.selector, body)
        if found and found[0].rule == rule:
            return Pair(keeps=good, breaks=body, pointers=(f"/{name}",), violation=found[0])
    return None


def _mended(shape: Shape, rule: Rule, body: Body) -> Iterator[Body]:
    """Bodies that may keep the rule, the ones that say most about it first."""
    match rule.kind:
        case k.AllowedWith(other=other, among=among):
            yield from (_with(body, other, value) for value in among)
        case k.Requires(needs=needs):
            yield _with(body, needs, valid_value(shape.fields[needs], SIMPLEST, shape, least_items=1))
        case k.Forbids(excludes=excludes):
            yield _without(body, excludes)
        case k.AtMostOne(fields=fields):
            yield from (_without(body, *(name for name in fields if name != kept)) for kept in fields)
        case k.UnknownFields():
            yield {name: value for name, value in body.items() if name in shape.fields or value == shape.model}
        case k.SameAs(other=other):
            yield _with(body, rule.field or "", _aligned(body, rule.field or "", other))
        case k.Forbidden():
            yield _without(body, rule.field or "")
        case _:
            pass
    field = shape.fields.get(rule.field or "")
    if field is not None:
        yield _with(body, field.name, valid_value(field, SIMPLEST, shape, least_items=1))
        yield _without(body, field.name)


def _aligned(body: Body, mask: str, other: str) -> object:
    """The mask with the dimensions and the format of the first image."""
    mine, theirs = body.get(mask), body.get(other)
    first = theirs[0] if isinstance(theirs, list) else theirs
    if not isinstance(mine, FileFacts) or not isinstance(first, FileFacts):
        return mine
    return replace(mine, width=first.width, height=first.height, format=first.format)


def _with(body: Body, name: str, value: object) -> Body:
    group, dot, inner = name.partition(".")
    if not dot:
        return {**body, name: value}
    held = body.get(group)
    return {**body, group: _with(held if isinstance(held, dict) else {}, inner, value)}


def _without(body: Body, *names: str) -> Body:
    out = dict(body)
    for name in names:
        group, dot, inner = name.partition(".")
        held = out.get(group)
        if not dot:
            out.pop(name, None)
        elif isinstance(held, dict):
            out[group] = _without(held, inner)
    return out


def pointers(one: object, other: object, at: str = "") -> Iterator[str]:
    """The JSON pointers (RFC 6901) of everything that is different in two values."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in dict.fromkeys((*one, *other)):
            below = f"{at}/{str(name).replace('~', '~0').replace('/', '~1')}"
            if name not in one or name not in other:
                yield below
            else:
                yield from pointers(one[name], other[name], below)
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            yield from pointers(mine, theirs, f"{at}/{index}")
    elif type(one) is not type(other) or one != other:
        yield at
