"""`imageproof scenario lint`: every mistake of scenario files at once."""

from __future__ import annotations

from pathlib import Path

import click

from imageproof.cli.refusal import Refusal
from imageproof.exits import ExitCode
from imageproof.mock_server.triggers import TriggerError, in_header
from imageproof.specs.library import load, shipped
from imageproof.specs.nodes import at, read_file
from imageproof.specs.problems import Problem, SpecError
from imageproof.specs.scenario import Scenario
from imageproof.specs.scenario_reading import SHIPPED, fits, read_scenario


def problems_of(path: Path) -> list[Problem]:
    """Every mistake of a file: what can't be read, and what nothing would understand."""
    try:
        scenario = read_scenario(path)
    except SpecError as error:
        return list(error.problems)
    return [*_plan(path, scenario), *_use(scenario)]


def _plan(path: Path, scenario: Scenario) -> list[Problem]:
    try:
        in_header(scenario.plan)
    except TriggerError as error:
        mark = at(read_file(path), ["plan"]).mark
        return [Problem(mark, f"expected words of test cards in `plan`, got {scenario.plan!r}: {error}")]
    return []


def _use(scenario: Scenario) -> list[Problem]:
    reasons = {name: fits(load(name), scenario) for name in shipped()}
    if scenario.only or any(reason is None for reason in reasons.values()):
        return []
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    return [
        Problem(scenario.mark, "expected a scenario that makes sense for some provider, got one for none", hint=told)
    ]


@click.command("lint")
@click.argument("files", metavar="[FILE...]", nargs=-1, type=click.Path(path_type=Path))
@click.pass_context
def lint_scenarios(ctx: click.Context, files: tuple[Path, ...]) -> None:
    """Find every mistake in scenario files, each with its line and a caret; without a FILE in all that are shipped.

    Exit code 0 when there is none, 2 when there is one.
    """
    for path in files:
        if not path.is_file():
            raise Refusal(f"expected a scenario file, got {str(path)!r}: there is none")
    chosen = files or tuple(sorted(SHIPPED.glob("*.yaml")))
    problems = [problem for path in chosen for problem in problems_of(path)]
    if problems:
        click.echo(SpecError(problems).render())
    counted = "1 scenario" if len(chosen) == 1 else f"{len(chosen)} scenarios"
    mistakes = "no mistakes" if not problems else "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
    click.echo(f"{counted} checked, {mistakes}")
    ctx.exit(ExitCode.USAGE if problems else ExitCode.CONFORMS)
