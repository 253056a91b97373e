"""The values of each field that are worth a request: everything that is documented, and both ends of every span.

Left out on purpose: files of the greatest documented size, which are megabytes, and empty lists, which say no more than
a field that is left out.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import TYPE_CHECKING, Literal

from imageproof.specs import kinds as k
from imageproof.specs.check import field_test
from imageproof.specs.files import FileFacts
from imageproof.specs.pairs import SIMPLEST
from imageproof.specs.sizes import size_text
from imageproof.specs.sizing import Region, field_region, widths_of
from imageproof.specs.values import URLS, limits_of, valid_value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.specs.model import Field, Shape
    from imageproof.specs.values import Limits


class Absent(Enum):
    """The one value that says that a field is left out."""

    ABSENT = "left out"


ABSENT: Literal[Absent.ABSENT] = Absent.ABSENT
LONGEST_TEXT = 40_000
MOST_SIZES = 8
MANY_ENTRIES = 64
PROMPT = "a red fox"
FOREIGN = "\u00e9\u4e2d\U0001f98a"  # one, three and four bytes of UTF-8 for what people call a character
A_FILE = FileFacts(format="png", width=64, height=48, has_alpha=False, size=0)
COMMON_SIZES = ((1024, 1024), (1536, 1024), (1024, 1536))


def factors(shape: Shape) -> dict[str, tuple[object, ...]]:
    """The values of each field that may be sent, by its name; optional fields can be left out as well.

    A shape with files is sent as a form, which cannot say null.
    """
    out: dict[str, tuple[object, ...]] = {}
    is_form = any(item.type in ("file", "files") for item in shape.fields.values())
    for item in shape.fields.values():
        if item.type == "object" or item.state == "forbidden":
            continue
        values = list(_values(item, shape))
        if item.nullable and item.state == "allowed" and not is_form:
            values.append(None)
        if not any(isinstance(rule.kind, k.Required) for rule in item.rules):
            values.append(ABSENT)
        out[item.name] = _distinct(values)
    return out


def _distinct(values: Iterable[object]) -> tuple[object, ...]:
    """Each value once; 1 and True are two values, as they are in JSON."""
    kept: dict[tuple[type, str], object] = {}
    for value in values:
        kept.setdefault((type(value), repr(value)), value)
    return tuple(kept.values())


def _values(item: Field, shape: Shape) -> Iterable[object]:
    limits = limits_of(item)
    if item.state == "ignored":
        return ["x"]
    named = (value for value in (item.default, *item.decided, *item.downgraded) if value is not None)
    found = [value for value in (*_of_type(item, limits, shape), *named) if _keeps(item, value)]
    return found or [valid_value(item, SIMPLEST, shape, least_items=1)]


def _keeps(item: Field, value: object) -> bool:
    kinds = [rule.kind for rule in item.rules if not isinstance(rule.kind, k.Required | k.SameAs | k.Ignored)]
    return all(field_test(kind)(value) for kind in kinds)  # type: ignore[arg-type]


def _of_type(item: Field, limits: Limits, shape: Shape) -> list[object]:
    if limits.one_of is not None:
        return _listed(limits)
    match item.type:
        case "boolean":
            return [False, True]
        case "integer" | "number":
            return _span(limits)
        case "string":
            return _texts(item, limits, shape)
        case "strings":
            return [[_one(limits)] * count for count in _counts(limits)]
        case "file" | "files":
            return _files(item, limits)
        case _:
            return []


def _listed(limits: Limits) -> list[object]:
    values: list[object] = [value for value in limits.one_of or () if value not in limits.refused]
    if limits.fold_case:
        values += [value.swapcase() for value in values if isinstance(value, str) and value.swapcase() != value][:1]
    return values


def _span(limits: Limits) -> list[object]:
    least = limits.least if limits.least is not None else 0
    most = limits.most if limits.most is not None else least + 1
    return [least, most, (least + most) // 2]


def _texts(item: Field, limits: Limits, shape: Shape) -> list[object]:
    region = field_region(item)
    if region is not None:
        words = next((rule.kind.also for rule in item.rules if isinstance(rule.kind, k.SizeText)), ())
        return [*words, *(size_text(*size) for size in boundary_sizes(region))]
    if limits.is_url:
        return list(URLS[:2])
    least, most = limits.length
    short = PROMPT if least <= len(PROMPT) <= most else valid_value(item, SIMPLEST, shape)
    has_length = any(isinstance(rule.kind, k.Length) for rule in item.rules)
    if not has_length:
        return [short, f"{PROMPT} {FOREIGN}"]
    foreign = (FOREIGN * (1 + most // len(FOREIGN)))[:most] if most <= LONGEST_TEXT else f"{PROMPT} {FOREIGN}"
    return [short, *(["x" * least] if least else []), foreign]


def boundary_sizes(region: Region) -> list[tuple[int, int]]:
    """Usual sizes, and those at the corners of what is allowed: the least and the greatest areas, edges and ratios."""
    widths = widths_of(region)
    usual = [size for size in COMMON_SIZES if region.holds(*size)]
    corners = [(width, height) for width in widths for height in (region.heights(width)[0], region.heights(width)[-1])]
    if not corners:
        return usual
    extremes = [
        min(corners, key=lambda size: (size[0] * size[1], abs(size[0] - size[1]))),
        max(corners, key=lambda size: (size[0] * size[1], -abs(size[0] - size[1]))),
        max(corners, key=lambda size: (max(size), size[0] * size[1], size[0])),
        max(corners, key=lambda size: (size[0] / size[1], -size[0] * size[1])),
        max(corners, key=lambda size: (size[1] / size[0], -size[0] * size[1])),
    ]
    return list(dict.fromkeys([*extremes, *usual]))[:MOST_SIZES]


def _one(limits: Limits) -> str:
    return URLS[0] if limits.is_url else "x" * max(1, limits.length[0])


def _counts(limits: Limits) -> list[int]:
    least, most = limits.items
    return [count for count in dict.fromkeys((max(1, least), most)) if count <= MANY_ENTRIES]


def _files(item: Field, limits: Limits) -> list[object]:
    _, formats, alpha = limits.file
    able = [name for name in formats if not (alpha and name == "jpeg")]
    each = [replace(A_FILE, format=name, has_alpha=alpha) for name in able]
    if item.type == "file":
        return list(each)
    most = limits.items[1]
    several = [[each[0]] * most] if 1 < most <= MANY_ENTRIES and each else []
    return [*([one] for one in each), *several]
