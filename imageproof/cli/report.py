"""`imageproof report`: reports of runs, from what they wrote down and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imageproof.cli.reading_runs import run_at
from imageproof.cli.refusal import Refusal

if TYPE_CHECKING:
    from imageproof.records.reading import Run

STDOUT = "-"
FORMATS = ("html", "junit", "sarif", "markdown", "badge", "ctrf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One file to write; `target` None is standard output."""

    format: str
    target: Path | None


@click.command("report")
@click.argument("runs", metavar="DIR...", nargs=-1, required=True)
@click.option("--html", metavar="FILE", help="Write one HTML page that needs nothing else; - is standard output.")
@click.option("--junit", metavar="FILE", help="Write JUnit XML; one test case for each rule.")
@click.option("--sarif", metavar="FILE", help="Write SARIF 2.1.0, for code scanning.")
@click.option("--markdown", metavar="FILE", help="Write Markdown for a comment below a pull request.")
@click.option("--badge", metavar="FILE", help="Write the JSON of a badge by shields.io.")
@click.option("--ctrf", metavar="FILE", help="Write JSON in the common test report format.")
@click.option("--quiet", "-q", is_flag=True, help="Print the verdict only, and nothing when files are written.")
def report(runs: tuple[str, ...], *, quiet: bool, **files: str | None) -> None:
    """Show runs again, or write them as files for people and programs.

    DIR is the folder of a run, or its run.jsonl; also of one that was cut off. Needs no network. The exit code is 0
    when everything was written, whatever the verdict of the run is.
    """
    wanted = wanted_of(files)
    if wanted and len(runs) > 1:
        raise Refusal(
            f"expected one DIR with --{wanted[0].format}, got {len(runs)}: a file holds one run, so call it for each"
        )
    read = [run_at(name) for name in runs]
    if wanted:
        write_all(read[0], wanted, quiet=quiet)
        return
    from imageproof.reports.terminal import write

    for number, run in enumerate(read):
        if number and not quiet:
            click.echo()
        write(run, quiet=quiet)


def wanted_of(files: dict[str, str | None]) -> list[Wanted]:
    """What is to be written, in the order of the formats. Raises Refusal for a target that can't be written."""
    given = {name: target for name in FORMATS if (target := files.get(name)) is not None}
    to_stdout = [f"--{name}" for name, target in given.items() if target == STDOUT]
    if len(to_stdout) > 1:
        raise Refusal(f"expected at most one report on standard output, got {' and '.join(to_stdout)}: name files")
    return [Wanted(format=name, target=_target(name, text)) for name, text in given.items()]


def _target(name: str, text: str) -> Path | None:
    if text == STDOUT:
        return None
    target = Path(text)
    try:
        is_folder, has_folder = not text or target.is_dir(), target.parent.is_dir()
    except OSError as error:
        raise Refusal(f"expected the name of a file after --{name}, got {text}: {error.strerror or error}") from None
    if is_folder:
        raise Refusal(f"expected the name of a file after --{name}, got {text or 'nothing'}: name a file in a folder")
    if not has_folder:
        raise Refusal(
            f"expected --{name} to name a file in a folder that exists, got {text}: there is no folder "
            f"{target.parent}, so make it first"
        )
    return target


def write_all(run: Run, wanted: list[Wanted], *, quiet: bool) -> None:
    """Write each report, and say on standard error what was written and what the run's verdict is. Raises Refusal."""
    from imageproof.reports.summary import summary
    from imageproof.reports.wire_text import one_line

    for item in wanted:
        _write(run, item)
        if item.target and not quiet:
            click.echo(f"wrote {item.target}", err=True)
    if not quiet:
        click.echo(one_line(f"{run.header.spec} at {run.header.target}: {summary(run).says}"), err=True)


def _write(run: Run, item: Wanted) -> None:
    text = rendered(run, item.format)
    if item.target is None:
        click.echo(text.encode(), nl=False)
        return
    try:
        if item.target.exists() and item.target.samefile(run.path):
            raise Refusal(f"expected --{item.format} to name a new file, got {item.target}: that is the run itself")
        item.target.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Refusal(f"expected to write {item.target}, got: {error.strerror or error}") from None


def rendered(run: Run, name: str) -> str:
    """The run in a format, one of FORMATS. Raises ValueError for another."""
    match name:
        case "html":
            from imageproof.reports.html import render
        case "junit":
            from imageproof.reports.junit import render
        case "sarif":
            from imageproof.reports.sarif import render
        case "markdown":
            from imageproof.reports.markdown import render
        case "badge":
            from imageproof.reports.badge import render
        case "ctrf":
            from imageproof.reports.ctrf import render
        case _:
            raise ValueError(f"expected one of {', '.join(FORMATS)}, got {name!r}")
    return render(run)
