"""`imageproof explain`: everything about rules, found by id or glob."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from imageproof.cli.explanation import explanation
from imageproof.cli.refusal import Refusal, spec_named
from imageproof.specs.client import client_rules
from imageproof.specs.facts import matching
from imageproof.specs.library import shipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Spec

NEAREST = 5
WILD = frozenset("*?[")


def specs_for(pattern: str, given: tuple[str, ...]) -> list[Spec]:
    """The contracts in which an id is looked up: those given, else the one it begins with, else all that are shipped.

    Raises Refusal.
    """
    if given:
        return [spec_named(name) for name in given]
    provider = pattern.partition("/")[0]
    if provider.partition("@")[0] in shipped() and not WILD.intersection(provider):
        return [spec_named(provider)]
    return [spec for name in shipped() for spec in _profiles(spec_named(name))]


def _profiles(spec: Spec) -> list[Spec]:
    return [spec, *(spec_named(f"{spec.provider}@{name}") for name in spec.profiles[1:])]


def _rules(spec: Spec) -> tuple[Rule, ...]:
    """The rules of a contract, and those for its clients that are not among them."""
    own = {rule.id for rule in spec.rules}
    return (*spec.rules, *(rule for rule in client_rules(spec) if rule.id not in own))


def found_in(specs: Iterable[Spec], pattern: str) -> list[tuple[Spec, Rule]]:
    """The rules that a pattern matches. Raises Refusal, naming the nearest ids, when there are none."""
    known = list(specs)
    found = [(spec, rule) for spec in known for rule in matching(_rules(spec), [pattern])]
    if found:
        return found
    ids = [rule.id for spec in known for rule in _rules(spec)]
    near = get_close_matches(pattern, ids, n=NEAREST)
    hint = (
        f"the nearest are {', '.join(near)}" if near else f"the first of {len(ids)} is {ids[0]}; ids can hold * and **"
    )
    raise Refusal(f"no rule is called {pattern!r}: {hint}")


@click.command("explain")
@click.argument("pattern", metavar="RULE")
@click.option(
    "--spec", "names", metavar="SPEC", multiple=True, help="Look in this contract; a path for one of your own."
)
def explain(pattern: str, *, names: tuple[str, ...]) -> None:
    """Say everything about rules: sentence, source, refusal, and a body that keeps each and one that breaks it.

    RULE is an id as `imageproof spec show` and findings give it, or a pattern with * such as 'reapi/**/size/*'.
    """
    texts = ["\n".join(explanation(spec, rule)) for spec, rule in found_in(specs_for(pattern, names), pattern)]
    click.echo("\n\n".join(texts))
