"""Which values a request can hold together: an exact search over those that rules can tell apart.

Laws: a value that breaks its own field's rules is never tried; an open field is tried with a value or two; a search
that takes too long counts as found, so that nobody is told of a mistake that was not proved.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import product
from random import Random
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.check import cross_test, field_test
from imageproof.specs.choices import Seeded
from imageproof.specs.files import FileFacts
from imageproof.specs.sizing import field_region, widths_of
from imageproof.specs.values import Limits, limits_of, valid_value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Field, Shape

    Body = dict[str, object]
    Test = Callable[[Body], bool]

ABSENT = object()
STEPS = 50_000
"""Values that one search tries before it gives up."""

MOST_TARGETS = 5_000
SMALL_RANGE = 32
TRIES = 8
EDGE = 64
SMALL_FILE = 500


class Endless(Exception):  # noqa: N818  (no mistake: the question stays open)
    """The search took too many steps."""


@dataclass(slots=True)
class Steps:
    """How many steps a search may still take."""

    left: int = STEPS

    def take(self) -> None:
        """Count one step. Raises Endless after the last."""
        self.left -= 1
        if self.left < 0:
            raise Endless


@dataclass(frozen=True, slots=True)
class Clause:
    """A rule between fields, or the opposite of one, as a test on a whole body."""

    rule: Rule
    fields: frozenset[str]
    holds: Test


def fields_of(rule: Rule) -> frozenset[str]:
    """The fields that a rule looks at."""
    names: tuple[str | None, ...]
    match rule.kind:
        case k.AllowedWith(field=name, other=other, unless=unless):
            names = (name, other, unless)
        case k.Requires(field=name, needs=other, unless=unless):
            names = (name, other, unless)
        case k.Forbids(field=name, excludes=other):
            names = (name, other)
        case k.AtMostOne(fields=several):
            names = several
        case k.SameAs(other=other):
            names = (rule.field, other)
        case _:
            names = (rule.field,)
    return frozenset(name for name in names if name)


def clause(rule: Rule) -> Clause:
    """The clause of a rule between fields."""
    return Clause(rule, fields_of(rule), cross_test(rule))


def denied(rule: Rule) -> Clause:
    """The opposite of a rule between fields."""
    holds = cross_test(rule)
    return Clause(rule, fields_of(rule), lambda body: not holds(body))


@dataclass(slots=True)
class Domains:
    """The values of each field that are worth trying. `named` are values that rows of the spec name, by field."""

    shape: Shape
    named: Mapping[str, Collection[object]]
    _known: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def of(self, name: str) -> tuple[object, ...]:
        """Values that break no rule of the field alone; ABSENT is one of them where the field may be left out."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._read(self.shape.fields[name])
        return known

    def sent(self, name: str) -> tuple[object, ...]:
        """The same without ABSENT."""
        return tuple(value for value in self.of(name) if value is not ABSENT)

    def _read(self, item: Field) -> tuple[object, ...]:
        if item.state == "forbidden":
            return (ABSENT,)
        keeps = keeps_own_rules(item)
        mentioned = [value for value in (*self._mentioned(item.name), item.default) if value is not None]
        fitting = [value for value in (*_closed(item), *mentioned) if keeps(value)]
        values = _distinct(fitting) or _open(item, self.shape)
        if not _closed(item) and item.type in ("string", "integer", "number"):
            values = _distinct([*values, *_open(item, self.shape)])
        return (*values,) if self._is_needed(item) else (ABSENT, *values)

    def _mentioned(self, name: str) -> Iterator[object]:
        yield from self.named.get(name, ())
        for rule in self.shape.cross:
            if isinstance(rule.kind, k.AllowedWith):
                yield from rule.kind.among if rule.kind.other == name else ()
                yield from (rule.kind.values or ()) if rule.kind.field == name else ()

    def _is_needed(self, item: Field) -> bool:
        parent = self.shape.fields.get(item.name.rpartition(".")[0])
        return is_required(item) and (parent is None or is_required(parent))


def is_required(item: Field) -> bool:
    """Whether the field must be sent."""
    return any(isinstance(rule.kind, k.Required) for rule in item.rules)


def keeps_own_rules(item: Field) -> Callable[[object], bool]:
    """Whether a value keeps all rules of its field that are about a value alone."""
    kinds = sorted((rule.kind for rule in item.rules), key=lambda kind: not isinstance(kind, k.Type))
    tests = [field_test(kind) for kind in kinds]  # type: ignore[arg-type]
    return lambda value: all(test(value) for test in tests)


def _closed(item: Field) -> tuple[object, ...]:
    """All values of a field that has few of them."""
    for rule in item.rules:
        if isinstance(rule.kind, k.OneOf):
            return rule.kind.values
    if item.type == "boolean":
        return (False, True)
    span = next((rule.kind for rule in item.rules if isinstance(rule.kind, k.Range)), None)
    if item.type == "integer" and span is not None and span.most - span.least < SMALL_RANGE:
        return tuple(range(span.least, span.most + 1))
    return ()


