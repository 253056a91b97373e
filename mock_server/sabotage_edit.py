"""Change one thing deep inside a frozen contract, and get a new contract that is otherwise the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imageproof.specs.template import Template, sole_placeholder

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Answer, ErrorAnswer, Field, JsonTree, Model, Operation, Shape, Spec

    Path = tuple[str | int, ...]


def with_model(spec: Spec, model: Model) -> Spec:
    """The spec with one model replaced by another of its name."""
    return replace(spec, models={**spec.models, model.name: model})


def with_shape(spec: Spec, shape: Shape) -> Spec:
    """The spec with one shape replaced: that of a model, or of an operation without models."""
    model = spec.models.get(shape.model)
    if model is None:
        return replace(spec, shapes={**spec.shapes, shape.operation: shape})
    return with_model(spec, replace(model, shapes={**model.shapes, shape.operation: shape}))


def with_field(shape: Shape, item: Field) -> Shape:
    """The shape with one field replaced by another of its name."""
    return replace(shape, fields={**shape.fields, item.name: item})


def without_rule(shape: Shape, rule: Rule) -> Shape:
    """The shape without one of its rules."""
    if shape.unknown == rule:
        return replace(shape, unknown=None)
    if rule in shape.cross:
        return replace(shape, cross=tuple(other for other in shape.cross if other != rule))
    item = shape.fields[rule.field or ""]
    kept = tuple(other for other in item.rules if other != rule)
    return with_field(shape, replace(item, rules=kept, state="allowed"))


def with_rule(shape: Shape, rule: Rule, other: Rule) -> Shape:
    """The shape with one rule replaced by another."""
    if shape.unknown == rule:
        return replace(shape, unknown=other)
    if rule in shape.cross:
        return replace(shape, cross=tuple(other if item == rule else item for item in shape.cross))
    item = shape.fields[rule.field or ""]
    return with_field(shape, replace(item, rules=tuple(other if known == rule else known for known in item.rules)))


def with_error(spec: Spec, answer: ErrorAnswer) -> Spec:
    """The spec with one error answer replaced by another of its name."""
    return replace(spec, errors={**spec.errors, answer.name: answer})


def with_operation(spec: Spec, operation: Operation) -> Spec:
    """The spec with one operation replaced by another of its name."""
    return replace(spec, operations={**spec.operations, operation.name: operation})


def with_answer(spec: Spec, operation: Operation, answer: Answer) -> Spec:
    """The spec with the good answer of one operation replaced."""
    return with_operation(spec, replace(operation, answer=answer))


def edited(answer: Answer, change: Callable[[JsonTree], JsonTree]) -> Answer:
    """The answer with each of its bodies changed."""
    body = Template.of(change(answer.body.tree)) if answer.body else None
    by_phase = {phase: Template.of(change(template.tree)) for phase, template in answer.by_phase.items()}
    return replace(answer, body=body, by_phase=by_phase)


def without_key(tree: JsonTree, name: str) -> JsonTree:
    """A tree without the keys whose value is this placeholder."""
    if isinstance(tree, dict):
        kept = {
            key: item for key, item in tree.items() if not (isinstance(item, str) and sole_placeholder(item) == name)
        }
        return {key: without_key(item, name) for key, item in kept.items()}
    if isinstance(tree, list):
        return [without_key(item, name) for item in tree]
    return tree


def with_value(tree: JsonTree, name: str, value: JsonTree) -> JsonTree:
    """A tree with another value where this placeholder stands."""
    if isinstance(tree, dict):
        return {key: with_value(item, name, value) for key, item in tree.items()}
    if isinstance(tree, list):
        return [with_value(item, name, value) for item in tree]
    return value if isinstance(tree, str) and sole_placeholder(tree) == name else tree


def required_names(tree: JsonTree) -> list[str]:
    """The placeholders that stand under a key of their own which is always there, at the top of a tree."""
    if not isinstance(tree, dict):
        return []
    names = [sole_placeholder(item) for key, item in tree.items() if isinstance(item, str) and not key.endswith("?")]
    return [name for name in names if name is not None]
