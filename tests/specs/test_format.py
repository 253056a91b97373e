"""A tree against a JSON Schema: each mistake at its key or value, in words for somebody who writes YAML."""

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from imageproof.specs.format import check_format
from imageproof.specs.nodes import read_text
from imageproof.specs.problems import SpecError

FILE = "a.yaml"

SCHEMA: Mapping[str, object] = {
    "$defs": {
        "plain": {"type": ["string", "number", "boolean"]},
        "stated": {
            "anyOf": [
                {"$ref": "#/$defs/plain"},
                {
                    "type": "object",
                    "required": ["is", "source"],
                    "properties": {"is": {"$ref": "#/$defs/plain"}, "source": {"type": "string"}},
                    "additionalProperties": False,
                },
            ]
        },
        "range": {
            "type": "object",
            "required": ["kind", "min"],
            "properties": {"kind": {"const": "range"}, "min": {"type": "integer"}, "max": {"type": "integer"}},
            "additionalProperties": False,
        },
        "one-of": {
            "type": "object",
            "required": ["kind", "values"],
            "properties": {"kind": {"const": "one-of"}, "values": {"type": "array", "uniqueItems": True}},
            "additionalProperties": False,
        },
        "duration": {"type": "string", "pattern": "^[0-9]+s$", "title": "a duration such as 30s"},
        "extended": {
            "allOf": [{"properties": {"common": {"type": "string"}}}],
            "properties": {"own": {"type": "string"}},
            "unevaluatedProperties": False,
        },
    },
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string"},
        "size": {"$ref": "#/$defs/stated"},
        "level": {"enum": ["MUST", "SHOULD", "MAY"]},
        "version": {"enum": ["1", "2"]},
        "number": {"enum": [1, 2]},
        "rules": {"type": "array", "items": {"oneOf": [{"$ref": "#/$defs/range"}, {"$ref": "#/$defs/one-of"}]}},
        "after": {"$ref": "#/$defs/duration"},
        "width": {"anyOf": [{"enum": ["auto", "fill"]}, {"type": "integer", "minimum": 1, "maximum": 10}]},
        "height": {"anyOf": [{"type": "null"}, {"type": "integer", "multipleOf": 16}]},
        "flag": {"type": "boolean"},
        "count": {"type": "integer", "minimum": 0},
        "price": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.001},
        "text": {"type": "string", "minLength": 2, "maxLength": 3},
        "list": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "names": {"propertyNames": {"pattern": "^[a-z]+$"}, "additionalProperties": {"type": "integer"}},
        "codes": {"type": "object", "patternProperties": {"^[0-9]+$": {}}, "additionalProperties": False},
        "exclusive": {"not": {"required": ["a", "b"]}},
        "forbidden": {"not": {"required": ["a"]}},
        "company": {"dependentRequired": {"a": ["b", "c"]}},
        "contains": {"contains": {"const": "x"}},
        "old": False,
        "shape": {
            "anyOf": [
                {"required": ["range"], "properties": {"range": {}}, "additionalProperties": False},
                {"required": ["pattern"], "properties": {"pattern": {}}, "additionalProperties": False},
            ]
        },
        "extended": {"$ref": "#/$defs/extended"},
        "several": {"oneOf": [{"type": "integer"}, {"type": "number"}]},
        "conditional": {"if": {"required": ["a"]}, "then": {"properties": {"b": {"type": "integer"}}}},
    },
    "additionalProperties": False,
}


def rendered(text: str, schema: Mapping[str, object] = SCHEMA) -> str:
    return SpecError(check_format(read_text(text, file=FILE), schema), sources={FILE: text}).render()


def told(line: str) -> list[tuple[int, str, str | None]]:
    """Column, message and hint of each problem with one line below a valid name."""
    problems = check_format(read_text(f"name: x\n{line}\n", file=FILE), SCHEMA)
    assert all(problem.mark.line == 2 for problem in problems)
    return [(problem.mark.column, problem.message, problem.hint) for problem in problems]


VALID = [
    "size: 1024x1024",
    "size: {is: 16:9, source: here}",
    "rules: [{kind: range, min: 1}, {kind: one-of, values: [a, b]}]",
    "width: auto",
    "width: 10",
    "height: null",
    "after: 30s",
    "names: {abc: 1}",
    "codes: {200: ok}",
    "extended: {common: a, own: b}",
    "conditional: {b: text}",
]


@pytest.mark.parametrize("line", VALID)
def test_a_tree_that_keeps_the_schema_has_no_problems(line: str) -> None:
    assert told(line) == []