def _open(item: Field, shape: Shape) -> list[object]:
    """A value or two that stand for all others of an open field; none if the field's rules leave none."""
    limits, region = limits_of(item), field_region(item)
    words = [word for rule in item.rules if isinstance(rule.kind, k.SizeText) for word in rule.kind.also]
    if region is not None and not widths_of(region):
        return [*words]
    if limits.one_of is not None:
        return []
    if limits.least is not None:
        return [limits.least, limits.most]
    if item.type in ("strings", "files") and not limits.items[1]:
        return [[]]
    if item.type in ("file", "files"):
        return _uploads(item, limits)
    made = [valid_value(item, Seeded(Random(seed)), shape, least_items=1) for seed in range(TRIES if region else 1)]
    return _distinct([*words, *made[:2]])


def _uploads(item: Field, limits: Limits) -> list[object]:
    """A file in each format, all with the same dimensions, so that one field's file can be like another's."""
    most, formats, has_alpha = limits.file
    files = [
        FileFacts(format=name, width=EDGE, height=EDGE, has_alpha=has_alpha, size=min(most, SMALL_FILE))
        for name in formats
        if name != "jpeg" or not has_alpha
    ]
    return [[file] * max(1, limits.items[0]) for file in files] if item.type == "files" else [*files]


def _distinct(values: Iterable[object]) -> list[object]:
    """Each value once; 1 and True differ, as they do in JSON."""
    return list({repr(value): value for value in values}.values())


@dataclass(frozen=True, slots=True)
class Search:
    """Looks for bodies of a shape that keep some clauses."""

    domains: Domains
    clauses: tuple[Clause, ...]

    @classmethod
    def of(cls, shape: Shape, named: Mapping[str, Collection[object]] | None = None) -> Search:
        """A search with all rules between fields of a shape."""
        return cls(Domains(shape, named or {}), tuple(clause(rule) for rule in cross_rules(shape)))

    def without(self, rule: Rule) -> Search:
        """The same search, were there not this rule."""
        return replace(self, clauses=tuple(item for item in self.clauses if item.rule is not rule))

    def breaking(self, rule: Rule) -> Search:
        """A search for bodies that break one rule and keep the others."""
        return replace(self, clauses=(denied(rule), *self.without(rule).clauses))

    def connected(self, names: Iterable[str]) -> list[str]:
        """These fields and all others whose values depend on theirs, through any chain of rules."""
        found = {name: None for name in names if name in self.domains.shape.fields}
        grown = True
        while grown:
            before = len(found)
            for item in self.clauses:
                if item.fields & found.keys():
                    found |= dict.fromkeys(sorted(item.fields & self.domains.shape.fields.keys()))
            grown = len(found) > before
        return list(found)

    def body(self, fixed: Mapping[str, object], names: Iterable[str] = ()) -> Body | None:
        """A body in which some fields have these values; None if there is none. Raises Endless."""
        order = self.connected((*fixed, *names))
        options = {name: (fixed[name],) if name in fixed else self.domains.of(name) for name in order}
        relevant = [item for item in self.clauses if item.fields & set(order)]
        due = {name: [item for item in relevant if _last(item, order) == name] for name in order}
        return _extended({}, order, options, due, Steps())

    def is_possible(self, fixed: Mapping[str, object], names: Iterable[str] = ()) -> bool:
        """Whether there is such a body; a search that does not end counts as a yes."""
        try:
            return self.body(fixed, names) is not None
        except Endless:
            return True

    def all(self, names: Iterable[str]) -> Iterator[Body]:
        """A body for each combination of values that some fields can have together; the first few thousand."""
        known = [name for name in names if name in self.domains.shape.fields]
        for count, values in enumerate(product(*(self.domains.of(name) for name in known))):
            if count >= MOST_TARGETS:
                raise Endless
            body = self.body(dict(zip(known, values, strict=True)))
            if body is not None:
                yield body


def cross_rules(shape: Shape) -> tuple[Rule, ...]:
    """The rules of a shape that look at more than one field."""
    same = (rule for item in shape.fields.values() for rule in item.rules if isinstance(rule.kind, k.SameAs))
    return (*(rule for rule in shape.cross if not isinstance(rule.kind, k.UnknownFields)), *same)


def _last(item: Clause, order: list[str]) -> str:
    return max(item.fields & set(order), key=order.index)


def _extended(
    body: Body,
    order: list[str],
    options: Mapping[str, tuple[object, ...]],
    due: Mapping[str, list[Clause]],
    left: Steps,
) -> Body | None:
    """The body with the remaining fields, each clause judged as soon as its last field is decided."""
    if not order:
        return body
    name, *rest = order
    for value in options[name]:
        left.take()
        longer = body if value is ABSENT else {**body, name: value}
        if all(item.holds(longer) for item in due[name]):
            found = _extended(longer, rest, options, due, left)
            if found is not None:
                return found
    return None
