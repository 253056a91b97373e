"""`imageproof selftest`: does the suite notice what it should, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

import click

from imageproof.cli.refusal import Refusal, spec_named
from imageproof.exits import ExitCode
from imageproof.selftest import Result, Score, cases, honest, names, results, score

CELL = 90


@click.command()
@click.argument("specs", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="every sabotage there is, not one for each rule")
@click.option("--quick", is_flag=True, help="judge only the broken rule: minutes instead of half an hour")
@click.option("--sample", type=click.IntRange(1), help="only so many sabotages, drawn by --seed")
@click.option("--seeds", type=click.IntRange(0), default=1, show_default=True, help="honest runs of each spec")
@click.option("--seed", type=int, default=1, show_default=True, help="what --sample is drawn by")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="processes (default: one a core)")
@click.option("--table", type=click.Path(path_type=Path), help="write the results as a page of Markdown")
@click.pass_context
def selftest(  # noqa: PLR0913  (its options)
    ctx: click.Context,
    /,
    specs: tuple[str, ...],
    *,
    everything: bool,
    quick: bool,
    sample: int | None,
    seeds: int,
    seed: int,
    jobs: int,
    table: Path | None,
) -> None:
    """Prove that the gateway suite notices each broken rule, and that it never blames an honest mock.

    Exit codes: 0 all caught, at least 95 % under the right rule, and no false alarm; 1 otherwise.
    """
    for name in specs:
        spec_named(name)
    chosen = list(specs) or names()
    todo = cases(chosen, everything=everything, is_quick=quick)
    if sample is not None:
        todo = sorted(Random(seed).sample(todo, min(sample, len(todo))), key=lambda case: case.sabotage or "")
    if table is not None and not table.parent.is_dir():
        raise Refusal(f"expected a folder for {table}, got {table.parent}: there is none")
    found: list[Result] = []
    for result in results([*todo, *honest(chosen, seeds)], jobs=jobs):
        found.append(result)
        click.echo(line(result))
    total = score(found)
    click.echo(str(total))
    if table is not None:
        table.write_text(page(found, total, is_quick=quick), encoding="utf-8")
    ctx.exit(ExitCode.CONFORMS if total.is_good else ExitCode.DOES_NOT_CONFORM)


def line(result: Result) -> str:
    """One result for a terminal."""
    case = result.case
    if case.sabotage is None:
        word = "ALARM" if result.is_caught else "quiet"
        more = f": {result.told}" if result.is_caught else ""
        return f"{word:<7} {case.spec}, honest, seed {case.seed}, clock {case.clock}, {result.requests} requests{more}"
    word = "named" if result.is_named else "caught" if result.is_caught else "MISSED"
    more = f" (first named: {result.failed[0]})" if result.is_caught and not result.is_named else ""
    return f"{word:<7} {case.sabotage}: {case.says}, {result.calls or '-'} requests{more}"


def page(found: list[Result], total: Score, *, is_quick: bool) -> str:
    """The page of the docs."""
    run = "a run of that rule alone, with what it rests on," if is_quick else "the whole run"
    lines = [
        "# What the gateway suite notices",
        "",
        "Made by `imageproof selftest --table`. Each row is a mock that breaks one rule and keeps all others; the",
        f"suite knows nothing of it. *Named* means that the first failure of {run} is that rule; *requests* is the",
        "number of the request that shows it when only that rule is judged. As many runs go on side by side as the",
        "machine has cores, so all of it, the honest mocks too, is judged on a machine that is busy.",
        "",
        f"**{total}.**",
        "",
        "| sabotage | what the mock does | caught | named | requests |",
        "|---|---|---|---|---|",
    ]
    lines += [_row(result) for result in found if result.case.sabotage is not None]
    lines += ["", "## Honest mocks", "", "| spec | runs | requests | false alarms |", "|---|---|---|---|"]
    truths = [result for result in found if result.case.sabotage is None]
    for name in dict.fromkeys(result.case.spec for result in truths):
        mine = [result for result in truths if result.case.spec == name]
        alarms = sum(result.is_caught for result in mine)
        lines.append(f"| {name} | {len(mine)} | {sum(result.requests for result in mine):,} | {alarms} |")
    return "\n".join(lines) + "\n"


def _row(result: Result) -> str:
    case = result.case
    named = "yes" if result.is_named else f"no: {result.failed[0]}" if result.is_caught else "no"
    says = case.says if len(case.says) <= CELL else f"{case.says[:CELL]}..."
    cells = (
        f"`{case.sabotage}`",
        says.replace("|", "\\|"),
        "yes" if result.is_caught else "**no**",
        named,
        str(result.calls or "-"),
    )
    return f"| {' | '.join(cells)} |"
