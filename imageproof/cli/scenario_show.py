"""`imageproof scenario show`: one scenario in sentences, and the order that a client gets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from imageproof.cli.refusal import Refusal, spec_named
from imageproof.cli.scenario_files import echo, scenario_called
from imageproof.mock_server.faults.words import written
from imageproof.specs.fault_base import OneOf
from imageproof.specs.scenario import Outcome
from imageproof.specs.scenario_orders import order_as_json, order_for
from imageproof.specs.scenario_reading import fits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.faults import Fault
    from imageproof.specs.scenario import Job, Scenario

SAYS = {
    Outcome.DONE: "says that the job is done",
    Outcome.FAILED: "says that the job failed",
    Outcome.EITHER: "comes to an end; done and failed are both right",
}


def sentences(scenario: Scenario) -> list[str]:
    """Everything about a scenario, a line for each fact."""
    expected, job = scenario.expected, scenario.job
    images = f"{job.images} images" if job.images > 1 else "1 image"
    lines = [f"{scenario.name}: {scenario.teaches}", f"  job       {', '.join([job.operation, images, *_more(job)])}"]
    lines += [f"  plan      {scenario.plan}"] if scenario.plan else []
    lines += [f"  fault     {told(fault)}" for fault in scenario.faults]
    lines.append(f"  good      a client {SAYS[expected.outcome]}")
    lines.append(f"  rule      a client that ends otherwise breaks client/{expected.rule}")
    if expected.kinds:
        lines.append(f"  error     {' or '.join(expected.kinds)}")
    if expected.submits is not None:
        lines.append(f"  submits   at most {expected.submits} that {'is' if expected.submits == 1 else 'are'} taken")
    lines.append(f"  within    {scenario.within_s:g} s of the provider's time")
    if scenario.needs:
        lines.append(f"  needs     {', '.join(sorted(scenario.needs))}")
    lines.append(f"  file      {scenario.mark.file}")
    return lines


def _more(job: Job) -> Iterator[str]:
    if job.references:
        yield f"{job.references} references"
    if job.stream:
        yield "as a stream"
    for name, value in job.fields.items():
        yield f"{name} {value}"


def told(fault: Fault) -> str:
    """A fault as one writes it, and what it does."""
    what = fault.what
    return f"{written(fault)}: {what.HOWS[what.how] if isinstance(what, OneOf) else what.DOES}"


@click.command("show")
@click.argument("name")
@click.argument("spec", required=False)
@click.option(
    "--scenarios",
    "folders",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FOLDER",
    help="Look in this folder too.",
)
def show_scenario(name: str, spec: str | None, folders: tuple[Path, ...]) -> None:
    """Show the scenario NAME. With SPEC (a shipped name or a path) also the job.json that a client gets there."""
    scenario = scenario_called(name, folders)
    echo(sentences(scenario))
    if spec is None:
        return
    contract = spec_named(spec)
    reason = fits(contract, scenario)
    if reason is not None:
        raise Refusal(f"expected a provider that {name} makes sense for, got {contract.name}: {reason}")
    click.echo(json.dumps(order_as_json(order_for(contract, scenario)), indent=2, ensure_ascii=False))
