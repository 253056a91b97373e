"""A template that has been given some of its values makes the bodies that it makes when it gets them all at once."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.specs.library import load, shipped
from imageproof.specs.template import ALONE, Template, placeholders

NAMES = ("task.id", "now", "model", "state", "image.url", "image.base64", "image.index")
OF_IMAGES = ("image.url", "image.base64", "image.index")

texts = st.sampled_from(
    ["", "plain", "{{braces}}", "a {model} b", "{now}", '"quoted" {task.id}', "{model}/{image.index}"]
)
keys = st.sampled_from(["a", "b", "c?", "d?"])
values = st.one_of(st.none(), st.integers(0, 9), st.text(max_size=4))


def branches(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(keys, inner, max_size=3),
        st.fixed_dictionaries({"$json": inner}),
        st.fixed_dictionaries({"$each": st.sampled_from(["{image.url}", {"u": "{image.base64}", "m?": "{model}"}])}),
        st.fixed_dictionaries({"$switch": st.just("state"), "done": inner, "$else": inner}),
        st.fixed_dictionaries({"$switch": st.just("state"), "done": inner}),
    )


trees = st.recursive(
    st.one_of(texts, st.none(), st.booleans(), st.integers(0, 9), st.sampled_from([f"{{{n}}}" for n in NAMES])),
    branches,
)
contexts = st.fixed_dictionaries(dict.fromkeys(NAMES, values) | {"state": st.sampled_from(["done", "other", "$else"])})


@given(tree=trees, context=contexts, early=st.sets(st.sampled_from(NAMES)), count=st.integers(0, 3))
def test_it_makes_no_difference_when_a_value_is_given(
    tree: object, context: dict[str, object], early: set[str], count: int
) -> None:
    template = Template.of(tree)  # type: ignore[arg-type]
    images = [{name: f"{name}-{index}" for name in OF_IMAGES} for index in range(count)]
    of_each = early - {*OF_IMAGES}  # those of an image are known for each image only
    known = {name: context[name] for name in of_each}
    rest = {name: value for name, value in context.items() if name not in of_each} | {"images": images}
    whole = template.encode(context | {"images": images})
    assert template.given(known).encode(rest) == whole
    json.loads(whole)


@given(tree=trees, context=contexts)
def test_the_values_of_one_image_may_stand_beside_the_others(tree: object, context: dict[str, object]) -> None:
    template = Template.of(tree)  # type: ignore[arg-type]
    image = {name: context[name] for name in OF_IMAGES}
    assert template.given(ALONE).encode(context) == template.encode(context | {"images": [image]})


@pytest.mark.parametrize("name", shipped())
def test_the_bodies_of_providers_need_no_value_twice(name: str) -> None:
    spec = load(name)
    templates = [item.answer.body for item in spec.operations.values() if item.answer.body is not None]
    assert templates
    for template in templates:
        wanted = {*placeholders(template.tree)}
        context: dict[str, object] = {each: f"<{each}>" for each in wanted} | {"images": [{}]}
        assert template.given(context | ALONE).encode({}) == template.encode(context)
