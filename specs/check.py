"""Judge a request: the rules it breaks, as values.

Laws: a check never raises, whatever the body; all violations are found, not just the first; a field of the wrong type
is judged
for its type alone; a cross-field rule sees a field that is null or an empty list as not sent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.files import FileFacts
from imageproof.specs.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Field, Selector, Shape

    Test = Callable[[object], bool]
    Body = Mapping[str, object]
    CrossTest = Callable[[Body], bool]

URL = re.compile(r"[hH][tT][tT][pP][sS]?://[^/?#\x00-\x20\x7f][^\x00-\x20\x7f]*")
NUMERIC = re.compile(r"-?(?:0|[1-9][0-9]*)")
MISSING = object()


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a request breaks: where, and what stood there (None when it was absent)."""

    rule: Rule
    where: str
    got: object


def is_sent(body: Body, name: str) -> bool:
    """Whether a field counts as sent for rules between fields: present, not null, not an empty list."""
    value = body.get(name)
    return value is not None and value != []


def fold(value: object) -> object:
    """Lower the ASCII letters of a text; other values stay as they are."""
    return value.lower() if isinstance(value, str) and value.isascii() else value


def spellings(value: k.Plain, *, fold_case: bool) -> list[k.Plain]:
    """Every way to write a value: in upper and lower case, where the case of ASCII letters does not count."""
    if not fold_case or not isinstance(value, str) or not value.isascii():
        return [value]
    return ["".join(letters) for letters in product(*({letter.lower(), letter.upper()} for letter in value))]


def _member(values: tuple[k.Plain, ...], *, fold_case: bool) -> Test:
    known = frozenset(spelling for value in values for spelling in spellings(value, fold_case=fold_case))
    return known.__contains__


def _is_integer(kind: k.Type) -> Test:
    def test(value: object) -> bool:
        if type(value) is int:
            return True
        if isinstance(value, float):
            return kind.integral_float and value.is_integer()
        return kind.numeric_string and isinstance(value, str) and NUMERIC.fullmatch(value) is not None

    return test


def _of_type(kind: k.Type) -> Test:
    match kind.name:
        case "string":
            return lambda value: type(value) is str
        case "integer":
            return _is_integer(kind)
        case "number":
            return lambda value: type(value) in (int, float)
        case "boolean":
            return lambda value: type(value) is bool
        case "strings":
            return lambda value: type(value) is list and all(type(item) is str for item in value)
        case "object":
            return lambda value: isinstance(value, dict)
        case "file":
            return lambda value: isinstance(value, FileFacts)
        case "files":
            return lambda value: type(value) is list and all(isinstance(item, FileFacts) for item in value)


def _sized(test: Callable[[int, int], bool]) -> Test:
    def judge(value: object) -> bool:
        size = parse_size(value)
        return size is None or test(*size)

    return judge


def _each_file(test: Callable[[FileFacts], bool]) -> Test:
    return lambda value: all(test(item) for item in entries(value) if isinstance(item, FileFacts))


def entries(value: object) -> list[object]:
    """The entries of an array; a single value counts as an array of itself."""
    return value if isinstance(value, list) else [value]


def _text(test: Callable[[str], object]) -> Test:
    return lambda value: bool(test(str(value)))


def field_test(kind: k.FieldKind) -> Test:  # noqa: C901, PLR0912  (a table over the closed set, one line each)
    """The test of one value of a field that has the right type: True when the rule holds."""
    match kind:
        case k.Type():
            return _of_type(kind)
        case k.OneOf(values=values, fold_case=fold_case):
            return _member(values, fold_case=fold_case)
        case k.Refused(values=values):
            known = frozenset(values)
            return lambda value: value not in known
        case k.Range(least=least, most=most):
            return lambda value: least <= (int(value) if isinstance(value, str) else value) <= most  # type: ignore[operator]
        case k.Length(least=least, most=most):
            return lambda value: least <= len(value) <= most  # type: ignore[arg-type]
        case k.Pattern(regex=regex):
            return _text(re.compile(regex).fullmatch)
        case k.Items(least=least, most=most):
            return lambda value: least <= len(value) <= most  # type: ignore[arg-type]
        case k.Url():
            return lambda value: all(URL.fullmatch(str(item)) for item in entries(value))
        case k.SizeText(also=also):
            return lambda value: value in also or parse_size(value) is not None
        case k.EdgeMultiple(of=of):
            return _sized(lambda width, height: width % of == 0 == height % of)
        case k.EdgeLimit(most=most):
            return _sized(lambda width, height: max(width, height) <= most)
        case k.Aspect(most=most):
            return _sized(lambda width, height: max(width, height) <= most * min(width, height))
        case k.PixelBudget(least=least, most=most):
            return _sized(lambda width, height: least <= width * height <= most)
        case k.FileBytes(most=most):
            return _each_file(lambda item: item.size <= most)
        case k.FileFormat(formats=formats):
            return _each_file(lambda item: item.format in formats)
        case k.FileAlpha():
            return _each_file(lambda item: item.has_alpha)
        case k.Ignored() | k.SameAs() | k.Required():
            return lambda _: True
        case k.Forbidden():
            return lambda _: False


def _allowed_with(kind: k.AllowedWith) -> CrossTest:
    applies = _member(kind.values, fold_case=kind.fold_case) if kind.values is not None else lambda _: True
    allowed = _member(kind.among, fold_case=kind.fold_case)

    field = kind.field

    def test(body: Body) -> bool:
        value = body.get(field)
        if value is None or value == [] or not applies(_hashable(value)):
            return True
        if kind.unless is not None and is_sent(body, kind.unless):
            return True
        return allowed(_hashable(body[kind.other])) if is_sent(body, kind.other) else kind.absent

    return test


