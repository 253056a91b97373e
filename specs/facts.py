"""What a rule is: one sentence of a provider's contract, how we know it, and the one thing that can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import translate
from re import compile as compile_regex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imageproof.specs.contract import ContractKind
    from imageproof.specs.kinds import Kind
    from imageproof.specs.problems import Mark


class How(StrEnum):
    """How a rule is known. An assumed rule drives the mock, but never fails a gateway."""

    DOCUMENTED = "documented"
    PUBLIC = "public"
    DERIVED = "derived"
    ASSUMED = "assumed"


class Level(StrEnum):
    """The weight of a rule, in the words of RFC 2119."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a fact stands: `tag` names an entry of the spec's `sources`, `place` says where in that page.

    A derived or assumed fact has no tag; its `place` is the derivation or the reason.
    """

    how: How
    tag: str | None
    place: str

    def __str__(self) -> str:
        """Give the form in which it is written in YAML, led by how it is known."""
        return f"{self.how}: {self.tag} > {self.place}" if self.tag else f"{self.how}: {self.place}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """What another place says instead; the rule that carries it is the one in force."""

    says: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One sentence of a contract.

    `id` is a path that people can type (`reapi/submit/gpt-image-2/size/one-of`), stable for ever.
    `error` names the error answer that a request which breaks the rule gets; `message` overrides its template.
    `order` is the rule's place in the spec: when several rules are broken the first one is answered.
    """

    id: str
    level: Level
    source: Source
    kind: Kind | ContractKind
    sentence: str
    mark: Mark
    order: int = 0
    field: str | None = None
    error: str | None = None
    message: str | None = None
    note: str | None = None
    contradicts: tuple[Contradiction, ...] = ()


def matching(rules: Iterable[Rule], patterns: Sequence[str]) -> list[Rule]:
    """Pick the rules whose id matches one of the patterns; `*` stands within one path segment or across.

    As in a shell.
    """
    tests = [compile_regex(translate(pattern)) for pattern in patterns]
    return [rule for rule in rules if any(test.match(rule.id) for test in tests)]
