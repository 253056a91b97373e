"""Covers of small shapes, against the set of all their bodies: what is possible, what is not, and the fewest rows."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product
from random import Random
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imageproof.specs import kinds as k
from imageproof.specs.check import Checker, flat
from imageproof.specs.facts import How, Level, Rule, Source
from imageproof.specs.files import FileFacts
from imageproof.specs.generate import nest
from imageproof.specs.model import Field, Numbers, Selector, Shape
from imageproof.specs.pairwise import ABSENT, Cover, cover, factors, single
from imageproof.specs.pairwise_rows import Grid, covering_rows, numbers
from imageproof.specs.problems import Mark

Pair = tuple[str, str, str, str]
A_PNG = FileFacts(format="png", width=100, height=80, has_alpha=True, size=0)


def rule(kind: k.Kind, field: str | None = None, order: int = 0) -> Rule:
    return Rule(
        id=f"x/{field}/{k.SLUGS[type(kind)]}/{order}",
        level=Level.MUST,
        source=Source(how=How.DOCUMENTED, tag=None, place="made up"),
        kind=kind,
        sentence="",
        mark=Mark("x.yaml", 1, 1),
        order=order,
        field=field,
    )


def one_of(name: str, *values: str, required: bool = False) -> Field:
    kinds: list[k.FieldKind] = [k.Type(name="string"), k.OneOf(values=values)]
    return field(name, "string", *kinds, *([k.Required()] if required else []))


def field(name: str, type_name: k.TypeName, *kinds: k.FieldKind) -> Field:
    return Field(name=name, type=type_name, rules=tuple(rule(kind, name) for kind in kinds))


def shape(fields: list[Field], *between: k.CrossKind) -> Shape:
    return Shape(
        operation="make",
        model="m",
        fields=MappingProxyType({item.name: item for item in fields}),
        cross=tuple(rule(kind, order=order) for order, kind in enumerate(between, 1)),
        unknown=rule(k.UnknownFields(), order=99),
        numbers=Numbers(),
    )


def pair(one: str, value: object, other: str, further: object) -> Pair:
    return one, repr(value), other, repr(further)


def possible(whole: Shape) -> set[Pair]:
    """The pairs that occur in any valid body, found by trying all bodies."""
    found: set[Pair] = set()
    values, checker = factors(whole), Checker(whole)
    for chosen in product(*values.values()):
        body = dict(zip(values, chosen, strict=True))
        if not checker.check(nest({name: value for name, value in body.items() if value is not ABSENT})):
            found.update(pair(*one, *other) for one, other in combinations(body.items(), 2))
    return found


def every(made: Cover) -> set[Pair]:
    return {
        pair(one, value, other, further)
        for one, other in combinations(made.values, 2)
        for value in made.values[one]
        for further in made.values[other]
    }


def held(made: Cover) -> set[Pair]:
    """The pairs that the bodies of the rows hold, whatever the rows say of themselves."""
    out: set[Pair] = set()
    groups = frozenset(name.partition(".")[0] for name in made.values if "." in name)
    for row in made.rows:
        sent = flat(row.body, groups)
        said = [(name, sent.get(name, ABSENT)) for name in made.values]
        out.update(pair(*one, *other) for one, other in combinations(said, 2))
    return out


def assert_exact(whole: Shape) -> None:
    made, expected = cover(whole), possible(whole)
    assert held(made) == expected
    assert {pair(*kept) for kept in made.impossible} == every(made) - expected
    assert made.covered == made.possible == len(expected)


ABC = [one_of("a", "1", "2"), one_of("b", "1", "2"), one_of("c", "1", "2")]


@pytest.mark.parametrize(
    "between",
    [
        pytest.param(k.Requires(field="a", needs="b"), id="requires"),
        pytest.param(k.Requires(field="a", needs="b", unless="c"), id="requires-unless"),
        pytest.param(k.Forbids(field="a", excludes="b"), id="forbids"),
        pytest.param(k.AtMostOne(fields=("a", "b", "c")), id="at-most-one"),
        pytest.param(
            k.AllowedWith(field="a", values=None, other="b", among=("2",), absent=False), id="allowed-with-value"
        ),
        pytest.param(
            k.AllowedWith(field="a", values=("1",), other="b", among=("2",), absent=True), id="allowed-with-absent"
        ),
        pytest.param(
            k.AllowedWith(field="a", values=("1",), other="b", among=("2",), absent=False, unless="c"),
            id="allowed-with-unless",
        ),
    ],
)
@pytest.mark.parametrize("required", ["", "a", "b", "ab"])
def test_each_rule_between_fields_keeps_exactly_its_pairs_apart(between: k.CrossKind, required: str) -> None:
    fields = [one_of(item.name, "1", "2", required=item.name in required) for item in ABC]
    assert_exact(shape(fields, between))


NAMES = st.sampled_from("abcde")
TWO = st.lists(NAMES, min_size=2, max_size=2, unique=True)
THREE = st.lists(NAMES, min_size=3, max_size=3, unique=True)
SOME = st.sampled_from([("1",), ("2",), ("1", "2")])
RULES = st.lists(
    st.one_of(
        TWO.map(lambda two: k.Forbids(field=two[0], excludes=two[1])),
        THREE.map(lambda three: k.AtMostOne(fields=tuple(three))),
        st.builds(
            lambda three, has_unless: k.Requires(
                field=three[0], needs=three[1], unless=three[2] if has_unless else None
            ),
            THREE,
            st.booleans(),
        ),
        st.builds(
            lambda three, values, among, absent, has_unless: k.AllowedWith(
                field=three[0],
                values=values,
                other=three[1],
                among=among,
                absent=absent,
                unless=three[2] if has_unless else None,
            ),
            THREE,
            st.none() | SOME,
            SOME,
            st.booleans(),
            st.booleans(),
        ),
    ),
    max_size=5,
)


@settings(max_examples=60, deadline=None)
@given(rules=RULES, required=st.sets(NAMES, max_size=3))
def test_any_rules_keep_exactly_their_pairs_apart(rules: list[k.CrossKind], required: set[str]) -> None:
    fields = [one_of(name, "1", "2", required=name in required) for name in "abcde"]
    assert_exact(shape(fields, *rules))


def with_mask(*, is_of_one_format: bool) -> Shape:
    image = field("image", "files", k.Type(name="files"), k.Required(), k.FileFormat(formats=("png", "jpeg", "webp")))
    mask = field("mask", "file", k.Type(name="file"), k.FileFormat(formats=("png", "webp")), k.FileAlpha())
    same = rule(k.SameAs(other="image", format=is_of_one_format), "mask", 7)
    return shape([image, replace(mask, rules=(*mask.rules, same))])


def test_a_mask_goes_with_images_of_its_format_only() -> None:
    whole = with_mask(is_of_one_format=True)
    assert_exact(whole)
    apart = {(one[0].format, other.format) for _, one, _, other in cover(whole).impossible}  # type: ignore[index, attr-defined]  # files
    assert apart == {("png", "webp"), ("jpeg", "png"), ("jpeg", "webp"), ("webp", "png")}


def test_a_mask_of_any_format_goes_with_every_image() -> None:
    assert_exact(with_mask(is_of_one_format=False))
    assert cover(with_mask(is_of_one_format=False)).impossible == ()


def test_an_image_takes_the_shape_of_a_mask_that_is_fixed() -> None:
    body = single(with_mask(is_of_one_format=True), None, "mask", A_PNG)
    assert body is not None
    assert body["mask"] == A_PNG
    assert [(item.format, item.width, item.height) for item in body["image"]] == [("png", 100, 80)]  # type: ignore[attr-defined]  # files


def test_no_mask_becomes_a_jpeg_with_an_alpha_channel() -> None:
    """Nobody can send such a file."""
    jpeg = [replace(A_PNG, format="jpeg", has_alpha=False)]
    image = with_mask(is_of_one_format=True).fields["image"]
    mask = field("mask", "file", k.Type(name="file"), k.FileAlpha(), k.Required())
    same = rule(k.SameAs(other="image", format=True), "mask", 7)
    assert single(shape([image, replace(mask, rules=(*mask.rules, same))]), None, "image", jpeg) is None


def test_bodies_have_the_order_of_the_contract() -> None:
    whole = shape(ABC, k.Requires(field="c", needs="a"))
    assert list(single(whole, None, "c", "1") or ()) == ["a", "c"]
    assert all(list(row.body) == sorted(row.body) for row in cover(whole).rows)


def test_the_model_is_named_where_bodies_name_it() -> None:
    selector = Selector(field="model", default=None, example="m")
    assert single(shape(ABC), selector, "a", "1") == {"model": "m", "a": "1"}
    assert {row.body["model"] for row in cover(shape(ABC), selector).rows} == {"m"}
    assert "model" not in cover(shape(ABC), replace(selector, field=None)).rows[0].body


def test_fields_of_groups_are_covered() -> None:
    group = Field(
        name="input", type="object", rules=(rule(k.Type(name="object"), "input"), rule(k.Required(), "input"))
    )
    whole = shape([group, one_of("input.a", "1", "2"), one_of("input.b", "1", "2"), one_of("c", "1", "2")])
    made = cover(whole)
    assert all(isinstance(row.body["input"], dict) for row in made.rows)
    assert {"input": {}} in [row.body for row in made.rows]
    assert held(made) == every(made)


@pytest.mark.parametrize(
    ("sizes", "fewest"),
    [((2, 2), 4), ((3, 5), 15), ((2, 2, 2), 4), ((4, 3, 2), 12), ((5, 5, 1), 25), ((4, 4, 2, 2), 16)],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_fewest_rows_are_found_where_they_are_known(sizes: tuple[int, ...], fewest: int, seed: int) -> None:
    fields = [
        one_of(f"f{number}", *(str(value) for value in range(count)), required=True)
        for number, count in enumerate(sizes)
    ]
    assert len(cover(shape(fields), seed=seed).rows) == fewest


def test_an_orthogonal_array_is_nearly_reached() -> None:
    """Nine rows cover four fields of three values; a greedy search needs at most two more."""
    fields = [one_of(name, "1", "2", "3", required=True) for name in "abcd"]
    assert 9 <= len(cover(shape(fields)).rows) <= 11


def test_a_single_field_has_a_row_for_each_value() -> None:
    made = cover(shape([one_of("a", "1", "2")]))
    assert [row.body for row in made.rows] == [{"a": "1"}, {"a": "2"}, {}]
    assert (made.covered, made.possible) == (0, 0)


def test_the_cheapest_values_fill_what_is_free() -> None:
    fields = [one_of("a", "1", "2", "3", required=True), one_of("b", "1", "2", "3", required=True)]
    whole = shape([*fields, one_of("quality", "high", "low", required=True)])

    def cost(body: dict[str, object]) -> int:
        return 9 if body["quality"] == "high" else 1

    made = cover(whole, cost=cost)
    costs = [cost(row.body) for row in made.rows]
    assert costs == sorted(costs)
    assert (len(costs), costs.count(9)) == (9, 3), "three dear rows hold each value of a and of b once"
    assert [row.body["quality"] for row in cover(whole).rows].count("high") >= 3


def test_single_keeps_the_rules() -> None:
    whole = shape(ABC, k.Requires(field="a", needs="b"), k.Forbids(field="b", excludes="c"))
    assert single(whole, None, "a", "2") == {"a": "2", "b": "1"}
    assert single(whole, None, "c", "1") == {"c": "1"}
    assert single(whole, None, "a", ABSENT) == {}


def test_single_knows_the_values_that_a_rule_asks_for() -> None:
    """The other field may hold any text, of which the factors are a few."""
    between = k.AllowedWith(field="a", values=("1",), other="note", among=("please",), absent=False)
    whole = shape([one_of("a", "1", "2"), field("note", "string", k.Type(name="string"))], between)
    assert single(whole, None, "a", "1") == {"a": "1", "note": "please"}
    assert single(whole, None, "a", "2") == {"a": "2"}


@pytest.mark.parametrize(("name", "value"), [("a", "9"), ("a", 1), ("zoom", "1")])
def test_single_finds_nothing_where_the_rules_allow_nothing(name: str, value: object) -> None:
    assert single(shape(ABC), None, name, value) is None


def test_rows_hold_one_choice_of_a_field_and_ask_for_all_their_choices_at_once() -> None:
    """Three choices may go together two by two and not all three: the row is refused, its pairs are not."""
    fits = tuple(sum(1 << other for other in range(6) if other // 2 != choice // 2) for choice in range(6))
    asked: list[int] = []

    def holds(row: int) -> bool:
        asked.append(row)
        return row != 0b010101

    rows = covering_rows(Grid(fields=((0, 1), (2, 3), (4, 5)), fits=fits, prices=(0,) * 6, holds=holds), Random(1))
    seen = {pair for row in rows for pair in combinations(numbers(row), 2)}
    assert 0b010101 in asked
    assert 0b010101 not in rows
    assert len(seen) == 12
