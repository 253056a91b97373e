"""Mocks that lie about exactly one rule, so that a suite can prove that it would notice.

Most of them are nothing but another contract under the same name; the rest deviate in what they send. All are derived
from the rules of a spec, so a new spec has its sabotages at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.sabotage_answers import of_answers, of_errors, of_states, of_streams
from imageproof.mock_server.sabotage_kinds import Family, Sabotage, UnknownSabotageError
from imageproof.mock_server.sabotage_outputs import (
    of_access,
    of_defaults,
    of_general,
    of_images,
    of_money,
    of_pixels,
)
from imageproof.mock_server.sabotage_requests import is_unsayable, of_requests
from imageproof.specs.contract import Topic
from imageproof.specs.facts import How, Level
from imageproof.specs.kinds import OneOf
from imageproof.specs.pairs import shape_of
from imageproof.specs.problems import nearest

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Spec

__all__ = ["Family", "Sabotage", "UnknownSabotageError", "not_sabotaged", "sabotage_named", "sabotages"]

UNSEEN: dict[Topic, str] = {
    Topic.TIMING: "how long a job takes is no promise: other times are allowed",
    Topic.ADVICE: "addressed to clients",
    Topic.POLLING: "addressed to clients",
    Topic.RETRIES: "what happens inside the provider is seen by nobody",
    Topic.WEBHOOKS: "call backs are not judged on gateways",
    Topic.BILLING: "no answer tells what was charged",
    Topic.ORDER: "only informs",
    Topic.NUMBERS: "only informs",
}
UNSEEN_SLUGS = {
    "auth/key": "a gateway issues keys of its own form",
    "billing/usd-per-credit": "the rate stands in no answer",
    "billing/disconnect": "shows only on an invoice",
    "billing/charged": "broken together with each price",
    "states/also-seen": "addressed to clients",
}
COVERED = "no request breaks it without breaking another rule as well"
UNSAYABLE = "a form cannot say it: all its values are texts"
ONLY_ONE = "only one value is allowed, so none else can be taken for it"
UNSHOWN = "no answer shows which value was taken, or another rule breaks with it"
UNPRICED = "no page gives the amount, or no answer tells what was charged"


def sabotages(spec: Spec) -> tuple[Sabotage, ...]:
    """All sabotages of a spec, in the order of its parts, each id once."""
    found = [
        *of_requests(spec),
        *of_errors(spec),
        *of_answers(spec),
        *of_states(spec),
        *of_streams(spec),
        *of_pixels(spec),
        *of_images(spec),
        *of_defaults(spec),
        *of_money(spec),
        *of_access(spec),
        *of_general(spec),
    ]
    return tuple({item.id: item for item in found}.values())


def sabotage_named(spec: Spec, sabotage_id: str) -> Sabotage:
    """The sabotage of an id. Raises UnknownSabotageError, naming the nearest one."""
    found = sabotages(spec)
    for item in found:
        if item.id == sabotage_id:
            return item
    near = nearest(sabotage_id, [item.id for item in found])
    hint = f"did you mean {near!r}?" if near else f"{spec.name} has {len(found)}"
    raise UnknownSabotageError(f"expected a sabotage of {spec.name}, got {sabotage_id!r}: {hint}")


def not_sabotaged(spec: Spec) -> dict[str, str]:
    """The documented MUST rules that no sabotage breaks, each with the reason."""
    broken = {item.rule for item in sabotages(spec)}
    musts = [rule for rule in spec.rules if rule.level is Level.MUST and rule.source.how is How.DOCUMENTED]
    return {rule.id: _reason(spec, rule) for rule in musts if rule.id not in broken}


def _reason(spec: Spec, rule: Rule) -> str:
    topic = getattr(rule.kind, "topic", None)
    slug = rule.id.removeprefix(f"{spec.name}/")
    if slug in UNSEEN_SLUGS:
        return UNSEEN_SLUGS[slug]
    match topic:
        case None:
            shape = shape_of(spec, rule)
            return UNSAYABLE if shape is not None and is_unsayable(spec, shape, rule) else COVERED
        case Topic.DEFAULTS:
            return ONLY_ONE if _has_one_value(spec, slug) else UNSHOWN
        case Topic.PRICE:
            return UNPRICED
        case _:
            return UNSEEN.get(topic, COVERED)


def _has_one_value(spec: Spec, slug: str) -> bool:
    """Whether the field of a default has no second value. Names of models may hold slashes, so ids are built."""
    shapes = [*spec.shapes.values(), *(shape for model in spec.models.values() for shape in model.shapes.values())]
    kinds = [
        rule.kind
        for shape in shapes
        for field in shape.fields.values()
        if slug == f"{Topic.DEFAULTS}/{shape.operation}/{shape.model}/{field.name}"
        for rule in field.rules
    ]
    return any(isinstance(kind, OneOf) and len(kind.values) == 1 for kind in kinds)
