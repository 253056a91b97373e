"""`imageproof spec list`: which contracts there are."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import click

from imageproof.cli.refusal import spec_named
from imageproof.specs.facts import How
from imageproof.specs.library import shipped

if TYPE_CHECKING:
    from imageproof.specs.model import JsonTree, Spec


def summary(spec: Spec) -> dict[str, JsonTree]:
    """One contract in short: names, models, profiles, and how its rules are known."""
    known = Counter(rule.source.how for rule in spec.rules)
    return {
        "name": spec.name,
        "title": spec.title,
        "base_url": spec.base_url,
        "models": [*spec.models],
        "profiles": [*spec.profiles],
        "rules": {how.value: known[how] for how in How},
    }


def counted(spec: Spec) -> str:
    """How many rules are known in which way."""
    known = Counter(rule.source.how for rule in spec.rules)
    return ", ".join(f"{known[how]} {how}" for how in How if known[how])


def lines(spec: Spec) -> list[str]:
    """The same for a person. The default profile comes first; the others are loaded as `name@profile`."""
    default, *others = spec.profiles or ("",)
    profiles = [f"{default} (default)", *(f"{other} ({spec.provider}@{other})" for other in others)] if default else []
    return [
        f"{spec.name}: {spec.title}",
        f"  models    {', '.join(spec.models)}",
        *([f"  profiles  {', '.join(profiles)}"] if profiles else []),
        f"  rules     {len(spec.rules)}: {counted(spec)}",
    ]


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def list_specs(*, as_json: bool) -> None:
    """List the contracts that come with imageproof."""
    specs = [spec_named(name) for name in shipped()]
    if as_json:
        click.echo(json.dumps([summary(spec) for spec in specs], indent=2))
    else:
        click.echo("\n".join(line for spec in specs for line in lines(spec)))
