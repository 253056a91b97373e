"""What a sabotage is: one lie of a mock, tied to the one rule that it breaks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imageproof.mock_server.deviations import Deviation
    from imageproof.specs.model import Spec


class Family(StrEnum):
    """The ways to be wrong; the last part of an id."""

    ACCEPTS = "accepts"
    REFUSES = "refuses"
    TOO_WIDE = "too-wide"
    WRONG_CODE = "wrong-code"
    STATUS = "status"
    CODE = "code"
    TYPE = "type"
    MISSING = "missing"
    RETYPED = "retyped"
    NULL = "null"
    MOVED = "moved"
    RENAMED = "renamed"
    FLIPS = "flips"
    FALLS = "falls"
    OTHER_SIZE = "other-size"
    OTHER_COUNT = "other-count"
    OTHER_FORMAT = "other-format"
    OTHER_FORM = "other-form"
    OTHER_DEFAULT = "other-default"
    OTHER_PRICE = "other-price"
    BILLED = "billed"
    ORDER = "order"
    UNREACHABLE = "unreachable"
    UNLIMITED = "unlimited"
    HEADER = "header"
    OPEN = "open"
    LEAKS = "leaks"
    CACHED = "cached"
    BROKEN = "broken"
    SWAPPED = "swapped"
    SUMS = "sums"
    REPEATED = "repeated"
    COUNTED = "counted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sabotage:
    """One lie. `id` is the id of the rule, `!` and the family; `says` is one sentence about what the mock does wrong.

    `spec` is the contract that it serves instead, `deviation` what it does besides.
    """

    id: str
    rule: str
    family: Family
    says: str
    spec: Spec
    deviation: Deviation | None = None


class UnknownSabotageError(ValueError):
    """An id that no sabotage of the served specs has."""
