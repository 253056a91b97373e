"""The format itself: its schema is whole and closed, its page is up to date, and no file makes lint stumble."""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from imageproof.specs.check import Checker
from imageproof.specs.format_page import format_page
from imageproof.specs.format_wording import dereferenced
from imageproof.specs.generate import nest
from imageproof.specs.library import build_tree, load, shipped
from imageproof.specs.lint import lint, require_format
from imageproof.specs.lint_combos import ABSENT, Search
from imageproof.specs.lint_format import format_schema, without_nulls
from imageproof.specs.lint_regex import is_risky
from imageproof.specs.nodes import Mapping, Sequence, plain, read_file
from imageproof.specs.problems import SpecError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.format_wording import JsonSchema
    from imageproof.specs.lint_subject import Path
    from imageproof.specs.nodes import Node

SOUND = FilePath(__file__).parent / "broken" / "sound.yaml"
PAGE = FilePath(__file__).parents[2] / "docs" / "reference" / "spec-format.md"


def parts_of(schema: object, path: str = "#") -> Iterator[tuple[str, dict[str, object]]]:
    """Every schema inside a schema, with where it stands."""
    if isinstance(schema, dict):
        yield path, schema
    inner = schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ()
    for key, part in inner:
        yield from parts_of(part, f"{path}/{key}")


def test_the_schema_is_one_and_leads_nowhere_wrong() -> None:
    schema = format_schema()
    Draft202012Validator.check_schema(schema)
    used = {part["$ref"] for _, part in parts_of(schema) if isinstance(part.get("$ref"), str)}
    known = {path for path, _ in parts_of(schema) if path.startswith("#/$defs/") and path.count("/") == 2}
    assert used == known


def test_every_key_says_what_it_is_for() -> None:
    root = format_schema()
    keys = {
        f"{path}/{key}": inner
        for path, part in parts_of(root)
        if isinstance(known := part.get("properties"), dict) and "additionalProperties" in part
        for key, inner in known.items()
    }
    assert len(keys) > 300
    assert [key for key, inner in keys.items() if not says(inner, root)] == []


def says(schema: JsonSchema, root: JsonSchema) -> object:
    target = dereferenced(schema, root)
    return schema.get("description") or (isinstance(target, dict) and target.get("description"))


def test_every_mapping_of_known_keys_is_closed() -> None:
    open_ones = [
        path
        for path, part in parts_of(format_schema())
        if "properties" in part and "/complete" not in path and "additionalProperties" not in part
    ]
    assert open_ones == []


def test_the_page_of_the_format_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == format_page()


def test_a_null_of_json_stays_and_any_other_is_told() -> None:
    tree = read_file(SOUND)
    assert isinstance(tree, Mapping)
    stripped, problems = without_nulls(tree)
    assert (plain(stripped), problems) == (plain(tree), [])


@pytest.mark.parametrize("name", shipped())
def test_the_search_for_combinations_finds_bodies_that_the_checker_takes(name: str) -> None:
    spec = load(name)
    shapes = [shape for model in spec.models.values() for shape in model.shapes.values()]
    for shape in shapes:
        body = Search.of(shape).body({}, shape.fields)
        assert body is not None
        assert Checker(shape).check(nest(body)) == []
    assert shapes


@pytest.mark.parametrize("name", shipped())
def test_the_search_leaves_out_what_may_be_left_out_first(name: str) -> None:
    for model in load(name).models.values():
        for shape in model.shapes.values():
            domains = Search.of(shape).domains
            missing = [field for field in shape.fields if ABSENT not in domains.of(field)]
            required = [rule.field for rule in shape.rules if rule.id.endswith("/required")]
            assert set(missing) <= set(required)


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        ("^rk_live_[A-Za-z0-9_-]{1,128}$", False),
        ("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", False),
        (r"\(a+\)+", False),
        ("[(a+]+", False),
        ("(a|b)?c+", False),
        ("(a+)+", True),
        ("(?:a|b)*", True),
        ("a*b*c*d*", True),
        ("(a{9,})+", True),
    ],
)
def test_a_risky_expression_is_told_from_a_plain_one(regex: str, expected: bool) -> None:  # noqa: FBT001
    assert is_risky(regex) is expected


def paths(node: Node, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(node, Mapping):
        for key, item in node.entries.items():
            yield from paths(item, (*path, key))
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from paths(item, (*path, index))


PATHS = list(paths(read_file(SOUND)))[1:]
SCALARS = ["null", "0", "-1", "1.5", "true", "''", "x", "'{x}'", "'{task.id}'", "1024x1024", "'('", "30s", "page > x"]
EXTREMES = [".nan", "1e400", "9" * 30, "[]", "{}", "[x]", "{is: x}", "{is: [1, 2], source: page > x}", "'assumed:'"]
ODD = st.sampled_from([*SCALARS, *EXTREMES])


@settings(max_examples=60)
@given(edits=st.dictionaries(st.sampled_from(PATHS), ODD, min_size=1, max_size=4))
def test_no_file_makes_lint_stumble_and_what_it_takes_can_be_read(
    edits: dict[Path, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("odd") / "spec.yaml"
    path.write_text(written(read_file(SOUND), edits), encoding="utf-8")
    report = lint(path)
    try:
        tree = read_file(path)
        assert isinstance(tree, Mapping)
        require_format(tree)
    except SpecError:
        assert report.errors
    else:
        build_tree(tree, None)


def written(node: Node, edits: dict[Path, str], path: Path = ()) -> str:
    """The tree as YAML in flow style, with other values at some paths."""
    if path in edits:
        return edits[path]
    match node:
        case Mapping():
            pairs = (f'"{key}": {written(item, edits, (*path, key))}' for key, item in node.entries.items())
            return f"{{{', '.join(pairs)}}}"
        case Sequence():
            return f"[{', '.join(written(item, edits, (*path, index)) for index, item in enumerate(node.items))}]"
        case _:
            return repr_of(plain(node))


def repr_of(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else "null" if value is None else str(value).lower()
