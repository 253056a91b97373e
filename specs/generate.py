"""Make bodies: valid ones, and ones that break exactly one rule. The choices come from outside, see `choices`.

How: every field draws a value that keeps its own rules, then rules between fields are repaired one by one. A breaking
body starts
from a valid one, breaks its rule on purpose, and repairs whatever else that broke; the checker has the last word.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.breaking import breaking_values
from imageproof.specs.check import Checker, is_sent
from imageproof.specs.choices import chance, pick
from imageproof.specs.files import FileFacts
from imageproof.specs.values import valid_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.choices import Choices
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Field, Selector, Shape

    Body = dict[str, object]

REPAIRS = 24
ATTEMPTS = 12


class UnbreakableError(Exception):
    """No body was found that breaks a rule and no other: the rule is covered by others, or can't be broken at all."""


class Maker:
    """Makes bodies of one shape. `selector` puts the model in; without it the bodies have no model field."""

    __slots__ = ("_allowed", "_checker", "_required", "_selector", "shape")

    def __init__(self, shape: Shape, selector: Selector | None = None) -> None:
        self.shape = shape
        self._checker = Checker(shape, selector)
        self._selector = selector
        fields = [field for field in shape.fields.values() if field.type != "object" and field.state != "forbidden"]
        self._required = tuple(field for field in fields if _is_required(field))
        self._allowed = tuple(field for field in fields if not _is_required(field))

    def valid(self, choices: Choices) -> Body:
        """A body that breaks no rule of the shape."""
        return self._finish(self._valid_flat(choices))

    def least(self) -> Body:
        """The shortest valid body, always the same."""
        return self._finish(self._least())

    def breaking(self, rule: Rule, choices: Choices) -> Body:
        """A body that breaks this rule and no other. Raises UnbreakableError when none is found."""
        for attempt in range(ATTEMPTS):
            body = self._valid_flat(choices) if attempt < ATTEMPTS // 2 else self._least()
            self._break(rule, body, choices)
            self._repair(body, choices, rule)
            if self._breaks_only(rule, body):
                return self._finish(body)
        message = f"no request breaks {rule.id} and no other rule"
        raise UnbreakableError(message)

    def _finish(self, body: Body) -> Body:
        nested = nest(body)
        if self._selector and self._selector.field and self._selector.field not in nested:
            return {self._selector.field: self.shape.model, **nested}
        return nested

    def _least(self) -> Body:
        body = {field.name: valid_value(field, _Simplest(), self.shape) for field in self._required}
        self._repair(body, _Simplest(), None)
        return body

    def _valid_flat(self, choices: Choices) -> Body:
        body = {field.name: valid_value(field, choices, self.shape) for field in self._required}
        for field in self._allowed:
            if chance(choices, 40):
                body[field.name] = (
                    None if field.nullable and chance(choices, 10) else valid_value(field, choices, self.shape)
                )
        self._repair(body, choices, None)
        return body

    def _violations(self, body: Body) -> list[Rule]:
        return [violation.rule for violation in self._checker.check(nest(body))]

    def _breaks_only(self, rule: Rule, body: Body) -> bool:
        return [found.id for found in self._violations(body)] == [rule.id]

    def _repair(self, body: Body, choices: Choices, spared: Rule | None) -> None:
        """Mend every rule that is broken, except the spared one, whose own fields are left alone where possible."""
        kept = _fields_of(spared) if spared else frozenset()
        for _ in range(REPAIRS):
            broken = [rule for rule in self._violations(body) if spared is None or rule.id != spared.id]
            if not broken:
                return
            self._mend(broken[0], body, choices, kept)

    def _mend(  # noqa: C901, PLR0912  (a table over the kinds between fields)
        self, rule: Rule, body: Body, choices: Choices, kept: frozenset[str]
    ) -> None:
        fields = self.shape.fields
        match rule.kind:
            case k.AllowedWith(field=field, other=other, among=among):
                if other not in kept and (field in kept or chance(choices, 60)):
                    body[other] = pick(choices, among)
                elif field not in kept:
                    body.pop(field, None)
                else:
                    body[field] = valid_value(fields[field], choices, self.shape)
            case k.Requires(field=field, needs=needs):
                if needs not in kept and (field in kept or chance(choices, 70)):
                    body[needs] = _non_empty(fields[needs], choices, self.shape)
                else:
                    body.pop(field, None)
            case k.Forbids(field=field, excludes=excludes):
                body.pop(excludes if excludes not in kept else field, None)
            case k.AtMostOne(fields=names):
                sent = [name for name in names if is_sent(body, name) and name not in kept] or list(names)
                body.pop(pick(choices, sent), None)
            case k.SameAs() as kind:
                _align(body, rule.field or "", kind)
            case k.Required():
                body[rule.field or ""] = valid_value(fields[rule.field or ""], choices, self.shape)
            case _ if rule.field in fields and rule.field not in kept:
                body.pop(rule.field or "", None)
            case _:
                pass

    def _break(self, rule: Rule, body: Body, choices: Choices) -> None:
        name = rule.field or ""
        match rule.kind:
            case k.UnknownFields():
                body[pick(choices, UNKNOWN_NAMES)] = pick(choices, ("x", 1, True, None))
            case k.Required():
                for part in [part for part in body if part == name or part.startswith(f"{name}.")]:
                    del body[part]
            case k.AllowedWith() as kind:
                self._break_allowed_with(kind, body, choices)
            case k.Requires(field=field, needs=needs, unless=unless):
                body[field] = _non_empty(self.shape.fields[field], choices, self.shape)
                body.pop(needs, None)
                body.pop(unless or "", None)
            case k.Forbids(field=field, excludes=excludes):
                for item in (field, excludes):
                    body[item] = _non_empty(self.shape.fields[item], choices, self.shape)
            case k.AtMostOne(fields=names):
                for item in names[:2]:
                    body[item] = _non_empty(self.shape.fields[item], choices, self.shape)
            case _:
                body[name] = pick(choices, breaking_values(rule, self.shape, body))

    def _break_allowed_with(self, kind: k.AllowedWith, body: Body, choices: Choices) -> None:
        field, other = self.shape.fields[kind.field], self.shape.fields[kind.other]
        body[kind.field] = pick(choices, kind.values) if kind.values else _non_empty(field, choices, self.shape)
        body.pop(kind.unless or "", None)
        if not kind.absent and chance(choices, 30) and not _is_required(other):
            body.pop(kind.other, None)
            return
        for _ in range(ATTEMPTS):
            body[kind.other] = valid_value(other, choices, self.shape)
            if body[kind.other] not in kind.among:
                return
        allowed = [value for value in _closed_values(other) if value not in kind.among]
        if allowed:
            body[kind.other] = pick(choices, allowed)


