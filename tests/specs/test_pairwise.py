"""Pairwise rows of every shipped contract, and of contracts that look quite different: valid, complete and few."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from itertools import combinations
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from imageproof.specs import kinds as k
from imageproof.specs.check import Checker, check_selector, flat
from imageproof.specs.choices import Seeded
from imageproof.specs.generate import Maker
from imageproof.specs.library import load, shipped
from imageproof.specs.model import Does, Field, Selector, Shape, Spec
from imageproof.specs.outcome import Outcomes, effective
from imageproof.specs.pairwise import ABSENT, Cover, cover, factors, single
from imageproof.specs.sizes import parse_size
from imageproof.specs.sizing import field_region, widths_of
from tests.counterparts.sending import Case as Sent
from tests.counterparts.sending import can_be_sent

SEEDS = 300
SLACK = 1.55
"""How many times the rows of the two largest fields are still few, where many fields are nearly as large as these."""
LOOKALIKES = sorted((Path(__file__).parent / "lookalikes").glob("*.yaml"))


class Case(NamedTuple):
    """One shape of one spec, and how its requests name the model."""

    spec: Spec
    shape: Shape
    selector: Selector | None

    @property
    def id(self) -> str:
        return f"{self.spec.name}/{self.shape.operation}/{self.shape.model}"


def _cases() -> list[Case]:
    profiles = [f"{name}@{profile}" for name in shipped() for profile in load(name).profiles[1:]]
    specs = [load(name) for name in (*shipped(), *profiles, *map(str, LOOKALIKES))]
    return [
        *(
            Case(spec, shape, spec.selector)
            for spec in specs
            for model in spec.models.values()
            for shape in model.shapes.values()
        ),
        *(Case(spec, shape, None) for spec in specs for shape in spec.shapes.values()),
    ]


CASES = _cases()
PRICED = [case for case in CASES if case.shape.model in case.spec.models]
each_shape = pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
each_priced = pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in PRICED])


@cache
def _covers() -> dict[str, Cover]:
    return {case.id: cover(case.shape, case.selector) for case in CASES}


def _flat(case: Case, body: dict[str, object]) -> dict[str, object]:
    return flat(body, frozenset(name for name, item in case.shape.fields.items() if item.type == "object"))


def _key(value: object) -> tuple[type, str]:
    """A value that can stand in a set; 1, 1.0 and True are three."""
    return type(value), repr(value)


Pair = tuple[str, tuple[type, str], str, tuple[type, str]]


def _pair(one: str, value: object, other: str, further: object) -> Pair:
    (first, left), (second, right) = sorted(((one, _key(value)), (other, _key(further))), key=lambda item: item[0])
    return first, left, second, right


def _pairs(values: dict[str, object]) -> set[Pair]:
    return {_pair(*one, *other) for one, other in combinations(values.items(), 2)}


def _all_pairs(found: Cover) -> set[Pair]:
    return {
        _pair(one, value, other, further)
        for one, other in combinations(found.values, 2)
        for value in found.values[one]
        for further in found.values[other]
    }


def _cost(case: Case, body: dict[str, object]) -> int:
    """What a body costs in micro-dollars; nothing where no page gives the price."""
    asked = effective(case.shape, _flat(case, body))
    outcome = Outcomes(case.spec.models[case.shape.model]).of(asked, prompt="a red fox")
    return outcome.micro_usd or 0


@each_shape
def test_every_row_is_valid(case: Case) -> None:
    rows = _covers()[case.id].rows
    assert rows
    for row in rows:
        assert Checker(case.shape, case.selector).check(row.body) == []
        assert case.selector is None or check_selector(case.selector, row.body) == []


@each_shape
def test_every_row_holds_the_values_that_it_says_it_covers(case: Case) -> None:
    for row in _covers()[case.id].rows:
        sent = _flat(case, row.body)
        assert {name: _key(sent.get(name, ABSENT)) for name in row.values} == {
            name: _key(value) for name, value in row.values.items()
        }


@each_shape
def test_every_row_can_be_sent(case: Case) -> None:
    """A form has no null and no empty list, so a row that asks for one would never be sent."""
    sent = Sent(served=case.spec.name, spec=case.spec, shape=case.shape, selector=case.selector)
    assert [row.body for row in _covers()[case.id].rows if not can_be_sent(sent, row.body)] == []


@each_shape
def test_every_pair_is_covered_or_impossible(case: Case) -> None:
    found = _covers()[case.id]
    covered = set().union(*(_pairs(dict(row.values)) for row in found.rows))
    impossible = {_pair(*pair) for pair in found.impossible}
    assert covered | impossible == _all_pairs(found)
    assert covered & impossible == set()
    assert found.covered == found.possible == len(covered)
    assert len(impossible) == len(found.impossible)


@each_shape
def test_no_valid_body_holds_an_impossible_pair(case: Case) -> None:
    impossible = {_pair(*pair) for pair in _covers()[case.id].impossible}
    names = _covers()[case.id].values
    maker = Maker(case.shape, case.selector)
    for seed in range(SEEDS):
        sent = _flat(case, maker.valid(Seeded(Random(seed))))
        assert _pairs({name: sent.get(name, ABSENT) for name in names}) & impossible == set(), sent


@each_shape
def test_impossible_pairs_meet_a_rule_between_fields(case: Case) -> None:
    between = [rule for rule in case.shape.rules if isinstance(rule.kind, k.CrossKind | k.SameAs)]
    assert bool(between) or _covers()[case.id].impossible == ()


@each_shape
def test_rows_are_few(case: Case) -> None:
    """No cover has fewer rows than the pairs of any two fields that go together."""
    found = _covers()[case.id]
    impossible = {_pair(*pair) for pair in found.impossible}
    least = max(
        sum(
            _pair(one, value, other, further) not in impossible
            for value in found.values[one]
            for further in found.values[other]
        )
        for one, other in combinations(found.values, 2)
    )
    assert least <= len(found.rows) <= least * SLACK


@each_shape
def test_every_documented_value_is_a_factor(case: Case) -> None:
    for name, values in factors(case.shape).items():
        item = case.shape.fields[name]
        known = {_key(value) for value in values}
        assert {_key(value) for value in _named(item)} <= known, name
        assert (ABSENT in values) is not any(isinstance(rule.kind, k.Required) for rule in item.rules)


def _named(item: Field) -> list[object]:
    """The values of a field that documentation names one by one."""
    refused = [value for rule in item.rules if isinstance(rule.kind, k.Refused) for value in rule.kind.values]
    out: list[object] = [*item.decided, *item.downgraded, *([item.default] if item.default is not None else [])]
    for rule in item.rules if item.state == "allowed" else ():
        match rule.kind:
            case k.OneOf(values=values) | k.SizeText(also=values):
                out += values
            case k.Range(least=least, most=most) if item.type == "integer":
                out += [least, most]
            case _:
                pass
    return [value for value in out if value not in refused]


@each_shape
def test_spans_have_both_ends(case: Case) -> None:
    found = factors(case.shape)
    for name, values in found.items():
        for rule in case.shape.fields[name].rules:
            match rule.kind:
                case k.Length(least=least, most=most) if most <= 40_000:
                    assert {least or len("a red fox"), most} <= {
                        len(value) for value in values if isinstance(value, str)
                    }
                case k.Items(least=least, most=most) if most <= 64:
                    assert {max(1, least), most} <= {len(value) for value in values if isinstance(value, list)}
                case _:
                    pass


@each_shape
def test_sizes_reach_the_limits_of_their_region(case: Case) -> None:
    for name, values in factors(case.shape).items():
        region = field_region(case.shape.fields[name])
        sizes = [size for value in values if (size := parse_size(value)) is not None]
        if region is None:
            continue
        corners = [(width, height) for width in widths_of(region) for height in region.heights(width)]
        assert all(region.holds(*size) for size in sizes)
        assert len(sizes) <= 8
        assert max(max(size) for size in sizes) == max(max(size) for size in corners)
        for measure in (_area, _ratio):
            assert max(map(measure, sizes)) == max(map(measure, corners)), measure
            assert min(map(measure, sizes)) == min(map(measure, corners)), measure


def _area(size: tuple[int, int]) -> float:
    return size[0] * size[1]


def _ratio(size: tuple[int, int]) -> float:
    return size[0] / size[1]


@each_priced
def test_the_cheap_rows_come_first(case: Case) -> None:
    rows = cover(case.shape, case.selector, cost=lambda body: _cost(case, body)).rows
    costs = [_cost(case, row.body) for row in rows]
    assert costs == sorted(costs)


@each_shape
def test_each_value_alone_has_a_valid_body(case: Case) -> None:
    for name, values in _covers()[case.id].values.items():
        for value in values:
            body = single(case.shape, case.selector, name, value)
            assert body is not None, (name, value)
            assert Checker(case.shape, case.selector).check(body) == []
            assert _key(_flat(case, body).get(name, ABSENT)) == _key(value)


def test_a_known_cover_has_few_rows() -> None:
    """Twelve fields, of which the two largest have eleven and six values: 66 rows at the least."""
    spec = load("openai")
    generate = spec.operation_for(Does.GENERATE)
    assert generate is not None
    assert len(cover(spec.models["gpt-image-2"].shapes[generate.name], spec.selector).rows) <= 80


ORDERED = """
import json, sys
from imageproof.specs.library import load
from imageproof.specs.pairwise import cover
spec = load("toapis")
shape = spec.models["gpt-image-2"].shapes["submit"]
print(json.dumps([[row.body, list(row.values)] for row in cover(shape, spec.selector, seed=int(sys.argv[1])).rows]))
"""


def _told(seed: int, hash_seed: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", ORDERED, str(seed)],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout)
    return done.stdout


def test_a_seed_gives_the_same_bytes_in_every_process() -> None:
    assert _told(7, 1) == _told(7, 2)
    assert _told(7, 1) != _told(8, 1)
