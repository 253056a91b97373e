"""The derivations know the whole closed set of kinds, and the expression of sizes is exact."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from imageproof.specs import kinds as k
from imageproof.specs.check import cross_test, field_test, spellings
from imageproof.specs.library import load
from imageproof.specs.model import Field, Numbers, Shape
from imageproof.specs.schema import body_schema, cross_schema, keywords, validator
from imageproof.specs.size_regex import one_of_texts, size_pattern
from imageproof.specs.sizing import Region, field_region
from imageproof.specs.wording import predicate

EXAMPLES: dict[type[k.Kind], k.Kind] = {
    k.Required: k.Required(),
    k.Type: k.Type(name="string"),
    k.OneOf: k.OneOf(values=("a", "b")),
    k.Refused: k.Refused(values=("a",)),
    k.Range: k.Range(least=0, most=3),
    k.Length: k.Length(least=0, most=3),
    k.Pattern: k.Pattern(regex="[a-z]+"),
    k.Items: k.Items(least=0, most=3),
    k.Url: k.Url(),
    k.SizeText: k.SizeText(also=("auto",)),
    k.EdgeMultiple: k.EdgeMultiple(of=16),
    k.EdgeLimit: k.EdgeLimit(most=3840),
    k.Aspect: k.Aspect(most=3),
    k.PixelBudget: k.PixelBudget(least=1, most=100),
    k.Forbidden: k.Forbidden(),
    k.Ignored: k.Ignored(),
    k.UnknownFields: k.UnknownFields(),
    k.Requires: k.Requires(field="a", needs="b"),
    k.Forbids: k.Forbids(field="a", excludes="b"),
    k.AtMostOne: k.AtMostOne(fields=("a", "b")),
    k.AllowedWith: k.AllowedWith(field="a", values=("x",), other="b", among=("y",), absent=True),
    k.FileBytes: k.FileBytes(most=10),
    k.FileFormat: k.FileFormat(formats=("png",)),
    k.FileAlpha: k.FileAlpha(),
    k.SameAs: k.SameAs(other="image"),
}
FIELD = Field(name="a", type="string", rules=())


def test_the_list_of_kinds_is_the_union() -> None:
    assert set(k.KINDS) == {*get_args(k.FieldKind), *get_args(k.CrossKind)} == set(EXAMPLES) == set(k.SLUGS)
    assert len(set(k.SLUGS.values())) == len(k.KINDS)


@pytest.mark.parametrize("kind", k.KINDS, ids=lambda kind: kind.__name__)
def test_every_derivation_handles_every_kind(kind: type[k.Kind]) -> None:
    example = EXAMPLES[kind]
    assert predicate(example)
    if isinstance(example, get_args(k.FieldKind)):
        assert callable(field_test(example))
        assert isinstance(keywords(example, FIELD), dict)
    else:
        assert isinstance(cross_schema(example), dict)  # type: ignore[arg-type]


def test_a_rule_about_one_field_is_none_between_fields() -> None:
    rule = load("reapi").models["gpt-image-2"].shapes["submit"].fields["size"].rules[0]
    with pytest.raises(TypeError, match="is not one between fields"):
        cross_test(rule)


@pytest.mark.parametrize("numbers", [[0], [7, 8, 9], [16, 32, 48, 64, 640, 656], list(range(0, 5000, 16))], ids=len)
def test_an_expression_matches_its_numbers_and_no_others(numbers: list[int]) -> None:
    pattern = re.compile(one_of_texts(str(number) for number in numbers))
    assert [number for number in range(6000) if pattern.fullmatch(str(number))] == sorted(numbers)


def test_the_expression_of_sizes_is_the_region_and_nothing_else() -> None:
    region = Region(multiple=16, max_edge=256, max_ratio=3, least=10_000, most=50_000)
    pattern = re.compile(size_pattern(region))
    wrong = [
        (width, height)
        for width in range(1, 280)
        for height in range(1, 280)
        if (pattern.search(f"{width}x{height}") is not None) != region.holds(width, height)
    ]
    assert wrong == []


def test_the_expression_of_a_real_region_is_of_a_size_that_can_be_sent() -> None:
    field = load("openai").models["gpt-image-2"].shapes["generate"].fields["size"]
    region = field_region(field)
    assert region is not None
    assert len(size_pattern(region)) < 60_000
    assert re.search(size_pattern(region), "3840x2160")
    assert not re.search(size_pattern(region), "3856x1600")


def test_case_is_folded_for_ascii_only() -> None:
    assert spellings("2k", fold_case=True) == ["2k", "2K"] or set(spellings("2k", fold_case=True)) == {"2k", "2K"}
    assert spellings("\u212a", fold_case=True) == ["\u212a"]
    assert spellings("2k", fold_case=False) == ["2k"]


def test_patterns_mean_what_ecma_262_says() -> None:
    schema = validator({"type": "string", "pattern": "^a$"})
    assert schema.is_valid("a")
    assert not schema.is_valid("a\n")


@pytest.mark.parametrize(("integral", "accepted"), [(True, True), (False, False)])
def test_a_float_for_an_integer_is_a_choice_of_the_provider(integral: bool, accepted: bool) -> None:  # noqa: FBT001
    kind = k.Type(name="integer", integral_float=integral)
    assert field_test(kind)(1.0) is accepted
    assert validator(keywords(kind, FIELD)).is_valid(1.0) is accepted
    assert field_test(kind)(1) is True
    assert field_test(kind)(True) is False  # noqa: FBT003


def test_a_number_as_text_is_a_choice_of_the_provider() -> None:
    kind = k.Type(name="integer", numeric_string=True)
    assert [field_test(kind)(value) for value in ("2", "02", "x", 2)] == [True, False, False, True]
    assert [validator(keywords(kind, FIELD)).is_valid(value) for value in ("2", "02", "x", 2)] == [
        True,
        False,
        False,
        True,
    ]


def test_rules_between_fields_without_a_shipped_user_hold_too() -> None:
    from imageproof.specs.facts import How, Level, Rule, Source  # noqa: PLC0415
    from imageproof.specs.problems import Mark  # noqa: PLC0415

    def rule(kind: k.Kind) -> Rule:
        source = Source(how=How.ASSUMED, tag=None, place="a test")
        return Rule(id="x", level=Level.MUST, source=source, kind=kind, sentence="x", mark=Mark("x", 1, 1))

    shape = Shape(operation="o", model="m", fields={}, cross=(), unknown=None, numbers=Numbers())
    bodies: list[dict[str, object]] = [{}, {"a": 1}, {"b": 1}, {"a": 1, "b": 1}, {"a": None, "b": 1}, {"a": [], "b": 1}]
    for kind in (EXAMPLES[k.Forbids], EXAMPLES[k.AtMostOne], EXAMPLES[k.Requires]):
        schema = validator({**body_schema(shape), "allOf": [cross_schema(kind)]})  # type: ignore[arg-type]
        assert [schema.is_valid(body) for body in bodies] == [cross_test(rule(kind))(body) for body in bodies]
