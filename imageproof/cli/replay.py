"""`imageproof replay`: look at one finding again, and say whether it is fixed. Costs nothing where anything costs."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imageproof.cli.refusal import Refusal
from imageproof.cli.verify import read_config, run_gateway
from imageproof.exits import ExitCode
from imageproof.records.lines import Verdict
from imageproof.records.reading import RunError, read_run
from imageproof.specs.problems import nearest

if TYPE_CHECKING:
    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run
    from imageproof.suites.gateway.config import Config

PASSED_ON = ("api-key-env", "other-key-env", "clock", "cards", "capabilities")


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("rule", required=False)
@click.pass_context
def replay(ctx: click.Context, /, run: Path, rule: str | None) -> None:
    """Judge the failed rules of RUN again (a folder with a run.jsonl), or those that match RULE.

    Each is fixed, still failing, or could not be told: what can be seen only in a billable request is not sent again,
    except to this machine. Exit codes: 0 all fixed, 1 some still fail, 4 some could not be told.
    """
    before = _read(run)
    chosen = _chosen(before, rule)
    config = _config(before, [finding.rule for finding in chosen])
    with tempfile.TemporaryDirectory(prefix="imageproof-replay-") as folder:
        state = run_gateway(replace(config, out=Path(folder) / "run"), quiet=True)
    worst = ExitCode.CONFORMS
    for finding in chosen:
        said, code = _compared(finding, state.findings.get(finding.rule))
        click.echo(f"{said:<18} {finding.rule}")
        again = state.findings.get(finding.rule)
        if again is not None and (again.actual or again.reason):
            click.echo(f"{'':<18} {again.actual or again.reason}")
        worst = code if worst is ExitCode.CONFORMS or code is ExitCode.DOES_NOT_CONFORM else worst
    ctx.exit(worst)


def _read(path: Path) -> Run:
    try:
        run = read_run(path)
    except RunError as error:
        raise Refusal(str(error)) from None
    if run.header.what != "gateway":
        raise Refusal(f"expected the run of a gateway, got one of what is called {run.header.what!r}")
    return run


def _chosen(run: Run, pattern: str | None) -> list[Finding]:
    """The findings to look at again. Raises Refusal when there are none."""
    bad = [finding for finding in run.findings if finding.verdict in (Verdict.FAILED, Verdict.WARNED, Verdict.KNOWN)]
    if pattern is None:
        chosen = [finding for finding in bad if finding.verdict is Verdict.FAILED]
        if not chosen:
            raise Refusal("expected a run with failures, got one without any: name a rule to look at it all the same")
        return chosen
    chosen = [finding for finding in run.findings if fnmatchcase(finding.rule, pattern)]
    if not chosen:
        near = nearest(pattern, [finding.rule for finding in run.findings])
        hint = f"; did you mean {near!r}?" if near else ""
        raise Refusal(f"expected a rule of this run, got {pattern!r}{hint}")
    return chosen


def _config(run: Run, rules: list[str]) -> Config:
    """The configuration of the run, for these rules only, sending nothing billable except to this machine."""
    kept = {name.replace("-", "_"): value for name, value in run.header.config.items() if name in PASSED_ON}
    config = read_config(
        {
            **kept,
            "spec": run.header.config.get("spec", run.header.spec),
            "base_url": run.header.target,
            "seed": run.header.seed,
            "rule": rules,
        }
    )
    return config if config.is_loopback and run.header.mode == "paid" else replace(config, mode="free")


def _compared(before: Finding, after: Finding | None) -> tuple[str, ExitCode]:
    if after is None or not after.verdict.is_judged:
        return "could not tell", ExitCode.NOTHING_JUDGED
    if after.verdict is Verdict.PASSED:
        is_half = before.basis == "pair" and after.basis == "contrast"
        return ("could not tell", ExitCode.NOTHING_JUDGED) if is_half else ("fixed", ExitCode.CONFORMS)
    return "still failing", ExitCode.DOES_NOT_CONFORM
