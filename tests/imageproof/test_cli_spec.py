"""`imageproof spec`: the same contract as a list, as text, as JSON, and linted."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imageproof.cli.main import cli
from imageproof.cli.plain_json import as_json
from imageproof.specs.library import load, shipped

TWO_PROFILES = """
imageproof: 1
extends: reapi
provider: mine
profiles:
  first: {}
  second: {title: the other one}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["spec", *arguments])


def own_spec(folder: Path) -> Path:
    """A file that changes nothing but its name and has two profiles."""
    path = folder / "mine.yaml"
    path.write_text(TWO_PROFILES, encoding="utf-8")
    return path


def test_the_list_names_every_shipped_contract_and_how_its_rules_are_known() -> None:
    listed = json.loads(run("list", "--json").stdout)
    assert [item["name"] for item in listed] == list(shipped())
    for item in listed:
        spec = load(item["name"])
        assert item["models"] == list(spec.models)
        assert item["profiles"] == list(spec.profiles)
        assert sum(item["rules"].values()) == len(spec.rules)


def test_the_list_for_people_names_profiles_as_one_writes_them() -> None:
    listed = run("list").stdout
    for name in shipped():
        spec = load(name)
        assert f"{name}: {spec.title}\n" in listed
        assert all(f"({name}@{profile})" in listed for profile in spec.profiles[1:])


@pytest.mark.parametrize("name", shipped())
def test_show_tells_every_field_with_every_one_of_its_rules(name: str) -> None:
    shown = run("show", name)
    spec = load(name)
    assert shown.exit_code == 0
    for model in spec.models.values():
        for shape in model.shapes.values():
            assert f"{shape.operation} of {model.name} takes" in shown.stdout
            for rule in shape.rules:
                assert rule.sentence.removeprefix(f"{rule.field} ") in shown.stdout


@pytest.mark.parametrize("name", shipped())
def test_show_as_json_holds_every_rule_and_names_them_everywhere_else(name: str) -> None:
    shown = json.loads(run("show", name, "--json").stdout)
    spec = load(name)
    assert list(shown["rules"]) == [rule.id for rule in spec.rules]
    assert set(shown["errors"]) == set(spec.errors)
    for model in spec.models.values():
        for operation, shape in model.shapes.items():
            fields = shown["models"][model.name]["shapes"][operation]["fields"]
            assert {key: value["rules"] for key, value in fields.items()} == {
                key: [rule.id for rule in field.rules] for key, field in shape.fields.items()
            }


def test_show_of_one_model_leaves_the_others_out() -> None:
    spec = next(spec for spec in map(load, shipped()) if len(spec.models) > 1)
    one, *others = spec.models
    shown = json.loads(run("show", spec.name, "--model", one, "--json").stdout)
    assert list(shown["models"]) == [one]
    assert any(one in rule.split("/") for rule in shown["rules"])
    assert not any(set(others) & set(rule.split("/")) for rule in shown["rules"])


def test_show_names_the_nearest_model() -> None:
    spec = load(shipped()[0])
    name = next(iter(spec.models))
    result = run("show", spec.name, "--model", f"{name[:-1]}?")
    assert (result.exit_code, result.stdout) == (2, "")
    assert repr(name) in result.stderr


@pytest.mark.parametrize("command", ["show", "lint"])
def test_an_unknown_name_is_one_sentence_with_the_nearest_one(command: str) -> None:
    name = shipped()[0]
    result = run(command, f"{name}x")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert repr(name) in result.stderr


def test_a_file_with_mistakes_is_shown_with_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text("imageproof: 1\nprovider: broken\ntitel: Broken\nmodels: 7\n", encoding="utf-8")
    result = run("show", str(path))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{path}:3:1: " in result.stderr
    assert f"{path}:4:" in result.stderr
    assert "^" in result.stderr
    assert "Traceback" not in result.output


def test_lint_of_a_sound_file_says_how_many_rules_were_checked(tmp_path: Path) -> None:
    path = own_spec(tmp_path)
    result = run("lint", str(path))
    total = len(load(str(path)).rules) * 2
    assert result.exit_code == 0
    assert f"{path}: {total} rules in 2 profiles checked, no mistakes" in result.stdout


def test_lint_tells_every_mistake_and_goes_on_with_the_next_file(tmp_path: Path) -> None:
    broken, sound = tmp_path / "broken.yaml", own_spec(tmp_path)
    broken.write_text("imageproof: 1\nextends: reapi\nprovidr: x\ntitel: x\n", encoding="utf-8")
    result = run("lint", str(broken), str(sound), str(tmp_path / "absent.yaml"))
    assert result.exit_code == 2
    assert f"{broken}:3:1: " in result.stdout
    assert f"{broken}:4:1: " in result.stdout
    assert f"{sound}: " in result.stdout
    assert "absent.yaml: 1 mistake\n" in result.stdout


def test_lint_takes_warnings_for_mistakes_only_when_asked_to(tmp_path: Path) -> None:
    path = own_spec(tmp_path)
    page = "\nsources: {NEVER: {kind: public, title: never used, url: 'https://example.com', seen: 2026-11}}\n"
    path.write_text(path.read_text(encoding="utf-8") + page, encoding="utf-8")
    assert "warning" in run("lint", str(path)).stdout
    assert [run("lint", *flags, str(path)).exit_code for flags in ([], ["--strict"])] == [0, 2]


def test_json_of_what_no_contract_holds_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="object"):
        as_json(object())
