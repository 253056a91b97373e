"""The sentence of a rule, for error messages, `imageproof explain` and the tables of the docs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs import kinds as k

if TYPE_CHECKING:
    from collections.abc import Iterable

TYPES: dict[k.TypeName, str] = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "a boolean",
    "strings": "an array of strings",
    "object": "an object",
    "file": "an uploaded file",
    "files": "uploaded files",
}


def listed(values: Iterable[k.Plain]) -> str:
    """Join values for a sentence: `a, b, c`."""
    return ", ".join(value if isinstance(value, str) else repr(value).lower() for value in values)


def _between(least: int, most: int, unit: str) -> str:
    if least == most:
        return f"exactly {least:,} {unit}".rstrip()
    if least == 0:
        return f"at most {most:,} {unit}".rstrip()
    return f"{least:,} to {most:,} {unit}".rstrip()


def predicate(kind: k.Kind) -> str:  # noqa: C901, PLR0912  (a table over the closed set, one line each)
    """What the rule says of its field, beginning with a verb: `must be one of 1k, 2k, 4k`."""
    match kind:
        case k.Required():
            return "is required"
        case k.Type(name=name, nullable=nullable):
            return f"must be {TYPES[name]}" + (" or null" if nullable else "")
        case k.OneOf(values=[value]):
            return f"must be {listed([value])}"
        case k.OneOf(values=values, fold_case=fold_case):
            return f"must be one of {listed(values)}" + (" (in any case)" if fold_case else "")
        case k.Refused(values=values):
            return f"may not be {listed(values)}"
        case k.Range(least=least, most=most):
            return f"must be from {least} to {most}"
        case k.Length(least=least, most=most):
            return f"must have {_between(least, most, 'characters')}"
        case k.Pattern(regex=regex):
            return f"must match {regex}"
        case k.Items(least=least, most=most):
            return f"must have {_between(least, most, 'entries')}"
        case k.Url():
            return "must be a public http(s) URL"
        case k.SizeText(also=also):
            return "must be WIDTHxHEIGHT" + (f" or {listed(also)}" if also else "")
        case k.EdgeMultiple(of=of):
            return f"must have both edges divisible by {of}"
        case k.EdgeLimit(most=most):
            return f"must have no edge longer than {most}"
        case k.Aspect(most=most):
            return f"must have a long edge of at most {most} times the short one"
        case k.PixelBudget(least=least, most=most):
            return f"must have {_between(least, most, 'pixels')}"
        case k.Forbidden():
            return "may not be sent"
        case k.Ignored():
            return "may be sent with any value and changes nothing"
        case k.UnknownFields():
            return "no field may be sent that is not documented"
        case k.Requires(needs=needs, unless=unless):
            return f"needs {needs} to be sent too" + (f" (unless {unless} is sent)" if unless else "")
        case k.Forbids(excludes=excludes):
            return f"may not be sent together with {excludes}"
        case k.AtMostOne(fields=fields):
            return f"at most one of {listed(fields)} may be sent"
        case k.AllowedWith() as kind:
            return _allowed_with(kind)
        case k.FileBytes(most=most):
            return f"must be at most {most:,} bytes each"
        case k.FileFormat(formats=formats):
            return f"must be an image in {listed(formats)}"
        case k.FileAlpha():
            return "must have an alpha channel"
        case k.SameAs(other=other, format=same_format):
            return f"must have the same dimensions{' and format' if same_format else ''} as {other}"


def _allowed_with(kind: k.AllowedWith) -> str:
    which = f" {listed(kind.values)}" if kind.values is not None else ""
    absent = " or left out" if kind.absent else ""
    unless = f" (unless {kind.unless} is sent)" if kind.unless else ""
    return f"{which.strip() or 'any value'} is allowed only with {kind.other} {listed(kind.among)}{absent}{unless}"


def sentence(kind: k.Kind, field: str | None) -> str:
    """The whole sentence, led by the field it is about."""
    text = predicate(kind)
    return text if field is None or isinstance(kind, k.UnknownFields | k.AtMostOne) else f"{field} {text}"
