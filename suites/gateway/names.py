"""Rule ids, taken apart and put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs.contract import Statement, Topic
from imageproof.specs.pairs import shape_of

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Model, Operation, Shape, Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The parts of a statement's id after its topic; empty where it has none."""

    operation: str
    model: str
    rest: str


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

    def about(self, rule: Rule) -> About:
        """What a statement is about, read from its id: names of models may hold slashes themselves."""
        rest = self.tail(rule).partition("/")[2]
        operation = next((name for name in self.spec.operations if f"{rest}/".startswith(f"{name}/")), "")
        below = rest.removeprefix(operation).removeprefix("/") if operation else rest
        models = sorted(self.spec.models, key=len, reverse=True)
        model = next((name for name in models if f"{below}/".startswith(f"{name}/")), "")
        if not model:
            model = next((name for name in models if f"{rest}/".startswith(f"{name}/")), "")
            operation, below = ("", rest) if model else (operation, below)
        return About(operation=operation, model=model, rest=below.removeprefix(model).removeprefix("/"))

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
