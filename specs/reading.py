"""From positioned YAML to facts: sources, stated values and rules.

What a section means stands in the `build_*` modules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from imageproof.specs.contract import Statement, Topic
from imageproof.specs.facts import Contradiction, How, Level, Rule, Source
from imageproof.specs.model import Page
from imageproof.specs.nodes import Mapping, Scalar, Sequence, plain
from imageproof.specs.problems import Mark, Problem, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.kinds import Plain
    from imageproof.specs.nodes import Node

DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
NOWHERE = Source(how=How.ASSUMED, tag=None, place="no source is given")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A value with what the YAML says about it; written plain, or as `{is: value, source: ..., note: ...}`."""

    node: Node
    source: Source
    level: Level = Level.MUST
    note: str | None = None
    error: str | None = None
    message: str | None = None
    contradicts: tuple[Contradiction, ...] = ()


def seconds(text: str) -> float:
    """Read `30s`, `3m`, `7d` or `500ms`. Raises ValueError for anything else."""
    match = DURATION.fullmatch(text)
    if match is None:
        message = f"expected a duration such as 30s, 3m, 24h or 7d, got {text!r}"
        raise ValueError(message)
    return float(match[1]) * SECONDS[match[2]]


def text_of(node: Node) -> str:
    """The text of a scalar; numbers and booleans as JSON writes them."""
    value = plain(node)
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def plain_value(node: Node) -> Plain:
    """The value of a scalar. Raises TypeError for a sequence or a mapping, which the format does not allow there."""
    if isinstance(node, Scalar):
        return node.value
    message = f"{node.mark.file}:{node.mark.line}: expected a single value"
    raise TypeError(message)


def items(node: Node | None) -> tuple[Node, ...]:
    """The entries of a sequence; a single node counts as a sequence of itself, None as empty."""
    if node is None:
        return ()
    return node.items if isinstance(node, Sequence) else (node,)


def entries(node: Node | None) -> Iterator[tuple[str, Node]]:
    """The entries of a mapping; nothing for None."""
    if isinstance(node, Mapping):
        yield from node.entries.items()


def child(node: Node | None, key: str) -> Node | None:
    """The value of a key, or None."""
    return node.entries.get(key) if isinstance(node, Mapping) else None


def values_of(node: Node | None) -> tuple[Plain, ...]:
    """The plain values of a sequence, or of the one value written instead."""
    return tuple(plain_value(item) for item in items(node))


@dataclass(slots=True)
class Reader:
    """Collects rules and problems while a spec is read.

    `name` is the spec's name and the first part of every rule id; `checks` are those of advice, by rule id.
    """

    name: str
    sources: dict[str, Page]
    rules: list[Rule] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    checks: dict[str, Node] = field(default_factory=dict)

    def problem(self, mark: Mark, message: str, hint: str | None = None) -> None:
        """Note a mistake of the file; reading goes on."""
        self.problems.append(Problem(mark, message, hint=hint))

    def source(self, node: Node | None, inherited: Source | None) -> Source:
        """Read `TAG > place`, `derived: reason` or `assumed: reason`; None inherits from the section around it."""
        if node is None:
            return inherited or NOWHERE
        text = text_of(node)
        for how in (How.DERIVED, How.ASSUMED):
            if text.startswith(f"{how}:"):
                return Source(how=how, tag=None, place=text[len(how) + 1 :].strip())
        tag, _, place = text.partition(">")
        page = self.sources.get(tag.strip())
        if page is None:
            known = nearest(tag.strip(), self.sources)
            self.problem(
                node.mark,
                f"expected a tag of `sources`, `derived: ...` or `assumed: ...`, got {text!r}",
                f"did you mean {known!r}?" if known else None,
            )
            return Source(how=How.ASSUMED, tag=None, place=text)  # told once, here; not again as a missing source
        return Source(how=How(page.kind), tag=tag.strip(), place=place.strip())

    def contradictions(self, node: Node | None) -> tuple[Contradiction, ...]:
        """Read the `contradicts` list: what other places say instead."""
        return tuple(
            Contradiction(says=text_of(said), source=self.source(child(item, "source"), None))
            for item in items(node)
            if (said := child(item, "says")) is not None
        )

    def stated(self, node: Node, inherited: Source | None) -> Stated:
        """Read a value that may carry its own source, note, level, error and contradictions."""
        inner = child(node, "is")
        if inner is None:
            return Stated(node=node, source=inherited or NOWHERE)
        level, note, error, message = (child(node, key) for key in ("level", "note", "error", "message"))
        return Stated(
            node=inner,
            source=self.source(child(node, "source"), inherited),
            level=Level(text_of(level)) if level else Level.MUST,
            note=text_of(note) if note else None,
            error=text_of(error) if error else None,
            message=text_of(message) if message else None,
            contradicts=self.contradictions(child(node, "contradicts")),
        )

    def add(self, rule: Rule) -> Rule:
        """Give the rule its place in the order and keep it. A rule without a source is a mistake."""
        if rule.source is NOWHERE:
            self.problem(
                rule.mark, f"rule {rule.id} has no source", "add `source: TAG > place`, or `source: assumed: why`"
            )
        placed = replace(rule, order=len(self.rules))
        self.rules.append(placed)
        return placed

    def state(
        self, topic: Topic, path: str, sentence: str, said: Stated | Node, inherited: Source | None = None
    ) -> Rule:
        """Add a statement of the contract under `<spec>/<topic>/<path>`."""
        if not isinstance(said, Stated):
            node = said
            note = child(node, "note")
            level = child(node, "level")
            said = Stated(
                node=node,
                source=self.source(child(node, "source"), inherited),
                note=text_of(note) if note else None,
                level=Level(text_of(level)) if level else Level.MUST,
                contradicts=self.contradictions(child(node, "contradicts")),
            )
        rule_id = "/".join(part for part in (self.name, topic, path) if part)
        return self.add(
            Rule(
                id=rule_id,
                level=said.level,
                source=said.source,
                kind=Statement(topic=topic),
                sentence=sentence,
                mark=said.node.mark,
                note=said.note,
                contradicts=said.contradicts,
            )
        )

    def value(self, topic: Topic, path: str, sentence: str, node: Node | None, inherited: Source | None) -> Plain:
        """Read a value; when it states a source of its own, that becomes a rule of its own."""
        if node is None:
            return None
        said = self.stated(node, inherited)
        value = plain_value(said.node)
        if child(node, "source") is not None:
            self.state(topic, path, f"{sentence} {value}", said)
        return value
