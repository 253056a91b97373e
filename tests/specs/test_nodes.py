"""YAML as a tree with positions: what values mean, where they stand, and what a tree can be asked."""

import json
import math
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imageproof.specs import yaml_syntax
from imageproof.specs.nodes import Mapping, Node, Scalar, Sequence, at, mark_of_key, merge, plain, read_file, read_text
from imageproof.specs.problems import Mark, SpecError

FILE = "a.yaml"
LOADERS = (yaml_syntax.fastest_loader(), yaml.SafeLoader)


def with_loader(loader: yaml_syntax.Loader, text: str) -> Node:
    """The tree as one of PyYAML's two parsers has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_syntax, "fastest_loader", lambda: loader)
        return read_text(text, file=FILE)


def value_of(text: str) -> object:
    return plain(read_text(text, file=FILE))


def as_json(data: object) -> str:
    """JSON that is YAML too: a raw delete character is not."""
    return json.dumps(data, ensure_ascii=False).replace("\x7f", "\\u007f")


printable = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff\u2028\u2029"))
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | printable,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(printable, inner, max_size=4),
    max_leaves=20,
)


class QuotingDumper(yaml.SafeDumper):
    """Writes text in quotes: PyYAML itself leaves them out where YAML 1.1 would, which reads `1e5` as text."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


QuotingDumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None), ("Null", None), ("NULL", None), ("~", None), ("", None), ("nULL", "nULL"), ("none", "none"),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
        ("tRUE", "tRUE"), ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("n", "n"),
        ("0", 0), ("-0", 0), ("+12", 12), ("-19", -19), ("0123", 123), ("007", 7), ("1_000", "1_000"),
        ("0o14", 12), ("0o18", "0o18"), ("0x3A", 58), ("0xfG", "0xfG"), ("-0x10", "-0x10"), ("0b1", "0b1"),
        ("1.", 1.0), ("-1.5", -1.5), (".5", 0.5), ("+.5e-3", 0.0005), ("12e03", 12000.0), ("1e400x", "1e400x"),
        ("1e-999", 0.0), (".", "."), ("-", "-"), ("+", "+"), ("-.", "-."), ("1e", "1e"), ("e1", "e1"), ("..5", "..5"),
        (".inf", math.inf), ("-.Inf", -math.inf), ("+.INF", math.inf), ("inf", "inf"), ("nan", "nan"),
        ("16:9", "16:9"), ("1:1", "1:1"), ("190:20:30", "190:20:30"), ("1024x1024", "1024x1024"), ("1.2.3", "1.2.3"),
        ("2026-11-21", "2026-11-21"), ("12:30:45", "12:30:45"), ("=", "="), ("٣", "٣"), ("1,000", "1,000"),
        ("9007199254740993", 9007199254740993), ("1" * 400, int("1" * 400)),
        ("'1'", "1"), ('"true"', "true"), ("''", ""), ("'~'", "~"), ("|\n  1\n", "1\n"), (">-\n  no\n", "no"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("loader", LOADERS)
def test_scalars_are_those_of_the_core_schema(loader: yaml_syntax.Loader, text: str, value: object) -> None:
    found = plain(at(with_loader(loader, f"- {text}"), [0])) if text != "-" else plain(with_loader(loader, "'-'"))

    assert (type(found), found) == (type(value), value)


def test_nan_is_a_number() -> None:
    found = value_of(".nan")

    assert isinstance(found, float)
    assert math.isnan(found)


@pytest.mark.parametrize("loader", LOADERS)
def test_keys_are_text_as_it_was_written(loader: yaml_syntax.Loader) -> None:
    text = "1024: a\ntrue: b\nnull: c\n~: d\n0x10: e\n1.50: f\n16:9: g\n'': h\n? long\n: i\n'<<': j\n"

    assert plain(with_loader(loader, text)) == {
        "1024": "a", "true": "b", "null": "c", "~": "d", "0x10": "e", "1.50": "f", "16:9": "g", "": "h", "long": "i",
        "<<": "j",
    }  # fmt: skip


@pytest.mark.parametrize("loader", LOADERS)
def test_everything_knows_where_it_was_written(loader: yaml_syntax.Loader) -> None:
    tree = with_loader(loader, "\ufeff# title\nname: x\n提示: [1, {a: null}]\nlist:\n  - b\n  -\nend:\n")

    marks = {
        path: (at(tree, path).mark.line, at(tree, path).mark.column)
        for path in [(), ("name",), ("提示",), ("提示", 0), ("提示", 1), ("提示", 1, "a"), ("list",), ("list", 0)]
    }
    assert marks == {
        (): (2, 1),
        ("name",): (2, 7),
        ("提示",): (3, 5),
        ("提示", 0): (3, 6),
        ("提示", 1): (3, 9),
        ("提示", 1, "a"): (3, 13),
        ("list",): (5, 3),
        ("list", 0): (5, 5),
    }
    assert mark_of_key(tree, ["提示", 1, "a"]) == Mark(FILE, 3, 10)
    assert mark_of_key(tree, ["list", 0]) == Mark(FILE, 5, 5)
    assert mark_of_key(tree, ["list"]) == Mark(FILE, 4, 1)
    assert mark_of_key(tree, []) == Mark(FILE, 2, 1)
    assert at(tree, ["end"]).mark.line == 7


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n", "%YAML 1.2\n---\n", "\ufeff"])
@pytest.mark.parametrize("loader", LOADERS)
def test_an_empty_file_is_a_null(loader: yaml_syntax.Loader, text: str) -> None:
    assert plain(with_loader(loader, text)) is None


@given(json_like)
def test_json_is_read_as_json(data: object) -> None:
    assert repr(value_of(as_json(data))) == repr(data)  # which tells 1 from 1.0 and from True


@given(json_like)
def test_block_yaml_gives_back_what_was_written(data: object) -> None:
    text = yaml.dump(data, Dumper=QuotingDumper, allow_unicode=True, width=60, sort_keys=False)

    assert repr(value_of(text)) == repr(data)


@given(json_like)
def test_both_parsers_give_the_same_tree(data: object) -> None:
    text = yaml.dump(data, Dumper=QuotingDumper, allow_unicode=True)

    assert with_loader(LOADERS[0], text) == with_loader(LOADERS[1], text)


PIECES = [
    *("a", "b: ", "- ", "\n", "\n  ", "[", "]", "{", "}", ", ", ": ", '"x"', "'y'", "|\n", ">-\n", " #c", "&a ", "*a"),
    *("<<: ", "@", "%", "\t", "---\n", "1e400", '"\\q"', '"\\ud800"', "key: v\n", "- i\n", "\r\n", "漢", "\x07"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=10).map("".join))
def test_both_parsers_say_the_same_of_anything(text: str) -> None:
    def outcome(loader: yaml_syntax.Loader) -> object:
        try:
            return plain(with_loader(loader, text))
        except SpecError as error:
            return error.problems

    assert outcome(LOADERS[0]) == outcome(LOADERS[1])


@pytest.mark.parametrize("loader", LOADERS)
def test_an_alias_stands_for_what_was_written_at_its_anchor(loader: yaml_syntax.Loader) -> None:
    tree = with_loader(loader, "base: &base {a: [1, 2]}\nsame: *base\n&key k: &n 3\nnumber: *n\n")

    assert plain(tree) == {"base": {"a": [1, 2]}, "same": {"a": [1, 2]}, "k": 3, "number": 3}
    assert at(tree, ["same", "a", 1]).mark == Mark(FILE, 1, 21)


def test_a_file_on_disk_is_named_in_its_marks(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9\r\nb: 1\r\n")

    tree = read_file(file)

    assert plain(tree) == {"a": "é", "b": 1}
    assert mark_of_key(tree, ["b"]) == Mark(str(file), 2, 1)


@pytest.mark.parametrize("path", [["x"], ["a", 2], ["a", -1], ["a", "0"], [0], ["a", 0, "x"]])
def test_a_path_that_leads_nowhere_is_an_error(path: list[str | int]) -> None:
    tree = read_text("a: [1, 2]", file=FILE)

    with pytest.raises(LookupError, match="there is no"):
        at(tree, path)
    with pytest.raises(LookupError, match="there is no"):
        mark_of_key(tree, path)


MERGES = [
    ("{a: 1, b: 2}", "{b: 3, c: 4}", {"a": 1, "b": 3, "c": 4}),
    ("{a: {x: 1, y: 2}}", "{a: {y: 3}}", {"a": {"x": 1, "y": 3}}),
    ("{a: [1, 2]}", "{a: [3]}", {"a": [3]}),
    ("{a: {x: 1}}", "{a: 5}", {"a": 5}),
    ("{a: 5}", "{a: {x: 1}}", {"a": {"x": 1}}),
    ("{a: 1, b: 2}", "{a: null}", {"b": 2}),
    ("{a: {x: 1, y: 2}}", "{a: {x: ~}}", {"a": {"y": 2}}),
    ("{a: 1}", "{b: null}", {"a": 1}),
    ("{a: 1}", "{b: {c: null}}", {"a": 1, "b": {"c": None}}),
    ("{a: 1}", "{}", {"a": 1}),
    ("[1]", "{a: 1}", {"a": 1}),
    ("{a: 1}", "null", None),
]


@pytest.mark.parametrize(("base", "over", "merged"), MERGES)
def test_merge(base: str, over: str, merged: object) -> None:
    assert plain(merge(read_text(base, file="base"), read_text(over, file="over"))) == merged


def test_merged_parts_keep_their_marks() -> None:
    base = read_text("a:\n  x: 1\n  y: 2\nb: 0\n", file="base")
    over = read_text("\n\na: {y: 3}\n", file="over")

    merged = merge(base, over)

    assert at(merged, ["a", "x"]).mark == Mark("base", 2, 6)
    assert mark_of_key(merged, ["a", "x"]) == Mark("base", 2, 3)
    assert at(merged, ["a", "y"]).mark == Mark("over", 3, 8)
    assert mark_of_key(merged, ["a"]) == Mark("over", 3, 1)
    assert mark_of_key(merged, ["b"]) == Mark("base", 4, 1)
    assert plain(base) == {"a": {"x": 1, "y": 2}, "b": 0}


def without_nulls(data: object) -> object:
    if isinstance(data, dict):
        return {key: without_nulls(value) for key, value in data.items() if value is not None}
    return data


@given(json_like)
def test_merging_a_tree_with_itself_changes_nothing_but_nulls(data: object) -> None:
    tree = read_text(as_json(data), file=FILE)

    assert plain(merge(tree, tree)) == without_nulls(data)


@given(json_like)
def test_what_is_new_is_taken_as_it_is(data: object) -> None:
    over = read_text(as_json({"new": data}), file=FILE)

    assert plain(merge(read_text("{old: 1}", file=FILE), over)) == {"old": 1} | ({} if data is None else {"new": data})


def test_the_three_kinds_are_values() -> None:
    mark = Mark(FILE, 1, 1)

    assert Mapping(mark, {"a": Scalar(mark, 1)}, {"a": mark}) == Mapping(mark, {"a": Scalar(mark, 1)}, {"a": mark})
    assert plain(Sequence(mark, (Scalar(mark, "x"), Sequence(mark, ())))) == ["x", []]
    with pytest.raises(AttributeError):
        Scalar(mark, 1).value = 2  # type: ignore[misc]
