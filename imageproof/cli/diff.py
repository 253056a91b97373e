"""`imageproof diff`: what is different between two runs, and whether it is worse."""

from __future__ import annotations

import click

from imageproof.cli.reading_runs import run_at
from imageproof.cli.refusal import Refusal
from imageproof.exits import ExitCode


@click.command("diff")
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER")
@click.option("--json", "wants_json", is_flag=True, help="Write JSON.")
@click.pass_context
def diff(ctx: click.Context, before: str, after: str, *, wants_json: bool) -> None:
    """Compare two runs: new failures, what is fixed, what is no longer judged, and what else changed.

    Of load runs it tells which times changed by more than chance explains, and which differences are noise.

    BEFORE and AFTER are folders of runs, or their run.jsonl. Exit code 0 when nothing got worse; 1 when a rule fails
    that did not, or one that passed is no longer judged.
    """
    from imageproof.cli.load_diff import changes_of, pieces_of, with_times
    from imageproof.reports.diff import as_json, compare, pieces
    from imageproof.reports.layout import Output, lay_out

    old, new = run_at(before), run_at(after)
    difference = compare(old, new)
    if not difference.common:
        raise Refusal(
            f"expected two runs with rules in common, got {before} of {old.header.spec} ({len(old.findings)} rules) "
            f"and {after} of {new.header.spec} ({len(new.findings)} rules): compare runs of the same contract"
        )
    times = changes_of(old, new)
    if wants_json:
        click.echo(with_times(as_json(old, new, difference), times))
    else:
        lay_out(Output(), [*pieces(difference), *pieces_of(times)])
    ctx.exit(ExitCode.DOES_NOT_CONFORM if difference.is_worse else ExitCode.CONFORMS)
