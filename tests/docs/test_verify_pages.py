"""The pages about verification: every command is one that the command line takes, and those for the mock really run."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import click
import pytest
import yaml

from imageproof.cli.main import cli

ROOT = Path(__file__).parents[2]
HOW_TO = ROOT / "docs" / "how-to"
PLAYED = [HOW_TO / "verify-a-gateway.md", HOW_TO / "known-failures.md"]
CI = HOW_TO / "ci.md"
PAGES = [*PLAYED, CI]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"`([\w./-]+\.(?:yaml|yml|txt))`")
EXIT = re.compile(r"# exit code (\d)$")
ADDRESS = "http://127.0.0.1:4010"
PATIENCE_S = 120
NOT_HERE = ("pip ",)  # the packages are there already


@dataclass(frozen=True, kw_only=True)
class Block:
    """A block of a page. `name` is the file that the sentence before it names, if it names one."""

    language: str
    text: str
    name: str | None


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    end = 0
    for match in BLOCK.finditer(text):
        before = text[end : match.start()].rstrip().rpartition("\n\n")[2]
        names = NAME.findall(before)
        yield Block(language=match[1], text=match[2], name=names[-1] if names else None)
        end = match.end()


def statements(text: str) -> list[str]:
    """The commands of a script, those that go on in the next line put together."""
    return [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]


@dataclass(kw_only=True)
class Shell:
    """A folder in which the commands of a page run, and the mock that one of them started."""

    folder: Path
    exported: list[str] = field(default_factory=list)
    url: str = ADDRESS
    mock: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self.mock is not None:
            self.mock.terminate()
            self.mock.communicate(timeout=PATIENCE_S)
            self.mock = None

    def environment(self, **more: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("IMAGEPROOF_")}
        binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**kept, "PATH": binaries, "COLUMNS": "500", "NO_COLOR": "1", **more}

    def serve(self, statement: str) -> None:
        """Start the mock, on a port that is free."""
        self.stop()
        words = [*shlex.split(statement), "--port", "0", "--ready-json"]
        self.mock = subprocess.Popen(
            words, cwd=self.folder, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.mock.stdout is not None
        self.url = json.loads(self.mock.stdout.readline())["url"]

    def run(self, block: str) -> str:
        """Run a block, each command with the exit code that its comment tells. Gives what it wrote."""
        lines = ["set -u", *self.exported]
        for statement in statements(block):
            if statement.startswith("imageproof mock "):
                self.serve(statement)
            elif statement.startswith("export "):
                self.exported.append(statement)
                lines.append(statement)
            elif not statement.startswith(NOT_HERE):
                wanted = found[1] if (found := EXIT.search(statement)) else "0"
                lines += [
                    statement,
                    f'code=$?; [ $code = {wanted} ] || {{ echo "ended with $code: {wanted}"; exit 99; }}',
                ]
        script = "\n".join(lines).replace(ADDRESS, self.url)
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder, env=self.environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def comparable(text: str) -> str:
    """A line without what may differ from run to run: numbers, indentation, the mock's port."""
    return re.sub(r"\d+", "0", " ".join(text.split()))


@pytest.mark.parametrize("page", [pytest.param(page, id=page.stem) for page in PLAYED])
def test_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    said = ""
    ran = 0
    with Shell(folder=tmp_path) as shell:
        for block in blocks_of(page):
            if block.language == "yaml" and block.name is not None:
                (tmp_path / block.name).write_text(block.text, encoding="utf-8")
            elif block.language == "sh":
                said = shell.run(block.text)
                ran += 1
            elif block.language == "text":
                got = {comparable(line) for line in said.splitlines()}
                missing = [line for line in block.text.splitlines() if not any(comparable(line) in one for one in got)]
                assert missing == [], said
    assert ran > 2