def test_everything_is_told_at_once_like_this() -> None:
    text = "nmae: x\nsize: {is: 1, soruce: a}\nlevel: must\nrules:\n  - {kind: rnage, min: 3}\nlist: [a, 2]\n"

    assert rendered(text) == (
        "a.yaml:1:1: missing key 'name'\n"
        "    nmae: x\n"
        "    ^\n"
        "a.yaml:1:1: unknown key 'nmae'\n"
        "    nmae: x\n"
        "    ^\n"
        "    hint: did you mean 'name'?\n"
        "a.yaml:2:7: missing key 'source'\n"
        "    size: {is: 1, soruce: a}\n"
        "          ^\n"
        "a.yaml:2:15: unknown key 'soruce'\n"
        "    size: {is: 1, soruce: a}\n"
        "                  ^\n"
        "    hint: did you mean 'source'?\n"
        "a.yaml:3:8: expected one of 'MUST', 'SHOULD' or 'MAY', got 'must' (text)\n"
        "    level: must\n"
        "           ^\n"
        "    hint: did you mean 'MUST'?\n"
        "a.yaml:5:12: expected 'range' or 'one-of', got 'rnage' (text)\n"
        "      - {kind: rnage, min: 3}\n"
        "               ^\n"
        "    hint: did you mean 'range'?\n"
        "a.yaml:6:11: expected text, got 2 (an integer)\n"
        "    list: [a, 2]\n"
        "              ^\n"
        "    hint: put it in quotes"
    )


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("level: 3", (8, "expected one of 'MUST', 'SHOULD' or 'MAY', got 3 (an integer)", None)),
        ("version: 1", (10, "expected '1' or '2', got 1 (an integer)", "put it in quotes")),
        ("number: '1'", (9, "expected 1 or 2, got '1' (text)", "write it without quotes")),
        ("levle: MUST", (1, "unknown key 'levle'", "did you mean 'level'?")),
        ("after: 30", (8, "expected a duration such as 30s, got 30 (an integer)", None)),
        ("after: 30m", (8, "expected a duration such as 30s, got '30m' (text)", None)),
        ("flag: off", (7, "expected true or false, got 'off' (text)", "write true or false")),
        ("flag: 1", (7, "expected true or false, got 1 (an integer)", None)),
        ("count: true", (8, "expected an integer of at least 0, got true", None)),
        ("count: 1_000", (8, "expected an integer of at least 0, got '1_000' (text)", "write 1000 without quotes")),
        ("count: -1", (8, "expected an integer of at least 0, got -1 (an integer)", None)),
        ("count: 1.5", (8, "expected an integer of at least 0, got 1.5 (a number)", None)),
        ("count:", (7, "expected an integer of at least 0, got nothing (null)", None)),
        ("price: 0", (8, "expected a number above 0, got 0 (an integer)", None)),
        ("price: 0.0005", (8, "expected a multiple of 0.001, got 0.0005 (a number)", None)),
        ("price: .inf", (8, "expected a finite number, got inf", None)),
        ("text: a", (7, "expected text with at least 2 characters, got 'a' (text)", None)),
        ("text: [a]", (7, "expected text, got a list of 1", None)),
        ("text: {a: 1}", (7, "expected text, got a mapping with 'a'", None)),
        ("list: []", (7, "expected a list with at least 1 item, got an empty list", None)),
        ("list: abc", (7, "expected a list, got 'abc' (text)", "for a list of one, put it in brackets")),
        ("names: {A: 1}", (9, "expected text that matches ^[a-z]+$ as a key, got 'A'", None)),
        ("names: {a: b}", (12, "expected an integer, got 'b' (text)", None)),
        ("codes: {2xx: ok}", (9, "unknown key '2xx'", None)),
        ("exclusive: {b: 1, a: 2}", (19, "the keys 'a' and 'b' exclude each other", "keep one of them")),
        ("forbidden: {a: 2}", (13, "the key 'a' is not allowed here", None)),
        ("company: {a: 1, c: 1}", (11, "the key 'a' needs 'b' beside it", None)),
        ("contains: [y]", (11, "expected a list with an item that is 'x', got a list of 1", None)),
        ("old: 1", (1, "nothing is allowed here", None)),
        ("extended: {common: a, onw: b}", (23, "unknown key 'onw'", "did you mean 'own'?")),
        ("conditional: {a: 1, b: x}", (24, "expected an integer, got 'x' (text)", None)),
        ("several: 1", (10, "expected exactly one of an integer or a number, got 1 (an integer): several fit", None)),
        (f"text: {'x' * 200}", (7, f"expected text with at most 3 characters, got '{'x' * 35}...' (text)", None)),
    ],
)
def test_one_mistake(line: str, problem: tuple[int, str, str | None]) -> None:
    assert told(line) == [problem]


TWO_KINDS = "a mapping with 'kind' and 'min' or a mapping with 'kind' and 'values'"
WIDTHS = "'auto', 'fill' or an integer from 1 to 10"


