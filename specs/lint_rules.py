"""Rules against each other: no request is valid, values that no request can hold, rules that nobody can break."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.breaking import breaking_values
from imageproof.specs.check import Checker
from imageproof.specs.choices import Seeded
from imageproof.specs.generate import Maker, UnbreakableError
from imageproof.specs.lint_combos import ABSENT, Endless, Search, cross_rules, fields_of
from imageproof.specs.lint_fields import check_field, is_sound
from imageproof.specs.lint_subject import error, warning
from imageproof.specs.values import valid_value
from imageproof.specs.wording import sentence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imageproof.specs.facts import Rule
    from imageproof.specs.lint_combos import Body
    from imageproof.specs.lint_subject import Finding, Subject
    from imageproof.specs.model import Field, Shape

SEEDS = 8
SAMPLED = (k.Length, k.Pattern, k.Url, k.FileBytes, k.FileFormat, k.FileAlpha, k.SameAs)
"""Rules about texts and files, of which there are too many to try all."""


def check_rules(subject: Subject) -> Iterator[Finding]:
    """Every rule of one profile that contradicts others, or that no request can break."""
    spec = subject.spec
    for model in spec.models.values():
        if subject.is_whole("models", model.name):
            for shape in model.shapes.values():
                yield from _shape(subject, shape)
    for shape in spec.shapes.values():
        if subject.is_whole("operations", shape.operation):
            yield from _shape(subject, shape)


def _shape(subject: Subject, shape: Shape) -> Iterator[Finding]:
    by_field = {name: list(check_field(subject, shape, item)) for name, item in shape.fields.items()}
    yield from (finding for found in by_field.values() for finding in found)
    if not all(map(is_sound, shape.fields.values())):
        return  # whatever follows would follow from this
    search, file = Search.of(shape), subject.tree.mark.file
    impossible = list(_impossible(search, file))
    yield from impossible
    if impossible:
        return
    allowed = [item.name for item in shape.fields.values() if item.state == "allowed"]
    barred = {name: list(_never_sent(search, name, file)) for name in allowed}
    yield from (finding for found in barred.values() for finding in found)
    doubtful = {name for found in (by_field, barred) for name, findings in found.items() if findings}
    doubtful |= {name for name in shape.fields if "." in name and name.rpartition(".")[0] not in shape.fields}
    unmade = _unmade(shape)
    if unmade is not None:
        if not fields_of(unmade) & doubtful:
            hint = "it is tested less: no load, and no requests that break one rule"
            yield warning(unmade.mark, f"imageproof can't make a valid request: {_all([unmade])}", hint)
        return
    rules = [rule for rule in shape.rules if not fields_of(rule) & doubtful]
    yield from _never_broken(search, sorted(rules, key=lambda rule: rule.mark.file != file))


def _impossible(search: Search, file: str) -> Iterator[Finding]:
    """Rules between fields that leave no valid request at all."""
    seen: set[str] = set()
    for name in search.domains.shape.fields:
        if name in seen:
            continue
        group = search.connected([name])
        seen |= set(group)
        if all(map(search.domains.of, group)) and not search.is_possible({}, group):
            yield _clash("no request is valid", _core(search, {}, group), file)


def _clash(what: str, core: list[Rule], file: str) -> Finding:
    """The rules that together forbid something, shown at one of them in the file that is looked at, if there is one."""
    marks = [rule.mark for rule in core]
    mark = next((mark for mark in marks if mark.file == file), marks[0])
    return error(mark, f"{what}: {_all(core)}", "these rules leave nothing: change one of them")


def _core(search: Search, fixed: Mapping[str, object], names: list[str]) -> list[Rule]:
    """A smallest set of rules that together forbid what is asked for: each that can be missed is left out."""
    for item in search.clauses:
        smaller = search.without(item.rule)
        if not smaller.is_possible(fixed, names):
            search = smaller
    asked = {*fixed, *names}
    return [item.rule for item in search.clauses if item.fields & asked] or [item.rule for item in search.clauses]


def _all(rules: list[Rule]) -> str:
    """The rules as sentences, in the order of the spec."""
    return "; ".join(sentence(rule.kind, rule.field) for rule in sorted(rules, key=lambda rule: rule.order))  # type: ignore[arg-type]


def _never_sent(search: Search, name: str, file: str) -> Iterator[Finding]:
    """A field, or values of it, that the rules between fields forbid in every request."""
    values = search.domains.sent(name)
    barred = [value for value in values if not search.is_possible({name: value})]
    if values and len(barred) == len(values):
        yield _clash(f"{name!r} can never be sent", _core(search, {name: values[0]}, []), file)
        return
    for value in barred:
        yield _clash(f"{name!r} can never be {value!r}", _core(search, {name: value}, []), file)


def _never_broken(search: Search, rules: list[Rule]) -> Iterator[Finding]:
    maker = Maker(search.domains.shape)
    covered: list[tuple[Rule, Rule | None]] = []
    for rule in rules:
        if isinstance(rule.kind, k.Ignored) or _is_broken_by(maker, rule):
            continue
        other = None if _is_breakable(search, rule) else _covered_by(search, rule)
        if _is_open(rule, other) or _is_breakable(search, rule):
            yield warning(rule.mark, f"imageproof finds no request that breaks only this rule: {_all([rule])}")
        elif other is None or (other, rule) not in covered:  # of two that say the same, one is told
            covered.append((rule, other))
            hint = f"whatever breaks it also breaks another rule: {_all([other])}" if other else None
            yield error(rule.mark, f"no request can break only this rule: {_all([rule])}", hint)


def _is_open(rule: Rule, other: Rule | None) -> bool:
    """Whether nothing is proved, as of all texts that one of these rules forbids only a few were tried."""
    return other is not None and isinstance(rule.kind, SAMPLED) and isinstance(other.kind, SAMPLED)


def _unmade(shape: Shape) -> Rule | None:
    """The rule that the maker of good requests fails to keep; None where it makes one."""
    for rule in shape.rules:
        if isinstance(rule.kind, k.Required) and not _has_value(shape, rule.field or ""):
            return rule
    broken = Checker(shape).check(Maker(shape).least())
    return broken[0].rule if broken else None


def _has_value(shape: Shape, name: str) -> bool:
    try:
        valid_value(shape.fields[name], Seeded(Random(0)), shape)
    except (IndexError, ValueError):  # there was nothing to choose from
        return False
    return True


def _is_broken_by(maker: Maker, rule: Rule) -> bool:
    """Whether the maker of bad requests finds one; a failure to find proves nothing."""
    for seed in range(SEEDS):
        try:
            maker.breaking(rule, Seeded(Random(seed)))
        except (UnbreakableError, IndexError, ValueError):  # it had nothing to choose from
            continue
        return True
    return False


def _is_breakable(search: Search, rule: Rule) -> bool:
    """Whether some request breaks this rule and no other, by an exact search."""
    name = rule.field or ""
    if isinstance(rule.kind, k.UnknownFields):
        return True
    if any(rule is other for other in cross_rules(search.domains.shape)):
        return search.breaking(rule).is_possible({}, sorted(fields_of(rule)))
    if isinstance(rule.kind, k.Required):
        return search.is_possible({name: ABSENT})
    values = breaking_values(rule, search.domains.shape, _body(search))
    return any(search.is_possible({name: value}) for value in values)


def _body(search: Search) -> Body:
    try:
        return search.body({}, search.domains.shape.fields) or {}
    except Endless:
        return {}


def _covered_by(search: Search, rule: Rule) -> Rule | None:
    """The rule without which this one could be broken."""
    shape = search.domains.shape
    others = (other for other in shape.rules if other is not rule)
    return next((other for other in others if _is_breakable(Search.of(_without(shape, other)), rule)), None)


def _without(shape: Shape, rule: Rule) -> Shape:
    def kept(item: Field) -> Field:
        return replace(item, rules=tuple(each for each in item.rules if each is not rule))

    fields = {name: kept(item) if rule in item.rules else item for name, item in shape.fields.items()}
    cross = tuple(each for each in shape.cross if each is not rule)
    return replace(shape, fields=fields, cross=cross, unknown=None if shape.unknown is rule else shape.unknown)
