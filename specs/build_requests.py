"""Read what a request may hold: parameters and the rules between them, as shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.contract import Topic
from imageproof.specs.facts import Level, Rule
from imageproof.specs.model import Field, Numbers, Shape
from imageproof.specs.nodes import plain
from imageproof.specs.problems import did_you_mean
from imageproof.specs.reading import Reader, Stated, child, entries, items, plain_value, text_of, values_of
from imageproof.specs.wording import sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.specs.facts import Source
    from imageproof.specs.nodes import Node

DEFAULT_ERRORS: dict[type[k.Kind], str] = {
    k.Required: "missing_param",
    k.Forbidden: "unsupported_param",
    k.UnknownFields: "unknown_param",
    k.Url: "invalid_reference",
    k.FileBytes: "invalid_image",
    k.FileFormat: "invalid_image",
    k.FileAlpha: "invalid_image",
    k.SameAs: "invalid_image",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where rules are being read: the first parts of their ids, and the source they inherit."""

    operation: str
    model: str
    source: Source | None


def _pair(node: Node) -> tuple[int, int]:
    least, most = (int(str(value)) for value in values_of(node))
    return least, most


def _flag(node: Node | None) -> bool:
    return node is not None and plain(node) is True


def _one_of(node: Node, holder: Node) -> k.Kind:
    return k.OneOf(values=values_of(node), fold_case=_flag(child(holder, "fold_case")))


def _same_as(node: Node, holder: Node) -> k.Kind:
    return k.SameAs(other=text_of(node), format=_flag(child(holder, "format")))


def _ranged(kind: type[k.Range | k.Length | k.Items | k.PixelBudget]) -> Callable[[Node, Node], k.Kind]:
    def make(node: Node, _: Node) -> k.Kind:
        least, most = _pair(node)
        return kind(least=least, most=most)

    return make


CONSTRAINTS: dict[str, Callable[[Node, Node], k.Kind]] = {
    "required": lambda _n, _h: k.Required(),
    "one_of": _one_of,
    "refused": lambda node, _: k.Refused(values=values_of(node)),
    "range": _ranged(k.Range),
    "length": _ranged(k.Length),
    "pattern": lambda node, _: k.Pattern(regex=text_of(node)),
    "items": _ranged(k.Items),
    "url": lambda _n, _h: k.Url(),
    "forbidden": lambda _n, _h: k.Forbidden(),
    "ignored": lambda _n, _h: k.Ignored(),
    "file_bytes": lambda node, _: k.FileBytes(most=int(text_of(node))),
    "file_format": lambda node, _: k.FileFormat(formats=tuple(str(value) for value in values_of(node))),
    "file_alpha": lambda _n, _h: k.FileAlpha(),
    "same_as": _same_as,
}
PIXEL_CONSTRAINTS: dict[str, Callable[[Node, Node], k.Kind]] = {
    "multiple_of": lambda node, _: k.EdgeMultiple(of=int(text_of(node))),
    "max_edge": lambda node, _: k.EdgeLimit(most=int(text_of(node))),
    "max_ratio": lambda node, _: k.Aspect(most=int(text_of(node))),
    "budget": _ranged(k.PixelBudget),
}
SWITCHES = frozenset({"required", "url", "forbidden", "ignored", "file_alpha"})


def make_rule(
    reader: Reader, place: Place, kind: k.Kind, said: Stated, *, field: str | None, name: str | None = None
) -> Rule:
    """Add one request rule; its id ends in the field and the kind, or in `name` for a rule between fields."""
    last = name or (f"{field}/{k.SLUGS[type(kind)]}" if field else k.SLUGS[type(kind)])
    return reader.add(
        Rule(
            id=f"{reader.name}/{place.operation}/{place.model}/{last}",
            level=Level.MAY if isinstance(kind, k.Ignored) else said.level,
            source=said.source,
            kind=kind,
            sentence=sentence(kind, field),
            mark=said.node.mark,
            field=field,
            error=said.error or DEFAULT_ERRORS.get(type(kind), "invalid_param"),
            message=said.message,
            note=said.note,
            contradicts=said.contradicts,
        )
    )


