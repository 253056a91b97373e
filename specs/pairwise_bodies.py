"""Valid bodies of a shape around values that are fixed, and the proof that there is none where rules forbid them.

The law of the search: when a rule is broken, every body that keeps it differs in one of the fields the rule is about.
So each of these that is free takes each of its other values in turn, and is fixed from then on. That ends, as there
are only so many fields, and finds a body whenever the values of the fields allow one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.check import Checker, flat
from imageproof.specs.files import FileFacts
from imageproof.specs.generate import Maker, nest
from imageproof.specs.pairwise_values import ABSENT, factors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imageproof.specs.check import Violation
    from imageproof.specs.model import Selector, Shape

    Body = dict[str, object]
    Change = tuple[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bodies:
    """What valid bodies of one shape are made of: the values of each field, and the shortest body to start from.

    `groups` are the objects that must be sent, even when they are empty.
    """

    shape: Shape
    selector: Selector | None
    values: Mapping[str, tuple[object, ...]]
    checker: Checker
    least: Mapping[str, object]
    groups: tuple[str, ...] = field(default=())

    def build(self, fixed: Mapping[str, object]) -> Body | None:
        """The simplest flat body found that holds the fixed values; None when the rules keep them apart."""
        body = dict(self.least)
        for name, value in fixed.items():
            body = _with(body, name, value)
        return self._mended(body, frozenset(fixed))

    def finished(self, body: Body) -> Body:
        """A flat body as it is sent: nested, in the order of the contract, with the model where bodies name it."""
        ordered = {name: body[name] for name in self.shape.fields if name in body}
        nested = nest({**{name: {} for name in self.groups}, **ordered, **body})
        name = self.selector.field if self.selector else None
        return {name: self.shape.model, **nested} if name and name not in nested else nested

    def _mended(self, body: Body, fixed: frozenset[str]) -> Body | None:
        broken = self.checker.check(self.finished(body))
        if not broken:
            return body
        hardest = min(broken, key=lambda violation: sum(name not in fixed for name in _fields_of(violation)))
        for name, value in self._changes(hardest, body, fixed):
            mended = self._mended(_with(body, name, value), fixed | {name})
            if mended is not None:
                return mended
        return None

    def _changes(self, broken: Violation, body: Body, fixed: frozenset[str]) -> Iterator[Change]:
        """Each other value of each free field that a broken rule is about."""
        for name in _fields_of(broken):
            if name in fixed:
                continue
            if isinstance(broken.rule.kind, k.SameAs):
                yield name, _alike(broken.rule.field or "", broken.rule.kind, name, body)
            for value in _candidates(broken, name, self.values.get(name, ())):
                if value is not body.get(name, ABSENT):
                    yield name, value


def bodies_of(shape: Shape, selector: Selector | None) -> Bodies:
    """Prepare the search of one shape; with a selector the finished bodies name the model."""
    groups = frozenset(name for name, item in shape.fields.items() if item.type == "object")
    least = flat(Maker(shape).least(), groups)
    return Bodies(
        shape=shape,
        selector=selector,
        values=factors(shape),
        checker=Checker(shape, selector),
        least={name: value for name, value in least.items() if name not in groups},
        groups=tuple(name for name in shape.fields if name in groups and name in least),
    )


def _with(body: Body, name: str, value: object) -> Body:
    if value is ABSENT:
        return {key: kept for key, kept in body.items() if key != name}
    return {**body, name: value}


def _fields_of(broken: Violation) -> tuple[str, ...]:
    """The fields that a broken rule is about, those first whose change leaves most of the body as it is."""
    rule = broken.rule
    match rule.kind:
        case k.AllowedWith(field=name, other=other, unless=unless):
            return (other, name, unless) if unless else (other, name)
        case k.Requires(field=name, needs=needs, unless=unless):
            return (needs, name, unless) if unless else (needs, name)
        case k.Forbids(field=name, excludes=excludes):
            return (excludes, name)
        case k.AtMostOne(fields=names):
            return names
        case k.SameAs(other=other):
            return (rule.field or "", other)
        case _:
            return (rule.field or broken.where,)


def _candidates(broken: Violation, name: str, values: tuple[object, ...]) -> Iterator[object]:
    """What a field may take instead: left out is simplest, and a rule may ask for values that are no factors."""
    if ABSENT in values:
        yield ABSENT
    yield from (value for value in values if value is not ABSENT)
    match broken.rule.kind:
        case k.AllowedWith(other=other, among=among) if name == other:
            yield from (value for value in among if value not in values)
        case _:
            pass


def _alike(mask: str, kind: k.SameAs, changed: str, body: Body) -> object:
    """The mask with the shape of the first image, or the first image with that of the mask: whichever is to change."""
    mine, images = body.get(mask), body.get(kind.other)
    first = images[0] if isinstance(images, list) and images else images
    if not isinstance(mine, FileFacts) or not isinstance(first, FileFacts):
        return ABSENT
    if changed == mask:
        return _shaped(mine, first, kind)
    head = _shaped(first, mine, kind)
    return [head, *images[1:]] if isinstance(images, list) else head


def _shaped(changed: FileFacts, model: FileFacts, kind: k.SameAs) -> object:
    """One file in the shape of another one; left out where that would be a JPEG with an alpha channel."""
    name = model.format if kind.format else changed.format
    if changed.has_alpha and name == "jpeg":
        return ABSENT
    return replace(changed, width=model.width, height=model.height, format=name)
