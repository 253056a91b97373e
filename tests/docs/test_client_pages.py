"""The clients of the page about clients run, each by the command below it, and do right."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from shutil import which

import pytest

from imageproof.records.reading import read_run
from tests.docs.test_verify_pages import commands_of, require_accepted

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "verify-a-client.md"
FILE = re.compile(r"`([\w.]+)`[.:]\n\n```(?!sh\n)\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {match[1]: match[2] for match in FILE.finditer(PAGE.read_text(encoding="utf-8"))}
COMMANDS = list(commands_of(PAGE))
PLAYED = [command for command in COMMANDS if "--scenario plain" in command]
NEEDED = {"client.sh": ("curl", "jq", "awk"), "client.mjs": ("node",), "client.pl": ("perl",)}


def test_the_page_has_a_client_for_each_language_and_plays_them_all() -> None:
    assert sorted(FILES) == ["client.mjs", "client.pl", "client.py", "client.sh", "lines.py"]
    assert sorted(command.rpartition(" ")[2] for command in PLAYED) == sorted(FILES)


@pytest.mark.parametrize("command", [pytest.param(command, id=command.rpartition(" ")[2]) for command in PLAYED])
def test_a_client_of_the_page_conforms(command: str, tmp_path: Path) -> None:
    name = command.rpartition(" ")[2]
    missing = [program for program in NEEDED.get(name, ()) if which(program) is None]
    if missing:
        pytest.skip(f"this machine has no {', '.join(missing)}")
    (tmp_path / name).write_text(FILES[name], encoding="utf-8")
    before, _, after = command.partition(" -- ")
    words = [*shlex.split(before), "--out", "run", "--", *shlex.split(after)]
    folder = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        words,
        cwd=tmp_path,
        env={**os.environ, "PATH": folder},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    footer = read_run(tmp_path / "run").footer
    assert footer is not None
    assert footer.counts["passed"] > 5


def test_every_command_of_the_page_is_one() -> None:
    assert len(COMMANDS) >= 10
    for command in COMMANDS:
        require_accepted(shlex.split(command)[1:])
