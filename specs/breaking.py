"""Values that break one rule of a field, and keep its other rules as far as that can be said of a value alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.check import field_test
from imageproof.specs.files import FileFacts
from imageproof.specs.sizes import size_text
from imageproof.specs.sizing import breaking_sizes, field_region
from imageproof.specs.values import MANY, Limits, limits_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Field, Shape

WRONG_TYPES: dict[k.TypeName, tuple[object, ...]] = {
    "string": (1, True, 1.5, [], {}, ["x"], 0, None),
    "integer": ("x", 1.5, True, [], {}, "", "1", "1.0", None, False),
    "number": ("x", True, [], {}, None),
    "boolean": ("true", 1, 0, [], {}, "yes", None),
    "strings": ("https://example.com/a.png", [1], {}, 1, True, [None], [[]], ["https://example.com/a.png", 2], None),
    "object": ("x", 1, [], True, None),
    "file": ("not a file",),
    "files": ("not a file",),
}
NOT_URLS = (
    "data:image/png;base64,iVBORw0KGgo=",
    "photo.jpg",
    "/home/me/photo.jpg",
    "ftp://example.com/a.png",
    "iVBORw0KGgoAAAANSUhEUg==",
    "",
    "https:/example.com/a.png",
    "file:///etc/passwd",
    "http://",
    "https://exa mple.com/a.png",
    " https://example.com/a.png",
)
NOT_SIZES = (
    "16:9",
    "large",
    "1024",
    "1024X1024",
    "1024x",
    "x1024",
    "1024*1024",
    "",
    "1024x1024 ",
    "01024x1024",
    "-16x1024",
    "1e3x1024",
)
A_FILE = FileFacts(format="png", width=64, height=64, has_alpha=False, size=500)


def breaking_values(rule: Rule, shape: Shape, body: Mapping[str, object]) -> tuple[object, ...]:
    """Candidates for the field of a rule that break the rule; empty when there are none.

    Rules between fields are broken by their maker, not here; for them the result is empty.
    """
    field = shape.fields.get(rule.field or "")
    if field is None:
        return ()
    others = [
        other.kind for other in field.rules if other is not rule and not isinstance(other.kind, k.Required | k.SameAs)
    ]
    candidates = _candidates(rule.kind, field, body)  # type: ignore[arg-type]
    if isinstance(rule.kind, k.Type):
        test = field_test(rule.kind)
        return tuple(value for value in candidates if not test(value) and not (value is None and rule.kind.nullable))
    return tuple(value for value in candidates if all(field_test(kind)(value) for kind in others))  # type: ignore[arg-type]


def is_breakable_alone(rule: Rule, shape: Shape) -> bool:
    """Whether any value of the field breaks this rule and none of its neighbours."""
    return isinstance(rule.kind, k.CrossKind | k.Required) or bool(breaking_values(rule, shape, {}))


def _candidates(kind: k.Kind, field: Field, body: Mapping[str, object]) -> Iterable[object]:  # noqa: C901, PLR0912
    """One line for each kind of the closed set."""
    limits = limits_of(field)
    match kind:
        case k.Type(name=name):
            return WRONG_TYPES[name]
        case k.OneOf():
            return _outside(kind, field)
        case k.Refused(values=values):
            return values
        case k.Range(least=least, most=most):
            return (least - 1, most + 1, least - 1000, most + 1000, 2**53, -(2**53))
        case k.Length(least=least, most=most):
            return _as_array(field, [*(["x" * (least - 1)] if least else []), "x" * (most + 1), "\u4e2d" * (most + 1)])
        case k.Pattern():
            test = field_test(kind)
            return [text for text in ("", "?", "x" * 300, "0", " ", "\n") if not test(text)]
        case k.Items(least=least, most=most):
            return _counts(field, limits, least, most)
        case k.Url():
            return _as_array(field, NOT_URLS)
        case k.SizeText(also=also):
            return [text for text in NOT_SIZES if text not in also]
        case k.EdgeMultiple() | k.EdgeLimit() | k.Aspect() | k.PixelBudget():
            region = field_region(field)
            return [size_text(*size) for size in breaking_sizes(region, k.SLUGS[type(kind)])] if region else ()
        case k.Forbidden():
            return ("x", 1, True, None, [], {})
        case k.FileBytes(most=most):
            return _as_files(field, [replace(_good_file(limits), size=most + 1)])
        case k.FileFormat(formats=formats):
            return _as_files(
                field,
                [replace(_good_file(limits), format=name) for name in ("gif", "bmp", "tiff") if name not in formats],
            )
        case k.FileAlpha():
            return _as_files(field, [replace(_good_file(limits), has_alpha=False)])
        case k.SameAs(other=other):
            return _other_dimensions(limits, body.get(other))
        case _:
            return ()


def _good_file(limits: Limits) -> FileFacts:
    _, formats, alpha = limits.file
    able = [name for name in formats if name != "jpeg"] or list(formats)
    return replace(A_FILE, format=able[0], has_alpha=alpha)


def _other_dimensions(limits: Limits, other: object) -> list[object]:
    first = other[0] if isinstance(other, list) and other else other
    if not isinstance(first, FileFacts):
        return []
    good = _good_file(limits)
    can_be = first.format in limits.file[1] and not (good.has_alpha and first.format == "jpeg")
    same_format = first.format if can_be else good.format
    return [
        replace(good, format=same_format, width=first.width + step, height=first.height + more)
        for step, more in ((16, 0), (0, 16))
    ]


def _as_files(field: Field, values: list[FileFacts]) -> list[object]:
    return [[value] for value in values] if field.type == "files" else list(values)


def _as_array(field: Field, values: Iterable[str]) -> list[object]:
    return (
        [["https://example.com/a.png", value] if index % 2 else [value] for index, value in enumerate(values)]
        if (field.type == "strings")
        else list(values)
    )


def _counts(field: Field, limits: Limits, least: int, most: int) -> list[object]:
    if field.type == "files":
        one: object = _good_file(limits)
    else:
        one = "https://example.com/a.png" if limits.is_url else "x" * max(1, limits.length[0])
    counts = ([least - 1] if least else []) + [most + 1]
    return [[one] * count for count in counts if count <= MANY]


def _outside(kind: k.OneOf, field: Field) -> list[object]:
    """Near misses first: the right word in the wrong case or with a blank is what clients really send."""
    test = field_test(kind)
    first = next((value for value in kind.values if isinstance(value, str) and value), None)
    if first is None:
        numbers = [value for value in kind.values if isinstance(value, int)]
        found: list[object] = [max(numbers) + 1, min(numbers) - 1, 0, -1, 10**6] if numbers else ["x"]
    else:
        found = [
            first.upper(),
            f"{first} ",
            f" {first}",
            first.capitalize(),
            "",
            "unknown",
            first[:-1],
            f"{first}x",
            "1024x1024",
            "null",
        ]
    return (
        [value for value in found if not test(value)]
        if field.type != "strings"
        else [[value] for value in found if not test([value])]
    )
