"""`imageproof mock --fault` and `--scenario`: what they set, and what they say to nonsense."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from imageproof.cli.main import cli
from imageproof.specs.library import load
from tests.imageproof.test_cli_mock import serving

REAPI = load("reapi")


def faults_of(*arguments: str, environment: dict[str, str] | None = None) -> list[object]:
    with serving("reapi", *arguments, environment=environment) as running:
        said = running.get("/__imageproof__/reapi/account", REAPI)["faults"]
    assert isinstance(said, list)
    return [item["fault"] for item in said]


def test_faults_are_set_for_every_account() -> None:
    given = ("--fault", "{status: 502, on: poll}", "--fault", "slow: 5s, times: 2")
    assert faults_of(*given) == ["{status: 502, on: poll}", "{slow: 5s, times: 2}"]


def test_each_line_of_the_variable_is_a_fault() -> None:
    environment = {"IMAGEPROOF_FAULT": "{status: 502, on: poll}\n\n{slow: 5s}\n"}
    assert faults_of(environment=environment) == ["{status: 502, on: poll}", "{slow: 5s}"]


def test_a_scenario_plays_on_every_account() -> None:
    assert any("vanishes" in str(fault) for fault in faults_of("--scenario", "vanishes"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--fault", "{statuss: 502}"], "--fault: unknown word 'statuss' in a fault: did you mean 'status'?"),
        (["--fault", ""], "--fault: expected a fault such as {status: 502, on: poll}"),
        (["--fault", "{error: rate_limite}"], "reapi has no error answer 'rate_limite': did you mean 'rate_limited'?"),
        (["--fault", "{fail: nothing_such}"], "reapi has no failure 'nothing_such': known are any, moderated_output"),
        (["--fault", "{refused: 3s}"], "{refused: 3s} strikes before there is a request"),
        (["--scenario", "vanish"], "no scenario is called 'vanish': did you mean 'vanishes'?"),
        (["--scenario", "streamed"], "the scenario 'streamed' makes no sense for reapi"),
    ],
)
def test_nonsense_is_refused_with_one_sentence(arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(cli, ["mock", "reapi", "--port", "0", *arguments])
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output
