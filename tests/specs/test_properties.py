"""The four properties that hold the derivations of a rule together, over every shipped rule.

Valid bodies break nothing; a breaking body breaks its rule and no other; our check and the exported schema agree on any
JSON; samples are valid.
"""

from __future__ import annotations

import json
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imageproof.specs import kinds as k
from imageproof.specs import strategies
from imageproof.specs.check import Checker, check_selector
from imageproof.specs.choices import Seeded
from imageproof.specs.facts import Rule
from imageproof.specs.generate import Maker
from imageproof.specs.library import load, shipped
from imageproof.specs.model import Selector, Shape, Spec
from imageproof.specs.schema import body_schema, validator


class Case(NamedTuple):
    """One shape of one spec, and how its requests name the model."""

    spec: Spec
    shape: Shape
    selector: Selector | None

    @property
    def id(self) -> str:
        return f"{self.spec.name}/{self.shape.operation}/{self.shape.model}"


def _cases() -> list[Case]:
    names = [f"{name}@{profile}" for name in shipped() for profile in load(name).profiles[1:]]
    specs = [load(name) for name in (*shipped(), *names)]
    made = [
        Case(spec, shape, spec.selector)
        for spec in specs
        for model in spec.models.values()
        for shape in model.shapes.values()
    ]
    return [*made, *(Case(spec, shape, None) for spec in specs for shape in spec.shapes.values())]


CASES = _cases()
JSON_CASES = [case for case in CASES if case.spec.operations[case.shape.operation].content == "json"]
RULES = [
    pytest.param(case, rule, id=rule.id)
    for case in CASES
    for rule in case.shape.rules
    if not isinstance(rule.kind, k.Ignored)
]
each_shape = pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
each_json_shape = pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in JSON_CASES])
quick = settings(max_examples=25, derandomize=True, database=None)


def broken(case: Case, body: dict[str, object]) -> list[str]:
    """The rules that a body breaks, those of the model's name included."""
    found = check_selector(case.selector, body) if case.selector else []
    return [violation.rule.id for violation in (*found, *Checker(case.shape, case.selector).check(body))]


@each_shape
def test_valid_bodies_break_nothing(case: Case) -> None:
    @quick
    @given(strategies.valid(case.shape, case.selector))
    def holds(body: dict[str, object]) -> None:
        assert broken(case, body) == []

    holds()


@each_shape
def test_samples_are_valid(case: Case) -> None:
    maker = Maker(case.shape, case.selector)
    samples = [maker.least(), *(maker.valid(Seeded(Random(seed))) for seed in range(100))]
    assert [broken(case, body) for body in samples if broken(case, body)] == []


@pytest.mark.parametrize(("case", "rule"), RULES)
def test_a_breaking_body_breaks_its_rule_and_no_other(case: Case, rule: Rule) -> None:
    @settings(max_examples=6, derandomize=True, database=None)
    @given(strategies.breaking(rule, case.shape, case.selector))
    def holds(body: dict[str, object]) -> None:
        assert broken(case, body) == [rule.id]

    holds()


ODD: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    1,
    1.0,
    2,
    -1,
    1.5,
    10**400,
    -0.0,
    1e300,
    "",
    "1",
    "1.0",
    "2",
    "true",
    " ",
    "x",
    [],
    [1],
    [None],
    ["x"],
    ["https://a.example/b.png"],
    ["data:image/png;base64,AA=="],
    {},
    {"a": 1},
    "1024x1024",
    "1024x1024\n",
    "\n",
    "4k",
    "4K",
    "2\u212a",
    "16:9",
    "auto",
    "AUTO",
    "1000x1000",
    "3840x2160",
    "3856x1600",
    "01024x1024",
    "high",
    "url",
    "\u0000",
    "x" * 5000,
)


@st.composite
def mutated(draw: st.DrawFn, case: Case) -> dict[str, object]:
    """A valid body in which some fields hold something else."""
    body: dict[str, object] = json.loads(json.dumps(draw(strategies.valid(case.shape, case.selector))))
    names = [
        *(name for name in case.shape.fields if "." not in name),
        case.selector.field if case.selector else None,
        "zzz",
    ]
    for name in draw(st.lists(st.sampled_from([name for name in names if name]), max_size=3)):
        values = st.sampled_from(ODD) | st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
            max_leaves=3,
        )
        body[name] = draw(values)
    for name in draw(st.lists(st.sampled_from(sorted(body)), max_size=1)) if body else []:
        del body[name]
    return body


@each_json_shape
def test_our_check_and_the_exported_schema_agree_on_any_json(case: Case) -> None:
    schema = validator(body_schema(case.shape, case.selector))

    @settings(max_examples=60, derandomize=True, database=None)
    @given(mutated(case))
    def agree(body: dict[str, object]) -> None:
        named = body.get(case.selector.field or "", case.selector.default) if case.selector else case.shape.model
        ours = broken(case, body) == [] and (
            named == case.shape.model or case.selector is None or not case.selector.field
        )
        assert schema.is_valid(body) == ours, broken(case, body)

    agree()


@each_json_shape
def test_they_agree_on_what_breaks_each_rule(case: Case) -> None:
    schema = validator(body_schema(case.shape, case.selector))
    maker = Maker(case.shape, case.selector)
    rules = [rule for rule in case.shape.rules if not isinstance(rule.kind, k.Ignored)]
    accepted = [
        rule.id for rule in rules for seed in range(5) if schema.is_valid(maker.breaking(rule, Seeded(Random(seed))))
    ]
    assert accepted == []
