"""Every pair of values that the rules allow together, in as few valid bodies as a greedy search finds.

One faulty value or pair of values explains nine of ten failures of software; so tens of requests say nearly as much
as all combinations, of which there are hundreds of thousands. Pure, and the same for the same seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.check import Checker
from imageproof.specs.files import FileFacts
from imageproof.specs.generate import Maker, nest
from imageproof.specs.pairwise_values import ABSENT, factors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Selector, Shape

    Body = dict[str, object]
    Choice = tuple[str, int]

__all__ = ["ABSENT", "Cover", "Row", "cover", "factors", "single"]
DEEPEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One valid body, ready to send, and the value of each field that it covers (`ABSENT`: left out)."""

    body: dict[str, object]
    values: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The rows of a shape. `possible` pairs are allowed together, `impossible` ones are kept apart by the rules."""

    rows: tuple[Row, ...]
    covered: int
    possible: int
    values: Mapping[str, tuple[object, ...]]
    impossible: tuple[tuple[str, object, str, object], ...]


@dataclass(slots=True)
class _Search:
    """Builds valid bodies around fixed values."""

    shape: Shape
    checker: Checker
    values: Mapping[str, tuple[object, ...]]
    least: Body
    selector: Selector | None
    known: dict[frozenset[Choice], Body | None] = field(default_factory=dict)

    def build(self, fixed: Mapping[str, int]) -> Body | None:
        """A flat valid body that holds the fixed values, or None when the rules keep them apart."""
        key = frozenset(fixed.items())
        if key not in self.known:
            self.known[key] = self._mended(self._start(fixed), frozenset(fixed), DEEPEST)
        return self.known[key]

    def _start(self, fixed: Mapping[str, int]) -> Body:
        body = dict(self.least)
        for name, index in fixed.items():
            value = self.values[name][index]
            if value is ABSENT:
                body.pop(name, None)
            else:
                body[name] = value
        return body

    def _mended(self, body: Body, fixed: frozenset[str], depth: int) -> Body | None:
        broken = self.checker.check(nest(body))
        if not broken:
            return body
        if depth == 0:
            return None
        for changed in self._changes(broken[0].rule, body, fixed):
            mended = self._mended(changed, fixed, depth - 1)
            if mended is not None:
                return mended
        return None

    def _changes(  # noqa: C901  (a table over the kinds between fields)
        self, rule: Rule, body: Body, fixed: frozenset[str]
    ) -> Iterator[Body]:
        """Bodies in which a rule may hold, with the fixed fields left as they are."""
        match rule.kind:
            case k.AllowedWith(field=name, other=other, among=among):
                if other not in fixed:
                    yield from ({**body, other: value} for value in among)
                if name not in fixed:
                    yield _without(body, name)
            case k.Requires(field=name, needs=needs):
                if needs not in fixed:
                    yield from ({**body, needs: value} for value in self.values[needs] if value is not ABSENT)
                if name not in fixed:
                    yield _without(body, name)
            case k.Forbids(field=name, excludes=excludes):
                yield from (_without(body, item) for item in (excludes, name) if item not in fixed)
            case k.AtMostOne(fields=names):
                yield from (_without(body, name) for name in names if name in body and name not in fixed)
            case k.SameAs(other=other):
                yield _aligned(body, rule.field or "", other)
            case k.Required() if rule.field and rule.field not in fixed:
                yield from ({**body, rule.field: value} for value in self.values.get(rule.field, ()))
            case _ if rule.field and rule.field not in fixed:
                yield _without(body, rule.field)
            case _:
                return

    def finished(self, body: Body) -> Body:
        """The nested body, with the model where bodies name it."""
        nested = nest(body)
        name = self.selector.field if self.selector else None
        return {name: self.shape.model, **nested} if name and name not in nested else nested


def _without(body: Body, name: str) -> Body:
    return {key: value for key, value in body.items() if key != name}


def _aligned(body: Body, name: str, other: str) -> Body:
    """The mask with the dimensions, and where it can be the format, of the first image."""
    mask, first = body.get(name), body.get(other)
    head = first[0] if isinstance(first, list) and first else first
    if not isinstance(mask, FileFacts) or not isinstance(head, FileFacts):
        return body
    alike = replace(mask, width=head.width, height=head.height)
    return {**body, name: alike if head.format == "jpeg" and mask.has_alpha else replace(alike, format=head.format)}


def _search(shape: Shape, selector: Selector | None) -> _Search:
    least = Maker(shape).least()
    flat: Body = {}
    for name, value in least.items():
        group = shape.fields.get(name)
        if group is not None and group.type == "object" and isinstance(value, dict):
            flat.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            flat[name] = value
    return _Search(shape=shape, checker=Checker(shape), values=factors(shape), least=flat, selector=selector)


def single(shape: Shape, selector: Selector | None, name: str, value: object) -> dict[str, object] | None:
    """The simplest valid body in which a field has this value; None when the rules allow none."""
    search = _search(shape, selector)
    values = {**search.values, name: (value,)}
    search.values = values
    body = search.build({name: 0})
    return search.finished(body) if body is not None else None


def cover(
    shape: Shape, selector: Selector | None = None, *, seed: int = 1, cost: Callable[[Body], int] | None = None
) -> Cover:
    """Rows that hold every possible pair of values. `cost` of a body decides where it makes no other difference."""
    search = _search(shape, selector)
    names = list(search.values)
    pairs = _possible(search, names)
    possible = {pair for pair, is_possible in pairs.items() if is_possible}
    prices = _prices(search, cost)
    left = set(possible)
    rows: list[Row] = []
    random = Random(seed)
    while left:
        chosen = _row(search, names, left, prices, random)
        body = search.build(chosen)
        if body is None:  # the pair alone is possible, so its own row always is
            raise RuntimeError(f"no body holds {chosen} of {shape.operation} {shape.model}")
        choices = _choices_of(search, body, chosen)
        left -= {frozenset(pair) for pair in combinations(choices, 2)}
        values = {name: search.values[name][index] for name, index in choices}
        rows.append(Row(body=search.finished(body), values=values))
    if cost is not None:
        rows.sort(key=lambda row: cost(row.body))
    return Cover(
        rows=tuple(rows),
        covered=len(possible),
        possible=len(possible),
        values=search.values,
        impossible=tuple(
            (one[0], search.values[one[0]][one[1]], other[0], search.values[other[0]][other[1]])
            for pair, is_possible in pairs.items()
            if not is_possible
            for one, other in [sorted(pair)]
        ),
    )


def _possible(search: _Search, names: list[str]) -> dict[frozenset[Choice], bool]:
    """Every pair of values of two fields, and whether some valid body holds both."""
    out = {}
    for one, other in combinations(names, 2):
        for index in range(len(search.values[one])):
            for further in range(len(search.values[other])):
                pair = frozenset(((one, index), (other, further)))
                out[pair] = search.build({one: index, other: further}) is not None
    return out


def _prices(search: _Search, cost: Callable[[Body], int] | None) -> dict[Choice, int]:
    """What the simplest body with a value costs."""
    out = {}
    for name, values in search.values.items():
        for index in range(len(values)):
            body = search.build({name: index})
            out[name, index] = cost(search.finished(body)) if cost is not None and body is not None else 0
    return out


def _row(
    search: _Search, names: list[str], left: set[frozenset[Choice]], prices: Mapping[Choice, int], random: Random
) -> dict[str, int]:
    """Fixed values of one more row: an uncovered pair, then for each other field the value that covers most."""
    seed = min(left, key=lambda pair: (sum(prices[choice] for choice in pair), sorted(pair)))
    chosen: dict[str, int] = dict(seed)
    rest = [name for name in names if name not in chosen]
    random.shuffle(rest)
    for name in rest:
        taken = list(chosen.items())
        candidates = sorted(
            range(len(search.values[name])),
            key=lambda index: (
                -sum(frozenset(((name, index), choice)) in left for choice in taken),
                prices[name, index],
                index,
            ),
        )
        for index in candidates:
            if search.build({**chosen, name: index}) is not None:
                chosen[name] = index
                break
    return chosen


def _choices_of(search: _Search, body: Body, chosen: Mapping[str, int]) -> list[Choice]:
    """The values that a body covers: the chosen ones, and those that came in by mending."""
    out: list[Choice] = list(chosen.items())
    for name, values in search.values.items():
        if name in chosen:
            continue
        value = body.get(name, ABSENT)
        index = next((at for at, item in enumerate(values) if type(item) is type(value) and item == value), None)
        if index is not None:
            out.append((name, index))
    return out