def said_of(reader: Reader, node: Node, param: Node, source: Source | None) -> Stated:
    """A constraint's own words, completed by those of its parameter."""
    said = reader.stated(node, source)
    if child(node, "is") is not None:
        error = said.error or (text_of(fallback) if (fallback := child(param, "error")) else None)
        return Stated(
            node=said.node,
            source=said.source,
            level=said.level,
            note=said.note,
            error=error,
            message=said.message,
            contradicts=said.contradicts,
        )
    error_node, message, level, note = (child(param, key) for key in ("error", "message", "level", "note"))
    return Stated(
        node=node,
        source=said.source,
        level=Level(text_of(level)) if level else Level.MUST,
        note=text_of(note) if note else None,
        error=text_of(error_node) if error_node else None,
        message=text_of(message) if message else None,
        contradicts=reader.contradictions(child(param, "contradicts")),
    )


def _type_rule(
    reader: Reader, place: Place, name: str, param: Node, source: Source, numbers: Numbers
) -> tuple[Rule, k.Type]:
    type_node = child(param, "type")
    kind = k.Type(
        name=text_of(type_node) if type_node else "string",  # type: ignore[arg-type]
        nullable=_flag(child(param, "nullable")),
        integral_float=numbers.integral_float,
        numeric_string=numbers.numeric_string,
    )
    said = reader.stated(type_node or param, source)
    return make_rule(reader, place, kind, said, field=name), kind


def _constraints(reader: Reader, param: Node, source: Source) -> Iterator[tuple[k.Kind, Stated]]:
    for key, make in CONSTRAINTS.items():
        node = child(param, key)
        if node is None:
            continue
        said = said_of(reader, node, param, source)
        if key in SWITCHES and plain(said.node) is not True:
            continue
        yield make(said.node, node), said
    pixels = child(param, "pixels")
    if pixels is None:
        return
    also = child(pixels, "also")
    said = said_of(reader, also or pixels, param, source)
    yield k.SizeText(also=tuple(str(value) for value in values_of(said.node)) if also else ()), said
    for key, make in PIXEL_CONSTRAINTS.items():
        node = child(pixels, key)
        if node is not None:
            said = said_of(reader, node, param, source)
            yield make(said.node, node), said


def read_field(reader: Reader, place: Place, name: str, param: Node, numbers: Numbers) -> Field:
    """Read one parameter: its type, its constraints in a fixed order, its default."""
    source = reader.source(child(param, "source"), place.source)
    found = list(_constraints(reader, param, source))
    state = next((k.SLUGS[type(kind)] for kind, _ in found if isinstance(kind, k.Forbidden | k.Ignored)), "allowed")
    rules = [make_rule(reader, place, kind, said, field=name) for kind, said in found if isinstance(kind, k.Required)]
    type_kind = k.Type(name="string")
    if state == "allowed":
        rule, type_kind = _type_rule(reader, place, name, param, source, numbers)
        rules.append(rule)
    rules += [
        make_rule(reader, place, kind, said, field=name) for kind, said in found if not isinstance(kind, k.Required)
    ]
    path = f"{place.operation}/{place.model}/{name}"
    default_node = child(param, "default")
    default = plain_value(reader.stated(default_node, source).node) if default_node else None
    if default_node:
        note = child(param, "default_note")
        said = reader.stated(default_node, source)
        words = f"{name} is {default} when it is left out" + (f" ({text_of(note)})" if note else "")
        reader.state(Topic.DEFAULTS, path, words, said)
    downgraded = _stated_words(
        reader, param, "downgraded", f"{path}/downgraded", f"{name} {{}} is silently treated as {{}}", source
    )
    decided = _stated_words(
        reader, param, "decided", f"{path}/decided", f"for {name} {{}} the server takes {{}}", source
    )
    return Field(
        name=name,
        type=type_kind.name,
        rules=tuple(rules),
        nullable=type_kind.nullable,
        default=default,
        names=tuple(text_of(item) for item in items(child(param, "names"))),
        downgraded=downgraded,
        decided=decided,
        fold_case=any(isinstance(kind, k.OneOf) and kind.fold_case for kind, _ in found),
        state=state,  # type: ignore[arg-type]
    )


def _stated_words(
    reader: Reader, param: Node, key: str, path: str, words: str, source: Source | None
) -> dict[str, k.Plain]:
    """Read a mapping from values to values, one statement for each."""
    node = child(param, key)
    if node is None:
        return {}
    said = reader.stated(node, source)
    found = {value: plain_value(given) for value, given in entries(said.node)}
    for value, given in found.items():
        reader.state(Topic.IMAGES, f"{path}/{value}" if len(found) > 1 else path, words.format(value, given), said)
    return found