def _hashable(value: object) -> object:
    return value if isinstance(value, str | int | float | bool) else None


def _same_as(kind: k.SameAs, field: str) -> CrossTest:
    def test(body: Body) -> bool:
        mine, theirs = body.get(field), body.get(kind.other)
        first = theirs[0] if isinstance(theirs, list) and theirs else theirs
        if not isinstance(mine, FileFacts) or not isinstance(first, FileFacts):
            return True
        alike = (mine.width, mine.height) == (first.width, first.height)
        return alike and (not kind.format or mine.format == first.format)

    return test


def cross_test(rule: Rule) -> CrossTest:
    """The test of a rule between fields on a whole body: True when the rule holds."""
    match rule.kind:
        case k.Requires(field=field, needs=needs, unless=unless):
            return lambda body: (
                not is_sent(body, field) or is_sent(body, needs) or (unless is not None and is_sent(body, unless))
            )
        case k.Forbids(field=field, excludes=excludes):
            return lambda body: not (is_sent(body, field) and is_sent(body, excludes))
        case k.AtMostOne(fields=fields):
            return lambda body: sum(is_sent(body, name) for name in fields) <= 1
        case k.AllowedWith() as kind:
            return _allowed_with(kind)
        case k.SameAs() as kind:
            return _same_as(kind, rule.field or "")
        case _:
            message = f"rule {rule.id} is not one between fields"
            raise TypeError(message)


class Checker:
    """The compiled rules of one shape. Reads only the fields that a body has, so a short body is judged fast."""

    __slots__ = ("_cross", "_fields", "_groups", "_required", "_unknown", "shape")

    def __init__(self, shape: Shape, selector: Selector | None = None) -> None:
        self.shape = shape
        self._fields = {name: _compiled(field) for name, field in shape.fields.items()}
        if selector is not None and selector.field is not None:
            self._fields[selector.field] = (
                True,
                frozenset(),
                (),
            )  # judged by `check_selector`, before the model is known
        self._groups = frozenset(name for name, field in shape.fields.items() if field.type == "object")
        self._required = tuple(
            (name, rule)
            for name, field in shape.fields.items()
            for rule in field.rules
            if isinstance(rule.kind, k.Required)
        )
        same = [rule for field in shape.fields.values() for rule in field.rules if isinstance(rule.kind, k.SameAs)]
        self._cross = tuple((rule, cross_test(rule)) for rule in (*shape.cross, *same))
        self._unknown = shape.unknown

    def check(self, body: Body) -> list[Violation]:
        """Every rule that the body breaks, in the order of the spec; empty when it conforms."""
        if self._groups:
            body = flat(body, self._groups)
        found = self._check_fields(body)
        for name, rule in self._required:
            if body.get(name, MISSING) is MISSING and self._parent_is_sent(name, body):
                found.append(Violation(rule, name, None))
        for rule, holds in self._cross:
            if not holds(body):
                found.append(Violation(rule, rule.field or "", body.get(rule.field or "")))
        if len(found) > 1:
            found.sort(key=lambda violation: violation.rule.order)
        return found

    def _check_fields(self, body: Body) -> list[Violation]:
        """What the fields that were sent break, each for itself."""
        found: list[Violation] = []
        fields = self._fields
        for name, value in body.items():
            compiled = fields.get(name)
            if compiled is None:
                if self._unknown is not None:
                    found.append(Violation(self._unknown, name, value))
                continue
            nullable, words, tests = compiled
            if (type(value) is str and value in words) or (value is None and nullable):
                continue
            for rule, test, ends in tests:
                if not test(value):
                    found.append(Violation(rule, name, value))
                    if ends:
                        break
        return found

    def _parent_is_sent(self, name: str, body: Body) -> bool:
        group = name.rpartition(".")[0]
        return not group or isinstance(body.get(group), dict)


def _compiled(field: Field) -> tuple[bool, frozenset[k.Plain], tuple[tuple[Rule, Test, bool], ...]]:
    """Whether null is fine, the texts that need no further look, and the tests (True: a broken one ends it)."""
    tests = [
        (rule, field_test(rule.kind), isinstance(rule.kind, k.Type | k.Forbidden))  # type: ignore[arg-type]
        for rule in field.rules
        if not isinstance(rule.kind, k.Required | k.Ignored | k.SameAs)
    ]
    return field.nullable or field.state == "ignored", _words(field), tuple(tests)


def _words(field: Field) -> frozenset[k.Plain]:
    """The texts of a closed list that has no other rules beside it."""
    kinds = [rule.kind for rule in field.rules if not isinstance(rule.kind, k.Required)]
    match kinds:
        case [k.Type(name="string"), k.OneOf(values=values, fold_case=fold_case)]:
            return frozenset(spelling for value in values for spelling in spellings(value, fold_case=fold_case))
        case _:
            return frozenset()


def flat(body: Body, groups: frozenset[str]) -> dict[str, object]:
    """Give the fields of a nested body dotted names: `{"input": {"prompt": "x"}}` has `input` and `input.prompt`."""
    out: dict[str, object] = {}
    for name, value in body.items():
        out[name] = value
        if name in groups and isinstance(value, dict):
            out.update({f"{name}.{inner}": item for inner, item in value.items()})
    return out


def check_selector(selector: Selector, body: Body) -> list[Violation]:
    """Judge the field that names the model."""
    if selector.field is None:
        return []
    value = body.get(selector.field, MISSING)
    for rule in selector.rules:
        if isinstance(rule.kind, k.Required):
            if value is MISSING:
                return [Violation(rule, selector.field, None)]
        elif value is not MISSING and not field_test(rule.kind)(value):  # type: ignore[arg-type]
            return [Violation(rule, selector.field, value)]
    return []
