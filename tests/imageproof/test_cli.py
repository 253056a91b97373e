"""The root of the command line: fast, quiet, and honest about what it does not have."""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from imageproof import __version__
from imageproof.cli.lazy import Lazy, LazyGroup
from imageproof.cli.main import ENDED_BY_CLOSED_PIPE, ENDED_BY_INTERRUPT, Root, cli
from imageproof.exits import MEANINGS, ExitCode

HEAVY = ("aiohttp", "rich", "jsonschema", "hypothesis", "PIL", "prometheus_client", "uvloop", "imageproof.mock_server")


def loaded_after(*arguments: str) -> set[str]:
    """The modules that a process has loaded when a command has ended."""
    script = """if True:
        import json, sys
        from imageproof.cli.main import main
        try:
            main()
        except SystemExit:
            print(json.dumps(sorted(sys.modules)), file=sys.stderr)
    """
    command = [sys.executable, "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def commands(group: LazyGroup, path: str = "imageproof") -> Iterator[tuple[str, Lazy]]:
    for name, lazy in group.lazy.items():
        yield f"{path} {name}", lazy
        command = lazy.load()
        if isinstance(command, LazyGroup):
            yield from commands(command, f"{path} {name}")


def all_commands() -> list[tuple[str, Lazy]]:
    assert isinstance(cli, LazyGroup)
    return list(commands(cli))


def test_help_imports_no_more_of_the_project_than_the_list_of_commands() -> None:
    ours = {name for name in loaded_after("--help") if name.startswith("imageproof")}
    assert ours == {
        "imageproof",
        "imageproof.cli",
        "imageproof.cli.lazy",
        "imageproof.cli.main",
        "imageproof.cli.startup",
    }


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("spec", "--help"), ("spec", "list")])
def test_what_only_reads_contracts_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    loaded = loaded_after(*arguments)
    assert [name for name in HEAVY if name in loaded] == []


def test_the_version_is_that_of_the_package() -> None:
    result = CliRunner().invoke(cli, ["--version"])
    assert (result.exit_code, __version__ in result.stdout) == (0, True)


def test_the_installed_command_leads_here() -> None:
    scripts = importlib.metadata.entry_points(group="console_scripts", name="imageproof")
    assert {script.value for script in scripts} == {"imageproof.cli.main:main"}


@pytest.mark.parametrize(("name", "lazy"), [pytest.param(*item, id=item[0]) for item in all_commands()])
def test_the_listed_line_of_a_command_says_what_its_own_help_says(name: str, lazy: Lazy) -> None:
    command = lazy.load()
    assert command.name == name.rpartition(" ")[2]
    assert lazy.help.endswith(".")
    assert command.help
    listed, own = lazy.help.split()[0], command.help.split()[0]
    assert listed == own


@pytest.mark.parametrize("name", ["load", "proxy", "judge", "nonsense"])
def test_a_command_that_does_not_exist_is_a_usage_error(name: str) -> None:
    result = CliRunner().invoke(cli, [name])
    assert result.exit_code == ExitCode.USAGE
    assert name in result.stderr
    assert result.stdout == ""


def test_a_lazy_name_that_leads_to_no_command_is_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError, match="ExitCode"):
        Lazy("imageproof.exits", "ExitCode", "No command.").load()


def test_a_reader_that_has_gone_ends_a_command_quietly() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "imageproof", "spec", "list"]
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (ENDED_BY_CLOSED_PIPE, "")


def test_an_interrupt_ends_a_command_quietly() -> None:
    @click.command()
    def interrupted() -> None:
        raise KeyboardInterrupt

    class OneCommand(Root):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  (as inherited)
            return interrupted

    result = CliRunner().invoke(OneCommand("imageproof"), ["interrupted"])
    assert (result.exit_code, result.output) == (ENDED_BY_INTERRUPT, "")


def test_exit_codes_are_those_that_are_published() -> None:
    assert [(code.name, code.value) for code in ExitCode] == [
        ("CONFORMS", 0),
        ("DOES_NOT_CONFORM", 1),
        ("USAGE", 2),
        ("UNREACHABLE", 3),
        ("NOTHING_JUDGED", 4),
        ("BUDGET_ENDED", 5),
    ]
    assert set(MEANINGS) == set(ExitCode)


def test_the_command_runs_as_a_module_from_any_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "imageproof", "spec", "list"]
    here = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout == here
