"""`imageproof spec export`: the same document in every format and place."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from imageproof.cli.main import cli
from imageproof.cli.yaml_output import yaml_text
from imageproof.specs.library import load, shipped
from imageproof.specs.nodes import plain, read_text
from imageproof.specs.openapi import export

AMBIGUOUS = [
    "16:9",
    "off",
    "no",
    "0o17",
    "1e3",
    "1e400",
    "",
    "~",
    "a: b",
    "2024-01-01",
    "12",
    "on",
    "0123",
    "1_000",
    ".inf",
    "x",
]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["spec", "export", *arguments])


@pytest.mark.parametrize("name", shipped())
def test_what_is_written_is_the_derived_document(name: str) -> None:
    document = export(load(name))
    assert json.loads(run(name, "--openapi").stdout) == document
    assert yaml.safe_load(run(name, "--openapi", "--format", "yaml").stdout) == document


def test_the_name_of_the_file_decides_the_format_unless_it_is_given(tmp_path: Path) -> None:
    name = shipped()[0]
    for file, style in (("a.yaml", "yaml"), ("a.yml", "yaml"), ("a.json", "json"), ("a.txt", "json")):
        assert run(name, "--openapi", "-o", str(tmp_path / file)).output == ""
        assert (tmp_path / file).read_text(encoding="utf-8") == run(name, "--openapi", "--format", style).stdout
    run(name, "--openapi", "-o", str(tmp_path / "b.yaml"), "--format", "json")
    assert json.loads((tmp_path / "b.yaml").read_text(encoding="utf-8"))["openapi"] == "3.1.0"


def test_another_root_can_be_named() -> None:
    name = shipped()[0]
    document = json.loads(run(name, "--openapi", "--server", "http://127.0.0.1:4010/x/").stdout)
    assert [server["url"] for server in document["servers"]] == ["http://127.0.0.1:4010/x"]


def test_the_format_must_be_named_as_others_may_come() -> None:
    result = run(shipped()[0])
    assert result.exit_code == 2
    assert "--openapi" in result.stderr


def test_a_file_that_can_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "absent" / "a.json"
    result = run(shipped()[0], "--openapi", "-o", str(path))
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    assert repr(str(path)) in result.stderr


def test_yaml_is_read_alike_by_both_versions() -> None:
    tree = {"texts": AMBIGUOUS, "others": [1, 1.5, True, False, None], **dict.fromkeys(AMBIGUOUS, 1)}
    text = yaml_text(tree)
    assert yaml.safe_load(text) == tree
    assert plain(read_text(text, file="a.yaml")) == tree


def test_yaml_has_no_anchors_for_what_stands_in_several_places() -> None:
    shared = {"a": [1]}
    assert "&" not in yaml_text({"one": shared, "two": shared})
