"""The phrases for what a schema allows and for what a value is, and the choice between branches inside branches."""

from collections.abc import Mapping

import pytest

from imageproof.specs.format import check_format
from imageproof.specs.format_wording import expected, got, hint_for, keys_in
from imageproof.specs.nodes import read_text

ROOT: Mapping[str, object] = {
    "$defs": {
        "a/b": {"title": "a name with a slash"},
        "chain": {"$ref": "#/$defs/a~1b"},
        "circle": {"$ref": "#/$defs/circle"},
        "endless": {"anyOf": [{"$ref": "#/$defs/endless"}, {"type": "null"}]},
    }
}


@pytest.mark.parametrize(
    ("schema", "phrase"),
    [
        (True, "anything"),
        (False, "nothing"),
        ({}, "another value"),
        ({"type": "string"}, "text"),
        ({"type": ["string", "null"]}, "text or null"),
        ({"type": ["string", "number", "boolean"]}, "a plain value"),
        ({"type": ["string", "number", "boolean", "array"]}, "a plain value or a list"),
        ({"minimum": 1}, "a number of at least 1"),
        ({"type": "integer", "maximum": 9}, "an integer of at most 9"),
        ({"properties": {"a": {}}}, "a mapping"),
        ({"items": {}}, "a list"),
        ({"minLength": 1}, "text"),
        ({"const": None}, "null"),
        ({"const": {"a": 1}}, '{"a": 1}'),
        ({"enum": ["a"]}, "'a'"),
        ({"enum": ["a", 1, True]}, "one of 'a', 1 or true"),
        ({"enum": [f"c{n}" for n in range(9)]}, "one of 9 values such as 'c0', 'c1' or 'c2'"),
        ({"anyOf": [{"const": "a"}, {"enum": ["b", "c"]}, {"type": "null"}, {"const": "a"}]}, "'a', 'b', 'c' or null"),
        ({"anyOf": [False, {"type": "null"}]}, "nothing or null"),
        ({"$ref": "#/$defs/chain"}, "a name with a slash"),
        ({"$ref": "#/$defs/missing"}, "anything"),
        ({"$ref": "#"}, "another value"),
        ({"required": list("abcdefghij")}, "a mapping with 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h' ..."),
    ],
)
def test_expected(schema: object, phrase: str) -> None:
    assert expected(schema, ROOT) == phrase


@pytest.mark.parametrize("name", ["circle", "endless"])
def test_a_schema_that_leads_in_a_circle_has_a_phrase(name: str) -> None:
    assert expected({"$ref": f"#/$defs/{name}"}, ROOT)
    assert keys_in({"$ref": f"#/$defs/{name}"}, ROOT) == []


@pytest.mark.parametrize(
    ("value", "phrase"),
    [
        (None, "nothing (null)"),
        (True, "true"),
        ("it's", '"it\'s" (text)'),
        (3, "3 (an integer)"),
        (1e30, "1e+30 (a number)"),
        ([], "an empty list"),
        ([1, 2], "a list of 2"),
        ({}, "an empty mapping"),
        ({"a": 1, "b": 2}, "a mapping with 'a' and 'b'"),
        ("提" * 50, f"'{'提' * 35}...' (text)"),
    ],
)
def test_got(value: object, phrase: str) -> None:
    assert got(value) == phrase


@pytest.mark.parametrize(
    ("schema", "value", "hint"),
    [
        ({"type": "integer"}, "1,024", "write 1024 without quotes"),
        ({"type": "integer"}, "1e400", None),
        ({"type": "integer"}, "true", None),
        ({"type": "boolean"}, "Yes", "write true or false"),
        ({"type": ["string", "boolean"]}, "yes", None),
        ({"type": "string"}, None, None),
        ({"type": "string"}, [], None),
        ({"type": "array"}, 3, "for a list of one, put it in brackets"),
        ({"enum": ["true"]}, True, "put it in quotes"),
        ({"enum": [True]}, "true", "write it without quotes"),
        ({"oneOf": [{"const": "medium"}, {"type": "integer"}]}, "mediun", "did you mean 'medium'?"),
    ],
)
def test_hints(schema: object, value: object, hint: str | None) -> None:
    assert hint_for(schema, ROOT, value) == hint


def test_keys_of_branches_are_known_unless_the_schema_is_closed() -> None:
    branches = [{"properties": {"b": {}}}, {"if": {"properties": {"c": {}}}}]

    assert keys_in({"properties": {"a": {}}, "anyOf": branches}, ROOT) == ["a", "b", "c"]
    assert keys_in({"properties": {"a": {}}, "anyOf": branches, "additionalProperties": False}, ROOT) == ["a"]


POINT = {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}, "additionalProperties": False}
AREA = {"type": "object", "required": ["width"], "properties": {"width": {}}, "additionalProperties": False}
NESTED = {"anyOf": [{"type": "null"}, {"oneOf": [{"type": "boolean"}, {"anyOf": [POINT, AREA]}]}]}


@pytest.mark.parametrize(
    ("schema", "text", "told"),
    [
        (
            NESTED,
            "[1]",
            [(1, "expected null, true or false, a mapping with 'x' or a mapping with 'width', got a list of 1")],
        ),
        (NESTED, "{x: a}", [(5, "expected an integer, got 'a' (text)")]),
        (NESTED, "{widht: 1}", [(1, "missing key 'width'"), (2, "unknown key 'widht'")]),
        ({"anyOf": [AREA, NESTED]}, "{x: a}", [(5, "expected an integer, got 'a' (text)")]),
        ({"not": {"const": "x"}}, "x", [(1, "expected anything but 'x', got 'x' (text)")]),
        (
            {"propertyNames": {"enum": ["low", "high"]}},
            "{hihg: 1}",
            [(2, "expected 'low' or 'high' as a key, got 'hihg'")],
        ),
        (
            {"propertyNames": {"anyOf": [{"const": "low"}, {"pattern": "^[0-9]+$"}]}},
            "{hihg: 1}",
            [(2, "expected 'low' or text that matches ^[0-9]+$ as a key, got 'hihg'")],
        ),
        (
            {"anyOf": [{"propertyNames": {"const": "a"}}, {"type": "null"}]},
            "{b: 1}",
            [(2, "expected 'a' as a key, got 'b'")],
        ),
        (
            {"prefixItems": [{}], "items": False},
            "[1, 2]",
            [(1, "expected a list with at most 1 item, got a list of 2")],
        ),
    ],
)
def test_branches_inside_branches(schema: Mapping[str, object], text: str, told: list[tuple[int, str]]) -> None:
    problems = check_format(read_text(text, file="a.yaml"), schema)

    assert [(problem.mark.column, problem.message) for problem in problems] == told
