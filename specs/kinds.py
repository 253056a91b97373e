"""The closed set of things that can be checked on a request, one small class each.

Every derivation (check, valid and breaking bodies, JSON Schema, sentence) is a table over this set; a test proves that
each
table handles each kind. A kind holds plain values only: what to do with them lives with the derivation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TypeName = Literal["string", "integer", "number", "boolean", "strings", "object", "file", "files"]
Plain = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Required:
    """The field must be there and not null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """The JSON type of the field; `strings` is an array of strings, `file` and `files` are multipart uploads.

    `integral_float` takes 1.0 for the integer 1; `numeric_string` takes "1" for it.
    """

    name: TypeName
    nullable: bool = False
    integral_float: bool = True
    numeric_string: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """A closed list of values; `fold_case` ignores the case of ASCII letters."""

    values: tuple[Plain, ...]
    fold_case: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Values that would be well-formed, and are refused all the same (transparent on a model that cannot)."""

    values: tuple[Plain, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """Both ends are allowed."""

    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """The length of a text in Unicode code points, both ends allowed."""

    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """The whole text matches the regular expression (the subset that ECMA 262 and Python share, no anchors)."""

    regex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """The number of entries of an array, or of uploaded files; both ends allowed."""

    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """An http or https URL; for an array, each entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeText:
    """A text of the form WIDTHxHEIGHT, or one of the words in `also`."""

    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeMultiple:
    """Both edges of a WIDTHxHEIGHT are multiples of this many pixels."""

    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeLimit:
    """The longest edge of a WIDTHxHEIGHT, in pixels."""

    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aspect:
    """The long edge is at most this many times the short one."""

    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelBudget:
    """The number of pixels of a WIDTHxHEIGHT, both ends allowed."""

    least: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbidden:
    """The field may not be sent at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """The field may be sent with any value and changes nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownFields:
    """No field may be sent that the contract does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requires:
    """When the field is sent the other one must be sent too; not judged when `unless` is sent."""

    field: str
    needs: str
    unless: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Forbids:
    """When the field is sent the other one may not be."""

    field: str
    excludes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AtMostOne:
    """At most one of these fields may be sent."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowedWith:
    """The field, or these values of it, only together with certain values of another field.

    `values` None means any value. `absent` says whether the other field may be left out (its default decides, when the
    contract is read); `unless` names a field whose presence switches the rule off.
    """

    field: str
    values: tuple[Plain, ...] | None
    other: str
    among: tuple[Plain, ...]
    absent: bool
    fold_case: bool = False
    unless: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBytes:
    """The size of each uploaded file, in bytes."""

    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """The image format of each uploaded file, told from its bytes."""

    formats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAlpha:
    """The uploaded file has an alpha channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SameAs:
    """The uploaded file has the dimensions of the first file of another field, with `format` its format as well."""

    other: str
    format: bool = False


FieldKind = (
    Required
    | Type
    | OneOf
    | Refused
    | Range
    | Length
    | Pattern
    | Items
    | Url
    | SizeText
    | EdgeMultiple
    | EdgeLimit
    | Aspect
    | PixelBudget
    | Forbidden
    | Ignored
    | FileBytes
    | FileFormat
    | FileAlpha
    | SameAs
)
CrossKind = UnknownFields | Requires | Forbids | AtMostOne | AllowedWith
Kind = FieldKind | CrossKind

KINDS: tuple[type[Kind], ...] = (
    Required,
    Type,
    OneOf,
    Refused,
    Range,
    Length,
    Pattern,
    Items,
    Url,
    SizeText,
    EdgeMultiple,
    EdgeLimit,
    Aspect,
    PixelBudget,
    Forbidden,
    Ignored,
    UnknownFields,
    Requires,
    Forbids,
    AtMostOne,
    AllowedWith,
    FileBytes,
    FileFormat,
    FileAlpha,
    SameAs,
)
PIXEL_KINDS = (SizeText, EdgeMultiple, EdgeLimit, Aspect, PixelBudget)

SLUGS: dict[type[Kind], str] = {
    Required: "required",
    Type: "type",
    OneOf: "one-of",
    Refused: "refused",
    Range: "range",
    Length: "length",
    Pattern: "pattern",
    Items: "items",
    Url: "url",
    SizeText: "size-text",
    EdgeMultiple: "edge-multiple",
    EdgeLimit: "edge-limit",
    Aspect: "aspect",
    PixelBudget: "pixel-budget",
    Forbidden: "forbidden",
    Ignored: "ignored",
    UnknownFields: "unknown-fields",
    Requires: "requires",
    Forbids: "forbids",
    AtMostOne: "at-most-one",
    AllowedWith: "allowed-with",
    FileBytes: "file-bytes",
    FileFormat: "file-format",
    FileAlpha: "file-alpha",
    SameAs: "same-as",
}
