"""`imageproof scenario list`: which scenarios there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imageproof.cli.refusal import spec_named
from imageproof.cli.scenario_files import all_scenarios, echo
from imageproof.specs.scenario_reading import fits

if TYPE_CHECKING:
    from imageproof.specs.model import Spec
    from imageproof.specs.scenario import Scenario


def row(scenario: Scenario, spec: Spec | None, width: int) -> str:
    """One line about a scenario; with a provider it says why it is left out there."""
    reason = fits(spec, scenario) if spec is not None else None
    more = f" (not at {spec.name}: {reason})" if spec is not None and reason is not None else ""
    return f"{scenario.name:<{width}}  {scenario.teaches}{more}"


@click.command("list")
@click.argument("spec", required=False)
@click.option(
    "--scenarios",
    "folders",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FOLDER",
    help="List the scenarios in this folder too.",
)
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def list_scenarios(spec: str | None, folders: tuple[Path, ...], *, as_json: bool) -> None:
    """List the scenarios. With SPEC (a shipped name or a path) say which of them make sense there."""
    contract = spec_named(spec) if spec is not None else None
    found = all_scenarios(folders)
    if as_json:
        entries = [
            {
                "name": item.name,
                "teaches": item.teaches,
                "fits": fits(contract, item) is None if contract else None,
                "why_not": fits(contract, item) if contract else None,
            }
            for item in found
        ]
        click.echo(json.dumps(entries, indent=2, ensure_ascii=False))
        return
    width = max(len(item.name) for item in found)
    echo([row(item, contract, width) for item in found])
    fitting = sum(fits(contract, item) is None for item in found) if contract else len(found)
    click.echo(f"{fitting} of {len(found)} scenarios" + (f" fit {contract.name}" if contract else ""))
