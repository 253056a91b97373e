"""The rules for clients, under the name of each spec: those of `client.yaml`, and what the provider itself advises.

They are no part of `spec.rules`: a gateway has nothing to do with them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from imageproof.specs.contract import Statement, Topic
from imageproof.specs.facts import How, Level, Rule, Source
from imageproof.specs.nodes import read_file
from imageproof.specs.reading import child, entries, text_of

if TYPE_CHECKING:
    from imageproof.specs.model import Spec
    from imageproof.specs.nodes import Node

FILE = Path(__file__).parent / "client.yaml"


@cache
def _entries() -> tuple[tuple[str, Node], ...]:
    return tuple(entries(read_file(FILE)))


@cache
def client_slugs() -> tuple[str, ...]:
    """The last parts of the ids of all rules that hold for clients of every provider."""
    return tuple(slug for slug, _ in _entries())


def _text(node: Node, key: str) -> str:
    found = child(node, key)
    return text_of(found) if found is not None else ""


def _source(text: str) -> Source:
    how, _, place = text.partition(": ")
    return Source(how=How(how), tag=None, place=place)


def rule_id(spec: Spec, slug: str) -> str:
    """The id of a rule for clients of every provider, under the name of a spec."""
    return f"{spec.name}/{Topic.CLIENT}/{slug}"


def cadence_id(spec: Spec) -> str:
    """The id of the rule that holds the advised cadence of polls, whether the spec has one or not."""
    return f"{spec.name}/{Topic.POLLING}/cadence"


def client_rules(spec: Spec) -> tuple[Rule, ...]:
    """The rules that make sense for clients of a spec: the common ones, the cadence of polls, and advice with a check.

    What a provider advises is never more than a SHOULD for a client, whatever weight it has for a gateway.
    """
    own = {cadence_id(spec)} if spec.tasks and spec.tasks.polling else set()
    advised = tuple(
        replace(rule, level=Level.SHOULD) for rule in spec.rules if rule.id in own or rule.id in spec.checks
    )
    return (*_common(spec), *advised)


def _common(spec: Spec) -> tuple[Rule, ...]:
    has = {"all"}
    has |= {"tasks"} if spec.tasks else set()
    has |= {"urls"} if spec.results and spec.results.expires_s is not None else set()
    has |= {"webhooks"} if spec.webhooks else set()
    has |= set() if spec.idempotency_header and spec.idempotency_honoured else {"no-idempotency"}
    return tuple(
        Rule(
            id=rule_id(spec, slug),
            level=Level(_text(node, "level")),
            source=_source(_text(node, "source")),
            kind=Statement(topic=Topic.CLIENT),
            sentence=_text(node, "says"),
            mark=node.mark,
        )
        for slug, node in _entries()
        if _text(node, "for") in has
    )
