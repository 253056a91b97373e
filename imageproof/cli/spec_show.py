"""`imageproof spec show`: everything that follows from a contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from imageproof.cli.plain_json import as_json, rule_as_json
from imageproof.cli.refusal import Refusal, spec_named
from imageproof.cli.spec_text import as_text
from imageproof.specs.problems import did_you_mean

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import JsonTree, Model, Spec


def models_of(spec: Spec, name: str | None) -> dict[str, Model]:
    """The models to show: one, or all. Raises Refusal for a name that the contract does not have."""
    if name is None:
        return dict(spec.models)
    if name not in spec.models:
        hint = did_you_mean(name, spec.models) or f"its models are {', '.join(spec.models)}"
        raise Refusal(f"{spec.name} has no model {name!r}: {hint}")
    return {name: spec.models[name]}


def rules_of(spec: Spec, models: dict[str, Model]) -> list[Rule]:
    """The rules that concern these models: all but those of the others."""
    others = frozenset(spec.models) - frozenset(models)
    return [rule for rule in spec.rules if not others.intersection(rule.id.split("/"))]


def whole(spec: Spec, models: dict[str, Model]) -> dict[str, JsonTree]:
    """The contract as JSON, with its rules by id."""
    tree = as_json(spec)
    rules: JsonTree = {rule.id: rule_as_json(spec, rule) for rule in rules_of(spec, models)}
    return {**(tree if isinstance(tree, dict) else {}), "models": as_json(models), "rules": rules}


@click.command("show")
@click.argument("name", metavar="SPEC")
@click.option("--model", metavar="NAME", help="Leave the other models out.")
@click.option("--json", "wants_json", is_flag=True, help="Write JSON.")
def show_spec(name: str, *, model: str | None, wants_json: bool) -> None:
    """Show everything that follows from a contract: what was written, what is inherited, and each default."""
    spec = spec_named(name)
    models = models_of(spec, model)
    if wants_json:
        click.echo(json.dumps(whole(spec, models), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(as_text(spec, models, rules_of(spec, models))))
