"""Scenarios for the command line: a mistake in a file is shown with its place, and ends with exit code 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from imageproof.cli.refusal import BrokenSpec, Refusal
from imageproof.specs.problems import SpecError, nearest
from imageproof.specs.scenario_reading import scenarios

if TYPE_CHECKING:
    from pathlib import Path

    from imageproof.specs.scenario import Scenario


def all_scenarios(folders: tuple[Path, ...]) -> tuple[Scenario, ...]:
    """The shipped scenarios and those in the folders. Raises Refusal for a folder or a file that can't be used."""
    for folder in folders:
        if not folder.is_dir():
            raise Refusal(f"expected a folder of scenarios, got {str(folder)!r}: there is none")
    try:
        return scenarios(folders)
    except SpecError as error:
        raise BrokenSpec(error.render()) from None


def scenario_called(name: str, folders: tuple[Path, ...]) -> Scenario:
    """One scenario by its name. Raises Refusal, naming the nearest one."""
    known = {scenario.name: scenario for scenario in all_scenarios(folders)}
    if name in known:
        return known[name]
    near = nearest(name, known)
    hint = f"did you mean {near!r}?" if near else "`imageproof scenario list` shows those that there are"
    raise Refusal(f"no scenario is called {name[:100]!r}: {hint}")


def echo(lines: list[str]) -> None:
    """Write lines."""
    click.echo("\n".join(lines))
