"""A value for a field that keeps all rules of that field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.choices import chance, pick
from imageproof.specs.files import FileFacts
from imageproof.specs.sizes import size_text
from imageproof.specs.sizing import region_of, widths_of

if TYPE_CHECKING:
    from imageproof.specs.choices import Choices
    from imageproof.specs.model import Field, Shape

MANY = 4096
SMALL_EDGES = (64, 48, 96)
URLS = (
    "https://example.com/photo.jpg",
    "http://example.com/a.png",
    "https://cdn.example.org:8443/x/y.webp?w=1&h=2#f",
    "HTTPS://EXAMPLE.COM/%E4%B8%AD.png",
    "https://user@example.com/~a/(1).png",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The rules of a field in the form that makers need."""

    one_of: tuple[k.Plain, ...] | None
    refused: tuple[k.Plain, ...]
    least: int | None
    most: int | None
    length: tuple[int, int]
    items: tuple[int, int]
    is_url: bool
    fold_case: bool
    file: tuple[int, tuple[str, ...], bool]


def limits_of(field: Field) -> Limits:
    """Collect the rules of a field."""
    found: dict[type[k.Kind], k.Kind] = {type(rule.kind): rule.kind for rule in field.rules}  # type: ignore[misc]
    one_of, refused, span = found.get(k.OneOf), found.get(k.Refused), found.get(k.Range)
    length, items = found.get(k.Length), found.get(k.Items)
    file_bytes, formats = found.get(k.FileBytes), found.get(k.FileFormat)
    required = k.Required in found
    return Limits(
        one_of=one_of.values if isinstance(one_of, k.OneOf) else None,
        refused=refused.values if isinstance(refused, k.Refused) else (),
        least=span.least if isinstance(span, k.Range) else None,
        most=span.most if isinstance(span, k.Range) else None,
        length=(length.least, length.most) if isinstance(length, k.Length) else (int(required), MANY),
        items=(items.least, items.most) if isinstance(items, k.Items) else (int(required), 4),
        is_url=k.Url in found,
        fold_case=isinstance(one_of, k.OneOf) and one_of.fold_case,
        file=(
            file_bytes.most if isinstance(file_bytes, k.FileBytes) else 10_000_000,
            formats.formats if isinstance(formats, k.FileFormat) else ("png", "jpeg", "webp"),
            k.FileAlpha in found,
        ),
    )


def valid_value(field: Field, choices: Choices, shape: Shape, *, least_items: int = 0) -> object:
    """A value that breaks no rule of the field. Array fields get at least `least_items` entries."""
    limits = limits_of(field)
    match field.type:
        case "strings":
            count = choices.integer(max(limits.items[0], least_items), min(limits.items[1], max(limits.items[0], 3)))
            count = limits.items[1] if chance(choices, 5) else count
            return [_url_or_text(limits, choices) for _ in range(max(count, least_items))]
        case "file":
            return _file(limits, choices)
        case "files":
            count = choices.integer(max(limits.items[0], least_items, 1), min(limits.items[1], 3))
            return [_file(limits, choices) for _ in range(count)]
        case "boolean":
            return bool(choices.integer(0, 1))
        case "integer":
            return _integer(limits, choices, shape)
        case "number":
            return choices.integer(limits.least or 0, limits.most if limits.most is not None else 100)
        case "object":
            return {}
        case "string":
            return _string(field, limits, choices)


def _integer(limits: Limits, choices: Choices, shape: Shape) -> object:
    if limits.one_of is not None:
        return _open(limits, pick(choices, _allowed(limits)), choices)
    value = choices.integer(
        limits.least if limits.least is not None else 0, limits.most if limits.most is not None else 1000
    )
    if shape.numbers.integral_float and chance(choices, 5):
        return float(value)
    return value


def _open(limits: Limits, value: k.Plain, choices: Choices) -> k.Plain:
    """Change the case of a value where case does not count."""
    if limits.fold_case and isinstance(value, str) and chance(choices, 30):
        return value.swapcase()
    return value


def _allowed(limits: Limits) -> tuple[k.Plain, ...]:
    return tuple(value for value in limits.one_of or () if value not in limits.refused)


def _string(field: Field, limits: Limits, choices: Choices) -> object:
    if limits.one_of is not None:
        return _open(limits, pick(choices, _allowed(limits)), choices)
    region = region_of(rule.kind for rule in field.rules)  # type: ignore[misc]
    if region is not None:
        words = next((rule.kind.also for rule in field.rules if isinstance(rule.kind, k.SizeText)), ())
        if words and chance(choices, 25):
            return pick(choices, words)
        width = pick(choices, widths_of(region))
        return size_text(width, pick(choices, region.heights(width)))
    return _url_or_text(limits, choices)


def _url_or_text(limits: Limits, choices: Choices) -> str:
    if limits.is_url:
        return pick(choices, URLS)
    return choices.text(*limits.length)


def _file(limits: Limits, choices: Choices) -> FileFacts:
    most, formats, alpha = limits.file
    able = [name for name in formats if name != "jpeg"] if alpha else [name for name in formats if name != "gif"]
    name = pick(choices, able)
    has_alpha = alpha or (name != "jpeg" and chance(choices, 20))
    return FileFacts(
        format=name,
        width=pick(choices, SMALL_EDGES),
        height=pick(choices, SMALL_EDGES),
        has_alpha=has_alpha,
        size=min(most, 2000),
        name=f"image.{name}",
    )
