"""Requests that must be refused: for a rule, all bodies that break it and nothing else, each with its repaired twin.

Pure and always the same. A body counts only if its bytes, read back as a provider would, break exactly that rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.breaking import breaking_values
from imageproof.specs.check import Checker
from imageproof.specs.generate import Maker, UnbreakableError
from imageproof.specs.model import MAKES_IMAGES
from imageproof.specs.pairs import pair_for
from imageproof.suites.bodies import encode_body, is_sayable, violations
from imageproof.suites.gateway.bench import BOUNDARY
from imageproof.suites.gateway.jobs import with_value
from imageproof.suites.gateway.names import shape_operation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Operation, Selector, Shape, Spec

    Body = dict[str, object]

MOST = 12
BIGGEST = 8 * 1024 * 1024  # bytes: a file that is too large is sent once, in its own test


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A body that breaks one rule, and the same body repaired (None: no simple repair)."""

    operation: Operation
    shape: Shape
    breaks: dict[str, object]
    keeps: dict[str, object] | None
    what: str = ""

    @property
    def model(self) -> str | None:
        """The model that the request is for; None for operations without models."""
        return self.shape.model if self.operation.does in MAKES_IMAGES else None


def probes_for(spec: Spec, rule: Rule, *, most: int = MOST) -> list[Probe]:
    """The probes of a rule about requests; empty when no request breaks it and no other."""
    found = shape_operation(spec, rule)
    if found is None:
        return []
    shape, operation = found
    out: list[Probe] = []
    seen: list[Body] = []
    for breaks, keeps in _candidates(spec, rule, shape):
        if breaks in seen or not breaks_only(spec, operation, shape, rule, breaks):
            continue
        seen.append(breaks)
        twin = keeps if keeps is not None and _is_fine(spec, operation, shape, keeps) else None
        out.append(Probe(operation=operation, shape=shape, breaks=breaks, keeps=twin, what=_what(rule, breaks)))
        if len(out) == most:
            break
    return out


def selector_of(spec: Spec, shape: Shape) -> Selector | None:
    """What names the model in bodies of a shape; None for operations without models."""
    return spec.selector if shape.model in spec.models else None


def breaks_only(spec: Spec, operation: Operation, shape: Shape, rule: Rule, body: Body) -> bool:
    """Whether the bytes of a body break this rule and no other."""
    if not is_sayable(operation, body):
        return False
    content_type, data = encode_body(operation, body, boundary=BOUNDARY)
    return violations(spec, operation, shape, content_type, data) == [rule.id]


def _is_fine(spec: Spec, operation: Operation, shape: Shape, body: Body) -> bool:
    if not is_sayable(operation, body):
        return False
    content_type, data = encode_body(operation, body, boundary=BOUNDARY)
    return not violations(spec, operation, shape, content_type, data)


def _candidates(spec: Spec, rule: Rule, shape: Shape) -> Iterator[tuple[Body, Body | None]]:
    pair = pair_for(spec, rule)
    if pair is not None:
        yield pair.breaks, pair.keeps
    if rule in spec.selector.rules:
        yield from _selector(spec, rule, shape)
        return
    selector = selector_of(spec, shape)
    least = Maker(shape, selector).least()
    checker = Checker(shape, selector)
    if isinstance(rule.kind, k.CrossKind | k.Required | k.SameAs):
        return
    bases = [least] if pair is None else [least, pair.keeps]
    for value in breaking_values(rule, shape, {}):
        if value is None and isinstance(rule.kind, k.Forbidden):
            continue  # null for a field that may not be sent: many take it for absent, and no page says otherwise
        for base in bases:
            body = with_value(base, rule.field or "", value)
            if [found.rule.id for found in checker.check(body)] == [rule.id]:
                yield body, base
                break


def _selector(spec: Spec, rule: Rule, shape: Shape) -> Iterator[tuple[Body, Body | None]]:
    name = spec.selector.field
    if name is None:
        return
    good = Maker(shape, spec.selector).least()
    model = shape.model
    if not isinstance(rule.kind, k.Required):
        for value in (f"{model}-x", model.upper(), "", f" {model}", 1, None, [model], True):
            yield {**good, name: value}, good


def _what(rule: Rule, body: Body) -> str:
    """The part of a body that breaks the rule, for a sentence."""
    name = rule.field
    if name is None or name.partition(".")[0] not in body:
        return "" if name is None else f"without {name}"
    group, dot, inner = name.partition(".")
    held = body[group]
    value = held.get(inner) if dot and isinstance(held, dict) else held
    text = repr(value)
    return f"{name} = {text}" if len(text) <= 80 else f"{name} = {text[:60]}... ({len(text)} characters)"  # noqa: PLR2004


def generated(spec: Spec, rule: Rule, shape: Shape, body: Body) -> Probe | None:
    """A probe from a body that Hypothesis made; None when its bytes do not break exactly this rule."""
    operation = spec.operations[shape.operation]
    if not breaks_only(spec, operation, shape, rule, body):
        return None
    return Probe(operation=operation, shape=shape, breaks=body, keeps=None, what=_what(rule, body))


def is_paid(operation: Operation) -> bool:
    """Whether an accepted request of it would cost money."""
    return operation.does in MAKES_IMAGES


def least_body(spec: Spec, shape: Shape) -> Body:
    """The shortest valid body of a shape, with the model where bodies name it."""
    try:
        return Maker(shape, selector_of(spec, shape)).least()
    except UnbreakableError:
        return {}