def _absent_is_fine(fields: dict[str, Field], other: str, among: tuple[k.Plain, ...]) -> bool:
    """Whether leaving the other field out satisfies a rule: its default decides, and without a default it does not."""
    known = fields.get(other)
    return known is not None and known.default is not None and known.default in among


def _cross(reader: Reader, fields: dict[str, Field], name: str, node: Node) -> k.Kind | None:
    """Read one rule between fields."""
    for key, body in entries(node):
        names = {inner: text_of(value) for inner, value in entries(body) if inner in _NAMES}
        if key == "allowed_with":
            values, among = child(body, "values"), values_of(child(body, "among"))
            absent = child(body, "absent")
            return k.AllowedWith(
                field=names["field"],
                values=values_of(values) if values else None,
                other=names["with"],
                among=among,
                absent=plain(absent) == "allowed" if absent else _absent_is_fine(fields, names["with"], among),
                fold_case=any(fields[item].fold_case for item in (names["field"], names["with"]) if item in fields),
                unless=names.get("unless"),
            )
        if key == "requires":
            return k.Requires(field=names["field"], needs=names["needs"], unless=names.get("unless"))
        if key == "forbids":
            return k.Forbids(field=names["field"], excludes=names["excludes"])
        if key == "at_most_one":
            return k.AtMostOne(fields=tuple(str(value) for value in values_of(body)))
    reader.problem(
        node.mark,
        f"rule {name!r} says nothing that can be checked",
        "add one of allowed_with, requires, forbids, at_most_one",
    )
    return None


_NAMES = frozenset({"field", "with", "needs", "excludes", "unless"})


def _named_fields(kind: k.Kind) -> tuple[str, ...]:
    match kind:
        case k.AllowedWith(field=field, other=other, unless=unless):
            return tuple(name for name in (field, other, unless) if name)
        case k.Requires(field=field, needs=needs, unless=unless):
            return tuple(name for name in (field, needs, unless) if name)
        case k.Forbids(field=field, excludes=excludes):
            return (field, excludes)
        case k.AtMostOne(fields=fields):
            return fields
        case _:
            return ()


def read_shape(reader: Reader, place: Place, node: Node, numbers: Numbers) -> Shape:
    """Read the parameters and rules of one model for one operation."""
    fields: dict[str, Field] = {}
    for name, param in entries(child(node, "params")):
        on = child(param, "on")
        if on is None or place.operation in values_of(on):
            fields[name] = read_field(reader, place, name, param, numbers)
    cross: list[Rule] = []
    for name, item in entries(child(node, "rules")):
        kind = _cross(reader, fields, name, item)
        if kind is None or any(part not in fields for part in _named_fields(kind)):
            _check_names(reader, kind, item, node)
            continue
        said = said_of(reader, item, item, reader.source(child(item, "source"), place.source))
        cross.append(make_rule(reader, place, kind, said, field=_named_fields(kind)[0], name=name))
    unknown = child(node, "unknown_fields")
    unknown_rule = None
    if unknown is not None:
        said = reader.stated(unknown, place.source)
        if plain(said.node) == "refuse":
            unknown_rule = make_rule(reader, place, k.UnknownFields(), said, field=None)
        else:
            reader.state(
                Topic.ANSWERS, f"{place.operation}/{place.model}/unknown-fields", "unknown fields are ignored", said
            )
    return Shape(
        operation=place.operation,
        model=place.model,
        fields=fields,
        cross=tuple(cross),
        unknown=unknown_rule,
        numbers=numbers,
    )


def _check_names(reader: Reader, kind: k.Kind | None, item: Node, model: Node) -> None:
    """A rule that names a field of another operation does not concern this one; a name that nobody has is a mistake."""
    known = [name for name, _ in entries(child(model, "params"))]
    for name in _named_fields(kind) if kind else ():
        if name not in known:
            bodies = [body for _, body in entries(item)]
            said = [node for body in bodies for node in (*(inner for _, inner in entries(body)), *items(body))]
            mark = next((node.mark for node in said if plain(node) == name), item.mark)
            reader.problem(mark, f"the rule names the field {name!r}, which is no parameter", did_you_mean(name, known))
