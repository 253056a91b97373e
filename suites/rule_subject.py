"""What a rule is about: the operation, the model and the fields without which it can't be seen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.contract import Statement, Topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imageproof.specs.facts import Rule
    from imageproof.specs.kinds import Plain
    from imageproof.specs.model import Model, Shape, Spec

BY_OPERATION = frozenset({Topic.ANSWERS, Topic.STREAM, Topic.DEFAULTS, Topic.IMAGES, Topic.LIMITS})
"""Topics whose ids may go on with an operation: `answers/edit`."""

BY_MODEL = frozenset({Topic.ANSWERS, Topic.DEFAULTS, Topic.IMAGES, Topic.PIXELS, Topic.PRICE, Topic.TIMING})
"""Topics whose ids may go on with a model, some after an operation: `price/best`, `defaults/edit/best`."""

BY_FIELD = frozenset({Topic.DEFAULTS, Topic.IMAGES})
"""Topics whose ids may go on with a field after operation and model: `defaults/edit/best/size`."""

FIELD_AT = 4
"""Where it stands in the id, which begins with spec and topic."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """None and no fields: the rule holds for all of them."""

    operation: str | None = None
    model: str | None = None
    fields: frozenset[str] = field(default_factory=frozenset)


def subjects(spec: Spec) -> dict[str, Subject]:
    """The subject of each rule of a contract, by rule id."""
    shapes = {rule.id: shape for shape in all_shapes(spec) for rule in shape.rules}
    return {rule.id: _subject(spec, rule, shapes.get(rule.id)) for rule in spec.rules}


def all_shapes(spec: Spec) -> Iterator[Shape]:
    """The shapes of all requests of a contract, those of models first."""
    for model in spec.models.values():
        yield from model.shapes.values()
    yield from spec.shapes.values()


def _subject(spec: Spec, rule: Rule, shape: Shape | None) -> Subject:
    if isinstance(rule.kind, Statement):
        return _of_statement(spec, rule, rule.kind.topic)
    fields = _others(rule.kind) | ({rule.field} if rule.field else set())
    if shape is None:
        return Subject(fields=fields)
    model = shape.model if shape.model in spec.models else None
    return Subject(operation=shape.operation, model=model, fields=fields)


def _others(kind: k.Kind) -> frozenset[str]:
    """The fields that a rule speaks of besides its own."""
    match kind:
        case k.Requires(field=own, needs=other) | k.Forbids(field=own, excludes=other):
            return frozenset({own, other})
        case k.AllowedWith(field=own, other=other):
            return frozenset({own, other})
        case k.AtMostOne(fields=fields):
            return frozenset(fields)
        case k.SameAs(other=other):
            return frozenset({other})
        case _:
            return frozenset()


def _of_statement(spec: Spec, rule: Rule, topic: Topic) -> Subject:
    _, _, *parts = rule.id.split("/")
    operation = parts.pop(0) if parts and topic in BY_OPERATION and parts[0] in spec.operations else None
    model = parts.pop(0) if parts and topic in BY_MODEL and parts[0] in spec.models else None
    named = spec.models.get(model) if model else None
    fields = {rule.id.split("/")[FIELD_AT]} if topic in BY_FIELD and rule.id.count("/") >= FIELD_AT else set()
    if named is not None:
        fields |= _asked_with(named, rule) | (_of_cell(named, parts) if topic is Topic.PIXELS else set())
    fields |= _of_stream(spec, operation, topic, parts)
    if topic is Topic.WEBHOOKS and spec.webhooks is not None and spec.webhooks.url_field is not None:
        fields.add(spec.webhooks.url_field)
    return Subject(operation=operation, model=model, fields=frozenset(fields))


def _asked_with(model: Model, rule: Rule) -> set[str]:
    """The fields that a row of a price list or of durations is chosen by, where it is not chosen by defaults."""
    rows = [row.when for row in model.prices if row.rule.id == rule.id]
    rows += [row.when for row in model.durations if row.rule.id == rule.id]
    return {name for when in rows for name, values in when.items() if _default(model, name) not in values}


def _of_cell(model: Model, parts: list[str]) -> set[str]:
    """The fields that must be sent for a cell of a pixel table; those that are at their default need not be."""
    if parts == ["exact"] and model.pixels.exact is not None:
        return {model.pixels.exact}
    table = model.pixels.table
    if table is None:
        return set()
    cells: Mapping[str, tuple[str, ...]] = {",".join(cell): cell for cell in table.cells}
    values = cells.get("/".join(parts), ())
    return {name for name, value in zip(table.by, values, strict=False) if _default(model, name) != value}


def _of_stream(spec: Spec, operation: str | None, topic: Topic, parts: list[str]) -> set[str]:
    """The fields that ask for a stream, and for its partial images where these are looked at."""
    stream = spec.operations[operation].stream if operation is not None and topic is Topic.STREAM else None
    if stream is not None:
        return {stream.switch, stream.partials} if parts == ["partial"] else {stream.switch}
    if topic is Topic.PRICE and parts == ["partial-tokens"]:
        streams = [item.stream for item in spec.operations.values() if item.stream is not None]
        return {name for item in streams for name in (item.switch, item.partials)}
    return set()


def _default(model: Model, name: str) -> Plain:
    """What a model takes for a field that is left out."""
    found = (shape.fields[name].default for shape in model.shapes.values() if name in shape.fields)
    return next(found, None)
