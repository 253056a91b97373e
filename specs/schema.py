"""JSON Schema of requests, derived from the rules. It agrees with `check` on any JSON; a test holds the two together.

Patterns are anchored and mean what ECMA 262 says; `validator` reads them so (Python's `$` also matches before a final
newline).
"""

from __future__ import annotations

import re
from itertools import combinations
from typing import TYPE_CHECKING, Protocol, cast

from imageproof.specs import kinds as k
from imageproof.specs.check import spellings
from imageproof.specs.model import MAKES_IMAGES
from imageproof.specs.size_regex import size_pattern
from imageproof.specs.sizing import region_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from jsonschema import ValidationError
    from jsonschema.protocols import Validator

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Field, Operation, Selector, Shape, Spec

    Schema = dict[str, object]

URL_PATTERN = r"^[hH][tT][tT][pP][sS]?://[^/?#\x00-\x20\x7f][^\x00-\x20\x7f]*$"
NUMERIC_PATTERN = "^-?(?:0|[1-9][0-9]*)$"
NOTHING: Schema = {"not": {}}
TYPES: dict[k.TypeName, Schema] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "strings": {"type": "array", "items": {"type": "string"}},
    "object": {"type": "object"},
    "file": {"type": "string", "format": "binary"},
    "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
}


class Judge(Protocol):
    """What is used of a validator of jsonschema."""

    def is_valid(self, instance: object) -> bool:
        """Whether a value satisfies the schema."""

    def iter_errors(self, instance: object) -> Iterator[ValidationError]:
        """All that is wrong with a value."""


def _listed(values: Iterable[k.Plain], *, fold_case: bool) -> list[k.Plain]:
    return sorted((item for value in values for item in spellings(value, fold_case=fold_case)), key=str)


def _items(field: Field, part: Schema) -> Schema:
    """A constraint on each entry of an array, or on the value itself."""
    return {"items": part} if field.type in ("strings", "files") else part


def keywords(kind: k.FieldKind, field: Field) -> Schema:  # noqa: C901  (a table over the closed set, one line each)
    """The JSON Schema keywords of one rule about one field. Pixel rules are one pattern together, see `_sizes`."""
    match kind:
        case k.Type(name=name, integral_float=integral, numeric_string=numeric):
            plain: Schema = dict(TYPES[name])
            if name == "integer" and not integral:
                plain["x-strict-integer"] = True
            return (
                {"anyOf": [plain, {"type": "string", "pattern": NUMERIC_PATTERN}]}
                if numeric and name == "integer"
                else plain
            )
        case k.OneOf(values=values, fold_case=fold_case):
            return {"enum": _listed(values, fold_case=fold_case)}
        case k.Refused(values=values):
            return {"not": {"enum": [*values]}}
        case k.Range(least=least, most=most):
            return {"minimum": least, "maximum": most}
        case k.Length(least=least, most=most):
            return _items(field, {"minLength": least, "maxLength": most})
        case k.Pattern(regex=regex):
            return {"pattern": f"^(?:{regex})$"}
        case k.Items(least=least, most=most):
            return {"minItems": least, "maxItems": most}
        case k.Url():
            return _items(field, {"pattern": URL_PATTERN})
        case k.Forbidden():
            return NOTHING
        case k.SizeText() | k.EdgeMultiple() | k.EdgeLimit() | k.Aspect() | k.PixelBudget():
            return {}
        case k.Required() | k.Ignored() | k.FileBytes() | k.FileFormat() | k.FileAlpha() | k.SameAs():
            return {}


def _sizes(field: Field) -> Schema:
    """All pixel rules of a field as one exact pattern."""
    region = region_of(rule.kind for rule in field.rules)  # type: ignore[misc]
    if region is None:
        return {}
    words = next((rule.kind.also for rule in field.rules if isinstance(rule.kind, k.SizeText)), ())
    exact: Schema = {"type": "string", "pattern": size_pattern(region)}
    return {"anyOf": [{"enum": [*words]}, exact]} if words else exact


def field_schema(field: Field) -> Schema:
    """The schema of one field."""
    if field.state == "ignored":
        return {}
    out: Schema = {}
    for part in (*(keywords(rule.kind, field) for rule in field.rules), _sizes(field)):  # type: ignore[arg-type]
        out = _joined(out, part)
    if field.default is not None and field.state == "allowed":
        out["default"] = field.default
    return {"anyOf": [out, {"type": "null"}]} if field.nullable else out


def _joined(one: Schema, other: Schema) -> Schema:
    """Both schemas at once: keywords side by side, and `allOf` where the same keyword is used twice."""
    if "items" in one and "items" in other:
        items: Schema = {**cast("Schema", one["items"]), **cast("Schema", other["items"])}
        return {**one, **other, "items": items}
    clash = set(one) & set(other)
    return {"allOf": [one, other]} if clash else {**one, **other}


def _at(name: str, inner: Schema) -> Schema:
    """A schema about a field of the body, which may lie in a group (`input.prompt`)."""
    group, dot, last = name.rpartition(".")
    here: Schema = {"type": "object", "required": [last], "properties": {last: inner}}
    return _at(group, here) if dot else here


