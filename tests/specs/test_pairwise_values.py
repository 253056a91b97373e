"""The values that each kind of field is tried with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from imageproof.specs import kinds as k
from imageproof.specs.model import Field
from imageproof.specs.pairwise import ABSENT, factors
from tests.specs.test_pairwise_shapes import field, one_of, rule, shape

PHOTO = "https://example.com/photo.jpg"
MORE = ("1024x1024", "1536x1024", "1024x1536")
TEXT, NUMBER, URLS = k.Type(name="string"), k.Type(name="integer"), k.Type(name="strings")
REGION = (
    k.SizeText(also=("auto",)),
    k.EdgeMultiple(of=512),
    k.EdgeLimit(most=2048),
    k.PixelBudget(least=1, most=2**21),
)
FOREIGN = "\u00e9\u4e2d\U0001f98a"


@pytest.mark.parametrize(
    ("item", "values"),
    [
        (field("a", "string", TEXT, k.OneOf(values=("1k", "2k"))), ["1k", "2k"]),
        (field("a", "string", TEXT, k.OneOf(values=("1k", "2k"), fold_case=True)), ["1k", "2k", "1K"]),
        (field("a", "string", TEXT, k.OneOf(values=("x", "y")), k.Refused(values=("y",))), ["x"]),
        (field("a", "boolean", k.Type(name="boolean")), [False, True]),
        (field("a", "integer", NUMBER, k.Range(least=1, most=9)), [1, 9, 5]),
        (field("a", "integer", NUMBER, k.Range(least=1, most=1)), [1]),
        (field("a", "string", TEXT), ["a red fox", f"a red fox {FOREIGN}"]),
        (field("a", "string", TEXT, k.Length(least=1, most=4)), ["a re", "x", FOREIGN + "\u00e9"]),
        (field("a", "string", TEXT, k.Length(least=0, most=10**6)), ["a red fox", f"a red fox {FOREIGN}"]),
        (field("a", "string", TEXT, k.Url()), ["https://example.com/photo.jpg", "http://example.com/a.png"]),
        (field("a", "strings", URLS, k.Url(), k.Items(least=0, most=2)), [[PHOTO], [PHOTO, PHOTO]]),
        (
            field("a", "string", TEXT, *REGION),
            ["auto", "512x512", "1024x2048", "2048x1024", "2048x512", "512x2048", *MORE],
        ),
    ],
)
def test_the_values_of_a_field(item: Field, values: list[object]) -> None:
    assert factors(shape([item])) == {"a": (*values, ABSENT)}
    assert factors(shape([replace(item, rules=(*item.rules, rule(k.Required(), "a")))])) == {"a": tuple(values)}


def test_null_is_a_value_where_it_can_be_said() -> None:
    item = replace(one_of("a", "1"), nullable=True)
    assert factors(shape([item])) == {"a": ("1", None, ABSENT)}
    a_file = field("image", "file", k.Type(name="file"))
    assert factors(shape([item, a_file]))["a"] == ("1", ABSENT)


def test_fields_that_may_not_be_sent_have_no_values_and_those_that_change_nothing_an_odd_one() -> None:
    fields = [replace(one_of("a", "1"), state="forbidden"), replace(one_of("b", "1"), state="ignored")]
    assert factors(shape(fields)) == {"b": ("x", ABSENT)}