def scripts_of(tree: object) -> Iterator[str]:
    """Every script in a workflow of GitHub or a pipeline of GitLab."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            if key == "run" and isinstance(value, str):
                yield value
            elif key in ("script", "after_script") and isinstance(value, list):
                yield "\n".join(value)
            else:
                yield from scripts_of(value)
    elif isinstance(tree, list):
        for item in tree:
            yield from scripts_of(item)


def commands_of(page: Path) -> Iterator[str]:
    """Each call of imageproof on a page, in blocks and between backticks."""
    for block in blocks_of(page):
        scripts = [block.text] if block.language == "sh" else []
        if block.language == "yaml":
            scripts = list(scripts_of(yaml.safe_load(block.text)))
        for script in scripts:
            for statement in statements(script):
                if statement.strip().startswith("imageproof "):
                    yield re.split(r" (?:\|\||2?>|#|&$)", statement.strip())[0]


def test_every_command_of_the_pages_is_one() -> None:
    found = [command for page in PAGES for command in commands_of(page)]
    assert len(found) > 20
    for command in found:
        require_accepted(shlex.split(command)[1:])


def require_accepted(words: list[str]) -> None:
    """Require that the command line takes these words. Raises click.UsageError for a command or option it lacks."""
    group: click.Command = cli
    with click.Context(group) as context:
        while isinstance(group, click.Group):
            _, found, words = group.resolve_command(context, words)
            assert found is not None
            group = found
    with group.make_context(group.name, list(words)):
        pass


def test_a_command_that_is_none_would_be_noticed() -> None:
    with pytest.raises(click.UsageError):
        require_accepted(["verify", "gateway", "reapi", "--base-uri", "http://127.0.0.1:1"])


def test_the_options_that_a_page_names_in_passing_exist() -> None:
    known = {name for command in every_command(cli) for param in command.params for name in param.opts}
    foreign = {"--strict-should", "--edit-last", "--create-if-none", "--body-file", "--listen", "--upstream"}
    for page in [*PAGES, ROOT / "docs" / "explanation" / "how-verdicts-are-made.md"]:
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", page.read_text(encoding="utf-8")))
        assert named <= known | foreign, page


def every_command(command: click.Command) -> Iterator[click.Command]:
    yield command
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for name in command.list_commands(context):
                found = command.get_command(context, name)
                if found is not None:
                    yield from every_command(found)


def workflows() -> dict[str, dict[str, object]]:
    """The YAML files of the page about CI, by name."""
    return {
        block.name: yaml.safe_load(block.text)
        for block in blocks_of(CI)
        if block.language == "yaml" and block.name is not None
    }


def test_the_files_for_ci_are_whole() -> None:
    files = workflows()
    assert {".github/workflows/conformance.yml", ".github/workflows/conformance-nightly.yml", ".gitlab-ci.yml"} <= set(
        files
    )
    for name in (".github/workflows/conformance.yml", ".github/workflows/conformance-nightly.yml"):
        assert {"name", True, "permissions", "jobs"} <= set(files[name])  # YAML 1.1 reads `on` as true
        for step in steps_of(files[name]):
            assert ("run" in step) != ("uses" in step)
    job = files[".gitlab-ci.yml"]["gateway-conformance"]
    assert isinstance(job, dict)
    assert {"image", "script", "after_script", "artifacts", "cache"} <= set(job)


def steps_of(workflow: dict[str, object]) -> list[dict[str, str]]:
    jobs = workflow["jobs"]
    assert isinstance(jobs, dict)
    return [step for job in jobs.values() for step in job["steps"]]


def test_a_paid_job_has_a_limit_and_its_key_from_a_secret() -> None:
    text = next(block.text for block in blocks_of(CI) if block.name == ".github/workflows/conformance-nightly.yml")
    assert "--mode paid --max-cost 0.50" in text
    assert "IMAGEPROOF_API_KEY: ${{ secrets." in text


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_the_job_for_ci_runs_against_the_mock(kind: str, tmp_path: Path) -> None:
    files = workflows()
    if kind == "github":
        scripts = [step["run"] for step in steps_of(files[".github/workflows/conformance.yml"]) if "run" in step]
    else:
        scripts = list(scripts_of(files[".gitlab-ci.yml"]))
    (tmp_path / "conformance").mkdir()
    known = next(block for block in blocks_of(CI) if block.name == "conformance/known.yaml")
    (tmp_path / known.name if known.name else tmp_path).write_text(known.text, encoding="utf-8")
    gateway = tmp_path / "start-gateway"  # the mock is its own gateway here
    gateway.write_text("#!/bin/sh\n", encoding="utf-8")
    gateway.chmod(0o755)
    job = CiJob(folder=tmp_path)
    try:
        for script in scripts:
            job.run(script)
    finally:
        job.stop()
    written = {"report.html", "junit.xml", "imageproof.sarif", "summary.md", "run/run.jsonl"}
    assert {name for name in written if (tmp_path / name).stat().st_size} == written


@dataclass(kw_only=True)
class CiJob:
    """Runs the scripts of a job as a runner does, the mock on a free port."""

    folder: Path

    def run(self, script: str) -> None:
        lines = [line for line in script.splitlines() if not line.startswith(("pip ", "gh "))]
        text = "\n".join(lines).replace("--port 4010", "--port 0")
        for part in re.split(r"(?<=done')\n", text):  # the mock's address is known once it is ready
            self._run_part(part)

    def _run_part(self, text: str) -> None:
        environment = Shell(folder=self.folder).environment(
            GATEWAY=f"{self._ready['url']}/reapi" if self._ready else "", GITHUB_STEP_SUMMARY=str(self.folder / "shown")
        )
        with (self.folder / "job.log").open("a", encoding="utf-8") as log:
            done = subprocess.run(
                ["bash", "-e", "-c", text],
                cwd=self.folder, env=environment, stdout=log, stderr=log, timeout=PATIENCE_S, check=False,
            )  # fmt: skip
        assert done.returncode == 0, (self.folder / "job.log").read_text(encoding="utf-8")

    @property
    def _ready(self) -> dict[str, str]:
        file = self.folder / "mock.json"
        found: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return found

    def stop(self) -> None:
        if self._ready:
            os.kill(int(self._ready["pid"]), signal.SIGTERM)
