"""Every sabotage of every contract is another contract, or another behaviour; what it changes can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from imageproof.mock_server.sabotage import Family, Sabotage, not_sabotaged, sabotages
from imageproof.specs import kinds as k
from imageproof.specs.breaking import breaking_values
from imageproof.specs.check import Checker, check_selector
from imageproof.specs.contract import Topic
from imageproof.specs.facts import How, Level, Rule
from imageproof.specs.library import load, shipped
from imageproof.specs.model import Shape, Spec
from imageproof.specs.outcome import Outcomes, effective
from imageproof.specs.pairs import pair_for, shape_of
from imageproof.specs.pairwise import cover

Body = dict[str, object]
NAMES = [name for spec in shipped() for name in (spec, *(f"{spec}@{profile}" for profile in load(spec).profiles[1:]))]
OUTCOMES = {Topic.PIXELS, Topic.DEFAULTS, Topic.PRICE}


@cache
def all_of(name: str) -> tuple[Sabotage, ...]:
    return sabotages(load(name))


def rule_of(spec: Spec, item: Sabotage) -> Rule:
    return next(rule for rule in spec.rules if rule.id == item.rule)


def about_requests(name: str) -> list[Sabotage]:
    spec = load(name)
    return [item for item in all_of(name) if is_about_requests(spec, rule_of(spec, item))]


def is_about_requests(spec: Spec, rule: Rule) -> bool:
    return rule in spec.selector.rules or shape_of(spec, rule) is not None


def twin_of(spec: Spec, shape: Shape) -> Shape:
    """The shape of the same model and operation in another contract."""
    model = spec.models.get(shape.model)
    return model.shapes[shape.operation] if model else spec.shapes[shape.operation]


@cache
def bodies_of(name: str, operation: str, model: str) -> tuple[Body, ...]:
    """Valid bodies that hold each documented value and each bound at least once."""
    spec = load(name)
    shapes = (*spec.shapes.values(), *(shape for item in spec.models.values() for shape in item.shapes.values()))
    shape = next(shape for shape in shapes if (shape.operation, shape.model) == (operation, model))
    return tuple(row.body for row in cover(shape, spec.selector if model in spec.models else None).rows)


def bodies_about(name: str, spec: Spec, shape: Shape, rule: Rule) -> Iterator[Body]:
    """Bodies that keep the rule, break it, or stand at its bounds."""
    pair = pair_for(spec, rule)
    if pair is not None:
        yield pair.keeps
        yield pair.breaks
        for value in (*breaking_values(rule, shape, pair.keeps), None) if rule.field else ():
            yield placed(pair.keeps, str(rule.field), value)
        if isinstance(rule.kind, k.AllowedWith):
            yield from (placed(pair.keeps, rule.kind.other, value) for value in rule.kind.among)
    yield from bodies_of(name, shape.operation, shape.model)


def placed(body: Body, name: str, value: object) -> Body:
    group, dot, inner = name.partition(".")
    if not dot:
        return {**body, name: value}
    held = body.get(group)
    return {**body, group: placed(held if isinstance(held, dict) else {}, inner, value)}


def judged(spec: Spec, shape: Shape, body: Body) -> list[tuple[str, int | None]]:
    """The rules that a body breaks, with the status of their refusals."""
    model = spec.models.get(shape.model)
    selector = spec.selector if model else None
    broken = [*(check_selector(selector, body) if selector else ()), *Checker(shape, selector).check(body)]
    names = {rule.id: rule.error or "invalid_param" for rule in (found.rule for found in broken)}
    replaced = model.errors if model else {}
    return [(rule, spec.errors[replaced.get(error, error)].status) for rule, error in names.items()]


@pytest.mark.parametrize("name", NAMES)
def test_ids_say_which_rule_is_broken_and_how(name: str) -> None:
    known = {rule.id for rule in load(name).rules}
    wrong = [item.id for item in all_of(name) if item.rule not in known or not item.id.startswith(f"{item.rule}!")]
    assert wrong == []
    assert [item.id for item in all_of(name) if not item.says or item.spec.name != load(name).name] == []
    assert len({item.id for item in all_of(name)}) == len(all_of(name)) >= 60


@pytest.mark.parametrize("name", NAMES)
def test_each_is_another_contract_or_another_behaviour(name: str) -> None:
    spec = load(name)
    idle = [item.id for item in all_of(name) if item.spec == spec and item.deviation is None]
    assert idle == []


@pytest.mark.parametrize("name", NAMES)
def test_each_about_requests_judges_some_request_otherwise(name: str) -> None:
    spec = load(name)
    unseen = []
    for item in about_requests(name):
        rule = rule_of(spec, item)
        shape = shape_of(spec, rule) or next(iter(spec.models[spec.selector.example].shapes.values()))
        twin = twin_of(item.spec, shape)
        bodies = bodies_about(name, spec, shape, rule)
        if not any(judged(spec, shape, body) != judged(item.spec, twin, body) for body in bodies):
            unseen.append(item.id)
    assert not unseen, unseen


@pytest.mark.parametrize("name", NAMES)
def test_what_is_accepted_wrongly_breaks_its_rule_and_no_other(name: str) -> None:
    spec = load(name)
    wrong = []
    for item in about_requests(name):
        rule = rule_of(spec, item)
        pair, shape = pair_for(spec, rule), shape_of(spec, rule)
        if item.family is not Family.ACCEPTS or isinstance(rule.kind, k.Type) or pair is None or shape is None:
            continue
        before, after = judged(spec, shape, pair.breaks), judged(item.spec, twin_of(item.spec, shape), pair.breaks)
        if [found[0] for found in before] != [rule.id] or after:
            wrong.append(item.id)
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_each_about_outcomes_makes_something_else_of_some_request(name: str) -> None:
    spec = load(name)
    about = [item for item in all_of(name) if item.deviation is None and topic_of(spec, item) in OUTCOMES]
    right = outcomes(name, spec)
    unseen = [item.id for item in about if outcomes(name, item.spec) == right]
    assert about
    assert not unseen, unseen


def topic_of(spec: Spec, item: Sabotage) -> object:
    return getattr(rule_of(spec, item).kind, "topic", None)


def outcomes(name: str, spec: Spec) -> list[object]:
    """What every body of a cover comes to."""
    out: list[object] = []
    for model in spec.models.values():
        outcome = Outcomes(model)
        for shape in model.shapes.values():
            table = model.pixels.table
            named: list[Body] = [dict(zip(table.by, cell, strict=True)) for cell in table.cells] if table else []
            for body in ({}, *named, *bodies_of(name, shape.operation, shape.model)):
                asked = effective(shape, body)
                out.append(outcome.of(asked, prompt=str(asked.get(model.images.prompt)), partials=2))
    return out


@pytest.mark.parametrize("name", NAMES)
def test_each_documented_must_is_broken_or_it_is_said_why_nobody_can_see_it(name: str) -> None:
    spec = load(name)
    musts = {rule.id for rule in spec.rules if rule.level is Level.MUST and rule.source.how is How.DOCUMENTED}
    broken = {item.rule for item in all_of(name)}
    why = not_sabotaged(spec)
    assert set(why) == musts - broken
    assert all(why.values())


def test_sabotages_leave_the_contract_alone_and_come_in_the_same_order() -> None:
    spec = load("reapi")
    before = repr(spec)
    ids = [item.id for item in sabotages(spec)]
    assert ids == [item.id for item in sabotages(spec)]
    assert repr(spec) == before
