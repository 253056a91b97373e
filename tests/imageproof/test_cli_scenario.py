"""`imageproof scenario`: listed, shown as sentences and as the job of a client, and linted."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imageproof.cli.docs import pages
from imageproof.cli.main import cli
from imageproof.mock_server.faults.setting import require_playable
from imageproof.mock_server.options import Options
from imageproof.mock_server.server import Mock
from imageproof.specs.faults import KINDS
from imageproof.specs.library import load, shipped
from imageproof.specs.scenario import Needs
from imageproof.specs.scenario_orders import order_as_json, order_for
from imageproof.specs.scenario_reading import (
    EXPECT_KEYS,
    JOB_KEYS,
    KEYS,
    KINDS_OF_ERROR,
    fits,
    read_scenario,
    scenarios,
)

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "write-a-scenario.md"
OWN = "scenario: 1\nteaches: something of our own\nfaults:\n  - {reset: before, on: poll}\nexpect: {outcome: done}\n"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["scenario", *arguments])


def folder_with(folder: Path, text: str = OWN, name: str = "our-own") -> Path:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_list_names_each_with_what_it_teaches() -> None:
    shown = run("list")
    lines = shown.output.splitlines()
    assert shown.exit_code == 0
    assert [line.split()[0] for line in lines[:-1]] == [item.name for item in scenarios()]
    assert all(item.teaches in line for item, line in zip(scenarios(), lines, strict=False))
    assert lines[-1] == f"{len(scenarios())} of {len(scenarios())} scenarios"


def test_the_list_for_a_provider_says_what_does_not_fit_and_why() -> None:
    shown = run("list", "reapi")
    lines = {line.split()[0]: line for line in shown.output.splitlines()}
    assert lines["streamed"].endswith("(not at reapi: it sends no streams)")
    assert "(not at" not in lines["plain"]
    fitting = sum(fits(load("reapi"), item) is None for item in scenarios())
    assert shown.output.endswith(f"{fitting} of {len(scenarios())} scenarios fit reapi\n")


def test_the_list_as_json_says_the_same() -> None:
    listed = {item["name"]: item for item in json.loads(run("list", "openai", "--json").output)}
    assert listed["poll-reset"]["fits"] is False
    assert listed["poll-reset"]["why_not"] == "it has no tasks: it answers at once"
    assert listed["plain"] == {
        "name": "plain",
        "teaches": "one image, and nothing goes wrong",
        "fits": True,
        "why_not": None,
    }


def test_own_folders_are_listed_and_shown_too(tmp_path: Path) -> None:
    folder = str(folder_with(tmp_path))
    assert "our-own" not in run("list").output
    assert re.search(r"^our-own +something of our own$", run("list", "--scenarios", folder).output, re.MULTILINE)
    assert run("show", "our-own", "--scenarios", folder).output.startswith("our-own: something of our own\n")


@pytest.mark.parametrize("name", [item.name for item in scenarios()])
def test_show_says_everything_that_the_file_says(name: str) -> None:
    scenario = next(item for item in scenarios() if item.name == name)
    shown = run("show", name).output
    assert shown.startswith(f"{name}: {scenario.teaches}\n")
    assert shown.count("  fault     {") == len(scenario.faults)
    assert f"breaks client/{scenario.expected.rule}\n" in shown
    assert scenario.plan in shown
    assert all(kind in shown for kind in scenario.expected.kinds)


def test_show_for_a_provider_writes_the_job_of_a_client() -> None:
    shown = run("show", "with-references", "toapis").output
    job = json.loads(shown[shown.index("\n{") :])
    scenario = next(item for item in scenarios() if item.name == "with-references")
    assert job == json.loads(json.dumps(order_as_json(order_for(load("toapis"), scenario))))
    assert len(job["request"]["reference_images"]) == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "plian"), "no scenario is called 'plian': did you mean 'plain'?"),
        (("show", "xyzzyx"), "no scenario is called 'xyzzyx': `imageproof scenario list` shows those that there are"),
        (
            ("show", "streamed", "reapi"),
            "expected a provider that streamed makes sense for, got reapi: it sends no streams",
        ),
        (("list", "reapy"), "did you mean 'reapi'?"),
        (("list", "--scenarios", "nowhere"), "expected a folder of scenarios, got 'nowhere': there is none"),
        (("lint", "nowhere.yaml"), "expected a scenario file, got 'nowhere.yaml': there is none"),
    ],
)
def test_what_can_not_be_used_is_refused_in_a_sentence(arguments: tuple[str, ...], says: str) -> None:
    shown = run(*arguments)
    assert shown.exit_code == 2
    assert says in shown.output
    assert "Traceback" not in shown.output


def test_a_broken_file_in_a_folder_is_shown_with_its_place(tmp_path: Path) -> None:
    shown = run("list", "--scenarios", str(folder_with(tmp_path, OWN + "plans: x\n")))
    assert shown.exit_code == 2
    assert f"{tmp_path / 'our-own.yaml'}:6:1: unknown key 'plans'" in shown.output
    assert "hint: did you mean 'plan'?" in shown.output


def test_the_shipped_scenarios_have_no_mistakes() -> None:
    shown = run("lint")
    assert (shown.exit_code, shown.output) == (0, f"{len(scenarios())} scenarios checked, no mistakes\n")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('plan: "slwo: 4s"\n', ":6:7: expected words of test cards in `plan`, got 'slwo: 4s': unknown trigger 'slwo'"),
        ("needs: [stream, tasks]\n", ":1:1: expected a scenario that makes sense for some provider, got one for none"),
        ("within: soon\n", ":6:9: expected a duration such as 30s, 3m, 24h or 7d, got 'soon', for `within`"),
    ],
)
def test_lint_finds_what_nothing_would_understand(more: str, says: str, tmp_path: Path) -> None:
    file = folder_with(tmp_path, OWN + more) / "our-own.yaml"
    shown = run("lint", str(file))
    assert shown.exit_code == 2
    assert f"{file}{says}" in shown.output
    assert shown.output.endswith("1 scenario checked, 1 mistake\n")


@pytest.mark.parametrize("name", shipped())
def test_the_mock_can_play_each_scenario_that_fits(name: str) -> None:
    spec = load(name)
    service = Mock([spec], Options()).services[spec.name]
    fitting = [item for item in scenarios() if fits(spec, item) is None]
    played = [require_playable(service, item) for item in fitting]
    assert len(played) == len(fitting) > 40


def test_the_page_lists_each_scenario_and_each_fault() -> None:
    page = pages()["scenarios.md"]
    assert [item.name for item in scenarios() if f"| `{item.name}` | {item.teaches} |" not in page] == []
    assert [kind.WRITE for kind in KINDS.values() if f"| `{kind.WRITE}` |" not in page] == []


# the page about writing one


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_files_of_the_page_are_scenarios(tmp_path: Path) -> None:
    files = blocks("yaml")
    assert len(files) == 2
    for number, text in enumerate(files):
        file = folder_with(tmp_path, text, f"example-{number}") / f"example-{number}.yaml"
        assert run("lint", str(file)).exit_code == 0, run("lint", str(file)).output
        assert fits(load("reapi"), read_scenario(file)) is None


def test_the_commands_of_the_page_do_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scenarios").mkdir()
    folder_with(tmp_path / "scenarios", blocks("yaml")[0], "two-bad-polls")
    commands = [line for text in blocks("sh") for line in text.splitlines() if line.startswith("imageproof scenario")]
    assert len(commands) >= 3
    for command in commands:
        shown = CliRunner().invoke(cli, shlex.split(command)[1:])
        assert shown.exit_code == 0, shown.output


def test_the_page_names_every_key_and_word() -> None:
    text = PAGE.read_text(encoding="utf-8")
    words = [*KEYS, *JOB_KEYS, *EXPECT_KEYS, *KINDS_OF_ERROR, *(need.value for need in Needs)]
    assert [word for word in words if f"`{word}`" not in text] == []
