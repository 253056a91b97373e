"""`imageproof spec lint`: every mistake of a spec file at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from imageproof.cli.refusal import Refusal
from imageproof.exits import ExitCode
from imageproof.specs.library import UnknownSpecError, load, locate
from imageproof.specs.lint import lint

if TYPE_CHECKING:
    from imageproof.specs.lint import Report


def _path_of(name: str) -> Path:
    """The file of a shipped name, or a path, which here may have any suffix."""
    if Path(name).exists():
        return Path(name)
    try:
        return locate(name)[0]
    except UnknownSpecError as error:
        raise Refusal(str(error)) from None


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _rules(path: Path) -> str:
    """How many rules a sound file has, in all its profiles."""
    default = load(str(path))
    others = [load(f"{path}@{name}") for name in default.profiles[1:]]
    total = sum(len(spec.rules) for spec in (default, *others))
    return _counted(total, "rule") + (f" in {len(others) + 1} profiles" if others else "")


def verdict(path: Path, report: Report) -> str:
    """The last line about a file."""
    warned = f", {_counted(len(report.warnings), 'warning')}" if report.warnings else ""
    if report.errors:
        return f"{path}: {_counted(len(report.errors), 'mistake')}{warned}"
    return f"{path}: {_rules(path)} checked, no mistakes{warned}"


@click.command("lint")
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--strict", is_flag=True, help="End with exit code 2 for warnings too.")
@click.pass_context
def lint_files(ctx: click.Context, files: tuple[str, ...], *, strict: bool) -> None:
    """Find every mistake in spec files, each with its line and a caret.

    Exit code 0 when there is none, 2 when there is one. A file with nothing but warnings can be used.
    """
    is_clean = True
    for path in map(_path_of, files):
        report = lint(path)
        click.echo("\n".join(part for part in (report.render(), verdict(path, report)) if part))
        is_clean &= not report.errors and not (strict and report.warnings)
    ctx.exit(ExitCode.CONFORMS if is_clean else ExitCode.USAGE)
