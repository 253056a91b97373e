"""Rule ids, taken apart and put together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.contract import Statement, Topic
from imageproof.specs.pairs import shape_of

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Model, Operation, Shape, Spec


class RuleBook:
    """The rules of a spec by id, and the ids that checks refer to."""

    __slots__ = ("by_id", "spec")

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.by_id = {rule.id: rule for rule in spec.rules}

    def id_of(self, *parts: str) -> str:
        """The id below the spec's name."""
        return "/".join((self.spec.name, *parts))

    def has(self, rule_id: str) -> bool:
        """Whether the spec states it."""
        return rule_id in self.by_id

    def first(self, *ids: str) -> str:
        """The first of these ids that the spec states; the last one if it states none."""
        return next((item for item in ids if item in self.by_id), ids[-1])

    def tail(self, rule: Rule) -> str:
        """The id without the spec's name."""
        return rule.id.removeprefix(f"{self.spec.name}/")

    def topic(self, rule: Rule) -> Topic | None:
        """What a statement is about; None for a rule about requests."""
        return rule.kind.topic if isinstance(rule.kind, Statement) else None


def shape_operation(spec: Spec, rule: Rule) -> tuple[Shape, Operation] | None:
    """The shape and operation of a rule about requests; the example model's first for rules about the model's name."""
    if rule in spec.selector.rules:
        shape = next(iter(spec.models[spec.selector.example].shapes.values()))
        return shape, spec.operations[shape.operation]
    found = shape_of(spec, rule)
    return (found, spec.operations[found.operation]) if found else None


def model_of(spec: Spec, shape: Shape) -> Model | None:
    """The model of a shape; None for operations without one."""
    return spec.models.get(shape.model)
