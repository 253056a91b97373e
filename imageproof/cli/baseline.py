"""`imageproof baseline`: list failures that are known, and check such lists."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imageproof.cli.reading_runs import run_at
from imageproof.cli.refusal import BrokenSpec, Refusal, spec_named
from imageproof.exits import ExitCode
from imageproof.records.lines import Verdict
from imageproof.specs.problems import Problem, SpecError, lines_of, render
from imageproof.suites.baseline import Baseline, expired, load_baseline, read_day, unknown_patterns
from imageproof.suites.baseline_entries import HEAD, Draft, with_entries
from imageproof.suites.rule_patterns import hint_for, is_match

if TYPE_CHECKING:
    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run

PATIENCE = timedelta(days=30)
"""How long a failure is known when nobody says otherwise."""


@click.group()
def baseline() -> None:
    """List known failures, each with a reason, an owner and a last day, for `imageproof verify gateway --baseline`."""


@baseline.command()
@click.argument("run_dir", metavar="RUN_DIR")
@click.option("--file", "file", metavar="FILE", required=True, help="The baseline; it is made when there is none.")
@click.option("--reason", required=True, help="Why these rules fail.")
@click.option("--owner", required=True, help="Who sees to it that they no longer do.")
@click.option("--expires", metavar="DATE", help="The last day on which they are known. [default: 30 days from now]")
@click.option("--link", metavar="URL", help="Where the work on it is told, such as a ticket.")
@click.option("--rule", "rule", metavar="GLOB", default="*", help="Only the failed rules that match.")
def add(  # noqa: PLR0913  (one for each option, as click gives them)
    *, run_dir: str, file: str, reason: str, owner: str, expires: str | None, link: str | None, rule: str
) -> None:
    """List the failed rules of a run as known, at the end of FILE; its comments stay.

    RUN_DIR is the folder of a run, or its run.jsonl. A failure that is listed already is left as it is.
    """
    draft = Draft(reason=_text("--reason", reason), owner=_text("--owner", owner), expires=_day(expires), link=link)
    run, path = run_at(run_dir), Path(file)
    failed = _failed(run, rule)
    try:
        before = load_baseline(path) if path.exists() else Baseline(path=path, entries=())
        fresh = _fresh(before, failed)
        if fresh:
            _write(path, with_entries(_text_of(path), file, fresh, draft))
    except SpecError as error:
        raise BrokenSpec(error.render()) from None
    except OSError as error:
        raise Refusal(f"expected to write {file}, got: {error.strerror or error}") from None
    for finding in fresh:
        click.echo(f"  {finding.rule}")
    listed = len(failed) - len(fresh)
    also = f"; {_counted(listed, 'failure')} listed before" if listed else ""
    until = f", known until {draft.expires.isoformat()}" if fresh else ""
    click.echo(f"{file}: {_counted(len(fresh), 'entry', 'entries')} added{until}{also}")


@baseline.command()
@click.argument("file", metavar="FILE")
@click.argument("spec", metavar="SPEC")
@click.pass_context
def check(ctx: click.Context, file: str, spec: str) -> None:
    """Check a baseline against the contract SPEC (a shipped name or the path of a YAML file).

    Finds what is written wrongly, patterns that no rule matches, and entries whose day is over. Exit code 0 when there
    is nothing of that, else 2.
    """
    contract = spec_named(spec)
    try:
        found = load_baseline(Path(file))
    except SpecError as error:
        raise BrokenSpec(error.render()) from None
    problems = [*unknown_patterns(found, tuple(rule.id for rule in contract.rules)), *expired(found, _today())]
    if problems:
        click.echo(render(problems, lines_of()))
    click.echo(_verdict(found, contract.name, problems))
    ctx.exit(ExitCode.USAGE if problems else ExitCode.CONFORMS)


def _verdict(found: Baseline, spec: str, problems: list[Problem]) -> str:
    entries = _counted(len(found.entries), "entry", "entries")
    if problems:
        return f"{found.path}: {entries}, {_counted(len(problems), 'mistake')}"
    first = min(found.entries, key=lambda entry: entry.expires, default=None)
    until = f"; the first ends after {first.expires.isoformat()} ({first.rule}, owner {first.owner})" if first else ""
    return f"{found.path}: {entries}, no mistakes for {spec}{until}"


def _failed(run: Run, pattern: str) -> list[Finding]:
    """The failures that are asked for. Raises Refusal for a pattern that matches none of those that are there."""
    failed = [finding for finding in run.findings if finding.verdict is Verdict.FAILED]
    chosen = [finding for finding in failed if is_match(pattern, finding.rule)]
    if failed and not chosen:
        hint = hint_for(pattern, [finding.rule for finding in failed])
        raise Refusal(
            f"expected --rule to match one of the {_counted(len(failed), 'failure')}, got {pattern!r}: {hint}"
        )
    return chosen


def _fresh(before: Baseline, failed: list[Finding]) -> list[Finding]:
    """The failures that no entry in force knows. Raises SpecError for one whose own entry has expired."""
    today = _today()
    alive = [entry for entry in before.entries if not entry.is_expired(today)]
    fresh = [finding for finding in failed if not any(entry.knows(finding) for entry in alive)]
    names = {finding.rule for finding in fresh}
    over = [entry for entry in before.entries if entry.rule in names and entry.actual is None]
    if over:
        raise SpecError(
            Problem(
                entry.mark,
                f"expected no entry for {entry.rule} yet, got one that ended on {entry.expires.isoformat()}",
                hint="set a later day there, if its owner needs more time; nothing was added",
            )
            for entry in over
        )
    return fresh


def _text(option: str, text: str) -> str:
    if not text.strip():
        raise Refusal(f"expected a text for {option}, got nothing: whoever reads the list needs it")
    return text.strip()


def _day(text: str | None) -> date:
    """The last day. Raises Refusal for one that is over, or none."""
    if text is None:
        return _today() + PATIENCE
    try:
        day = read_day(text)
    except ValueError as error:
        raise Refusal(f"--expires: {error}") from None
    if day < _today():
        raise Refusal(f"expected --expires to be a day from {_today().isoformat()} on, got {text}, which is over")
    return day


def _today() -> date:
    return datetime.now(tz=UTC).date()


def _text_of(path: Path) -> str:
    """The text of the file with its own line ends, or the beginning of a new one."""
    return path.read_bytes().decode() if path.exists() else HEAD


def _write(path: Path, text: str) -> None:
    """Put the text in the place of the file in one step, so that it is never half there."""
    target = path.resolve()  # a link stays one
    beside = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        beside.write_bytes(text.encode())
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _counted(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"
