"""The page about load: each command is one that can be run, each goal can be read, and the first command runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from imageproof.cli.load import load
from imageproof.loadtests.goals import read_goal
from imageproof.records.reading import read_run
from tests.docs.test_verify_pages import commands_of, require_accepted

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "load-test.md"
LOCUSTFILE = Path(__file__).parents[2] / "loadtests" / "locustfile.py"
TEXT = PAGE.read_text(encoding="utf-8")
COMMANDS = list(commands_of(PAGE))
LOADS = [shlex.split(command)[2:] for command in COMMANDS if command.startswith("imageproof load")]
GOAL = re.compile(r"`([a-z_0-9.]+[<>=][0-9.]+[a-z%/]*(?:@60x)?)`")


def test_the_page_has_its_commands() -> None:
    assert len(LOADS) >= 9
    for command in COMMANDS:
        if command.startswith("imageproof "):
            require_accepted(shlex.split(command)[1:])


@pytest.mark.parametrize("words", LOADS, ids=" ".join)
def test_a_command_of_the_page_could_be_run(words: list[str]) -> None:
    told = CliRunner().invoke(load, [*words, *(["--dry-run"] * ("--dry-run" not in words))])

    assert told.exit_code == 0, told.output
    assert "would" in told.output


def test_every_goal_of_the_page_can_be_read() -> None:
    goals = GOAL.findall(TEXT)

    assert len(goals) >= 9
    assert [read_goal(goal).text for goal in goals] == goals


def test_the_page_names_every_variable_of_the_locustfile() -> None:
    read = set(re.findall(r'"(IMAGEPROOF_[A-Z_]+)"', LOCUSTFILE.read_text(encoding="utf-8")))

    assert set(re.findall(r"`(IMAGEPROOF_[A-Z_]+)`", TEXT)) == read


def test_the_first_command_runs(tmp_path: Path) -> None:
    words = [*LOADS[0], "--duration", "1s", "--warm-up", "0s", "--out", "run"]
    done = subprocess.run(
        [sys.executable, "-m", "imageproof", "load", *words],
        cwd=tmp_path,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("ended exactly once in both books") == 1
    assert read_run(tmp_path / "run").footer is not None
    assert (tmp_path / "run" / "books.jsonl").exists()