@pytest.mark.parametrize(
    ("line", "problems"),
    [
        ("size: [1]", [(7, "expected a plain value or a mapping with 'is' and 'source', got a list of 1", None)]),
        ("size: {is: {}, source: x}", [(12, "expected a plain value, got an empty mapping", None)]),
        ("size: {}", [(7, "missing keys 'is' and 'source'", None)]),
        ("width: atuo", [(8, f"expected {WIDTHS}, got 'atuo' (text)", "did you mean 'auto'?")]),
        ("width: '5'", [(8, f"expected {WIDTHS}, got '5' (text)", "write 5 without quotes")]),
        ("width: 11", [(8, "expected an integer from 1 to 10, got 11 (an integer)", None)]),
        ("height: 15", [(9, "expected a multiple of 16, got 15 (an integer)", None)]),
        ("rules: [{kind: one-of, values: [a, b, a]}]", [(39, "item 3 repeats item 1", "keep one of them")]),
        ("rules: [{kind: one-of, values: [1, 1.0]}]", [(32, "two items of this list are equal", "keep one of them")]),
        ("rules: [{values: [a]}]", [(9, "missing key 'kind'", None)]),
        ("rules: [range]", [(9, f"expected {TWO_KINDS}, got 'range' (text)", None)]),
        (
            "rules: [{kind: range, mim: 1}]",
            [(9, "missing key 'min'", None), (23, "unknown key 'mim'", "did you mean 'min'?")],
        ),
        (
            "shape: {rnage: 1}",
            [(8, "missing key 'range'", None), (9, "unknown key 'rnage'", "did you mean 'range'?")],
        ),
        (
            "shape: {foo: 1}",
            [(8, "expected a mapping with 'range' or a mapping with 'pattern', got a mapping with 'foo'", None)],
        ),
    ],
)
def test_a_union_is_reduced_to_what_was_meant(line: str, problems: list[tuple[int, str, str | None]]) -> None:
    assert told(line) == problems


def test_a_common_mistake_of_equal_branches_is_told_once() -> None:
    schema = {
        "anyOf": [
            {"required": ["a"], "properties": {"a": {}, "n": {"type": "integer"}}},
            {"required": ["b"], "properties": {"b": {}, "n": {"type": "integer"}}},
        ]
    }

    problems = check_format(read_text("n: x", file=FILE), schema)

    assert [(problem.mark.column, problem.message) for problem in problems] == [
        (4, "expected an integer, got 'x' (text)")
    ]


def test_few_known_keys_are_listed_when_none_is_near() -> None:
    schema = {"properties": {"alpha": {}, "beta": {}}, "additionalProperties": False}

    (problem,) = check_format(read_text("zzzzzz: 1", file=FILE), schema)

    assert problem.hint == "known here: alpha, beta"


def test_a_key_that_is_still_free_is_suggested_first() -> None:
    schema = {"properties": {"sizes": {}, "size": {}}, "additionalProperties": False}

    (problem,) = check_format(read_text("size: 1\nsize_: 1", file=FILE), schema)

    assert problem.hint == "did you mean 'sizes'?"


def test_an_empty_file_is_told_by_what_it_should_hold() -> None:
    assert rendered("") == "a.yaml:1:1: expected a mapping with 'name', got nothing (null)"


def test_a_schema_may_allow_nothing() -> None:
    (problem,) = check_format(read_text("a: [1]", file=FILE), {"properties": {"a": {"items": False}}})

    assert problem.mark.column == 4


def test_a_hundred_levels_are_checked() -> None:
    schema = {
        "$ref": "#/$defs/list",
        "$defs": {"list": {"anyOf": [{"type": "string"}, {"items": {"$ref": "#/$defs/list"}}]}},
    }
    text = "[" * 99 + "{}" + "]" * 99

    assert check_format(read_text(text.replace("{}", "a"), file=FILE), schema) == []
    assert (
        check_format(
            read_text(text, file=FILE),
            {**schema, "$defs": {"list": {"type": "array", "items": {"$ref": "#/$defs/list"}}}},
        )
        != []
    )


def test_a_tree_too_deep_for_the_stack_is_a_problem() -> None:
    schema = {"$ref": "#/$defs/list", "$defs": {"list": {"type": "array", "items": {"$ref": "#/$defs/list"}}}}
    node = read_text("[" * 100 + "]" * 100, file=FILE)

    def deeper(levels: int) -> list[str]:
        if levels:
            return deeper(levels - 1)
        return [problem.message for problem in check_format(node, schema)]

    room = sys.getrecursionlimit() - len_of_stack()
    assert deeper(0) == []
    assert deeper(room - 150) == ["mappings and lists are nested too deeply to be checked"]


def len_of_stack() -> int:
    frame, count = sys._getframe(), 0  # noqa: SLF001 - how deep pytest itself is
    while frame.f_back is not None:
        frame, count = frame.f_back, count + 1
    return count


def test_the_library_is_imported_only_when_something_is_checked() -> None:
    code = "import sys, imageproof.specs.format; print('jsonschema' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


values = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.5, "x", "auto", "range", "30s", "MUST", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["is", "source", "kind", "min", "values", "a", "b", "c", "own", "foo"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from([*SCHEMA["properties"], "unknown"]), values, max_size=5)  # type: ignore[misc]


@given(documents)
def test_there_are_problems_exactly_when_the_schema_is_broken(document: dict[str, object]) -> None:
    node = read_text(json.dumps(document), file=FILE)

    problems = check_format(node, SCHEMA)

    assert bool(problems) != Draft202012Validator(SCHEMA).is_valid(document)
    for problem in problems:
        assert problem.mark.line == 1
        assert "\n" not in problem.message
        assert not any(
            word in problem.message for word in ("{'", "is not valid under", "False schema", "does not match")
        )