UNKNOWN_NAMES = ("unknown_field", "Prompt", "seed", "x-extra", "", "image_url ")


class _Simplest:
    """The choices that lead to the simplest body."""

    def integer(self, least: int, most: int) -> int:
        return min(max(least, 0), most)

    def text(self, least: int, most: int) -> str:
        return ("a red fox" * (1 + least // 9))[: max(least, min(9, most))]


def _is_required(field: Field) -> bool:
    return any(isinstance(rule.kind, k.Required) for rule in field.rules)


def _closed_values(field: Field) -> tuple[k.Plain, ...]:
    return next((rule.kind.values for rule in field.rules if isinstance(rule.kind, k.OneOf)), ())


def _fields_of(rule: Rule) -> frozenset[str]:
    match rule.kind:
        case k.AllowedWith(field=field, other=other):
            return frozenset((field, other))
        case k.Requires(field=field, needs=needs):
            return frozenset((field, needs))
        case k.Forbids(field=field, excludes=excludes):
            return frozenset((field, excludes))
        case k.AtMostOne(fields=fields):
            return frozenset(fields)
        case k.SameAs(other=other):
            return frozenset((rule.field or "", other))
        case _:
            return frozenset((rule.field,)) if rule.field else frozenset()


def _non_empty(field: Field, choices: Choices, shape: Shape) -> object:
    for _ in range(ATTEMPTS):
        value = valid_value(field, choices, shape)
        if value is not None and value != []:
            return value
    return valid_value(field, choices, shape, least_items=1)


def _align(body: Body, mask: str, kind: k.SameAs) -> None:
    """Give the mask the shape of the first image; where its alpha rules their common format out, the image changes."""
    images, mine = body.get(kind.other), body.get(mask)
    first = images[0] if isinstance(images, list) and images else images
    if not isinstance(first, FileFacts) or not isinstance(mine, FileFacts):
        return
    if kind.format and mine.has_alpha and first.format == "jpeg":
        first = replace(first, format=mine.format)
        body[kind.other] = [first, *images[1:]] if isinstance(images, list) else first
    shape = replace(mine, width=first.width, height=first.height)
    body[mask] = replace(shape, format=first.format) if kind.format else shape


def nest(body: Mapping[str, object]) -> Body:
    """Put dotted names back into objects: `input.prompt` becomes `{"input": {"prompt": ...}}`."""
    out: Body = {}
    for name, value in body.items():
        group, dot, inner = name.partition(".")
        if not dot:
            out[name] = value
            continue
        holder = out.setdefault(group, {})
        if isinstance(holder, dict):
            holder[inner] = value
    return out