def _sent(name: str, inner: Schema | None = None) -> Schema:
    """The field is there, not null and not an empty list; and satisfies `inner`."""
    there: Schema = {"not": {"enum": [None, []]}}
    return _at(name, {"allOf": [there, inner]} if inner else there)


def _values(values: tuple[k.Plain, ...] | None, *, fold_case: bool) -> Schema | None:
    return {"enum": _listed(values, fold_case=fold_case)} if values is not None else None


def cross_schema(kind: k.CrossKind) -> Schema:
    """The schema of one rule between fields."""
    match kind:
        case k.AllowedWith() as rule:
            fine: list[Schema] = [_sent(rule.other, _values(rule.among, fold_case=rule.fold_case))]
            if rule.absent:
                fine.append({"not": _sent(rule.other)})
            if rule.unless:
                fine.append(_sent(rule.unless))
            return {"anyOf": [{"not": _sent(rule.field, _values(rule.values, fold_case=rule.fold_case))}, *fine]}
        case k.Requires(field=field, needs=needs, unless=unless):
            ways = [{"not": _sent(field)}, _sent(needs), *([_sent(unless)] if unless else [])]
            return {"anyOf": ways}
        case k.Forbids(field=field, excludes=excludes):
            return {"not": {"allOf": [_sent(field), _sent(excludes)]}}
        case k.AtMostOne(fields=fields):
            return {"allOf": [{"not": {"allOf": [_sent(one), _sent(other)]}} for one, other in combinations(fields, 2)]}
        case k.UnknownFields():
            return {}


def _is_required(field: Field) -> bool:
    return any(isinstance(rule.kind, k.Required) for rule in field.rules)


def _object(shape: Shape, group: str) -> Schema:
    """The object of the fields of one group; the empty group is the body itself."""
    inside = {name: field for name, field in shape.fields.items() if name.rpartition(".")[0] == group}
    out: Schema = {"type": "object"}
    properties: Schema = {}
    for name, field in inside.items():
        last = name.rpartition(".")[2]
        properties[last] = _object(shape, name) if field.type == "object" else field_schema(field)
    if properties:
        out["properties"] = properties
    required = [name.rpartition(".")[2] for name, field in inside.items() if _is_required(field)]
    if required:
        out["required"] = required
    if shape.unknown is not None and (not group or inside):
        out["additionalProperties"] = False
    return out


def _has_files(shape: Shape) -> bool:
    return any(field.type in ("file", "files") for field in shape.fields.values())


def body_schema(shape: Shape, selector: Selector | None = None) -> Schema:
    """The JSON Schema of a body of one model for one operation; `selector` adds the field that names the model."""
    out = _object(shape, "")
    if selector is not None and selector.field is not None:
        properties: Mapping[str, object] = out.get("properties", {})  # type: ignore[assignment]
        out["properties"] = {selector.field: {"const": shape.model}, **properties}
        if selector.default != shape.model:
            required: list[str] = out.get("required", [])  # type: ignore[assignment]
            out["required"] = [selector.field, *required]
    crossed = [cross_schema(rule.kind) for rule in shape.cross]  # type: ignore[arg-type]
    if crossed and not _has_files(shape):  # generators can't judge a form with files by rules between fields
        out["allOf"] = crossed
    return out


def shapes_of(spec: Spec, operation: Operation) -> Iterator[Shape]:
    """The shapes of an operation: one for each model, or its own."""
    if operation.does in MAKES_IMAGES:
        yield from (model.shapes[operation.name] for model in spec.models.values() if operation.name in model.shapes)
    elif operation.name in spec.shapes:
        yield spec.shapes[operation.name]


def operation_schema(spec: Spec, operation: Operation) -> Schema | None:
    """The schema of what an operation takes, for all models; None when it takes no body."""
    selector = spec.selector if operation.does in MAKES_IMAGES else None
    schemas = [body_schema(shape, selector) for shape in shapes_of(spec, operation)]
    if not schemas:
        return None
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def rules_of(spec: Spec, operation: Operation) -> list[Rule]:
    """All rules of what an operation takes."""
    own = [rule for shape in shapes_of(spec, operation) for rule in shape.rules]
    return [*(spec.selector.rules if operation.does in MAKES_IMAGES else ()), *own]


def validator(schema: Mapping[str, object]) -> Judge:
    """A validator of jsonschema that reads patterns as ECMA 262 does and knows `x-strict-integer`."""
    from jsonschema import Draft202012Validator, ValidationError  # noqa: PLC0415  (heavy)
    from jsonschema.validators import extend  # noqa: PLC0415

    def pattern(_: Validator, text: str, value: object, __: object) -> Iterator[ValidationError]:
        exact = text[:-1] + r"\Z" if text.endswith("$") else text
        if isinstance(value, str) and re.search(exact, value) is None:
            yield ValidationError(f"{value!r} does not match {text!r}")

    def strict(_: Validator, wanted: bool, value: object, __: object) -> Iterator[ValidationError]:  # noqa: FBT001
        if wanted and isinstance(value, float):
            yield ValidationError(f"{value!r} is a float where an integer is expected")

    kind = extend(Draft202012Validator, {"pattern": pattern, "x-strict-integer": strict})  # type: ignore[no-untyped-call]
    return cast("Judge", kind(dict(schema)))
