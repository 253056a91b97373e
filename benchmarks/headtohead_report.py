"""What a tool reported of one mock, the same for both tools, and what came of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from imageproof.selftest import Case

Key = tuple[str, str, str]  # operation or rule, check, and the reason of a refusal

# The checks of Schemathesis whose failure says what is wrong, where the broken rule is not about a field of a request.
FITTING = {
    "accepts": {"negative_data_rejection"},
    "too-wide": {"negative_data_rejection"},
    "refuses": {"positive_data_acceptance"},
    "status": {"status_code_conformance", "not_a_server_error", "response_schema_conformance"},
    "moved": {"status_code_conformance"},
    "code": {"response_schema_conformance"},
    "type": {"response_schema_conformance"},
    "missing": {"response_schema_conformance"},
    "retyped": {"response_schema_conformance"},
    "null": {"response_schema_conformance"},
    "renamed": {"response_schema_conformance"},
    "other-form": {"response_schema_conformance"},
    "broken": {"response_schema_conformance", "content_type_conformance"},
    "header": {"response_headers_conformance"},
    "open": {"ignored_auth", "object_level_authorization", "missing_required_header"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One failure: what it is known by from run to run, all that is printed of it, the number of its request."""

    key: Key
    text: str
    request: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run came to; `was_ended` when it took too long, and what was told by then counts."""

    failures: tuple[Failure, ...]
    requests: int
    was_ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A tool on a mock: `until` is the number of the request that shows the fault, `told` the first failure."""

    is_caught: bool
    is_named: bool
    until: int | None
    requests: int
    seconds: float
    cpu_s: float
    told: str
    was_ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One sabotage and what both made of it."""

    sabotage: str
    says: str
    family: str
    spec: str
    ours: Outcome
    theirs: Outcome


def new(report: Report, noise: Collection[Key]) -> list[Failure]:
    """The failures that an honest mock does not cause."""
    return [failure for failure in report.failures if failure.key not in noise]


def is_named_by_us(case: Case, failures: list[Failure]) -> bool:
    """Whether the first failure is the broken rule."""
    return bool(failures) and failures[0].key[0] == case.rule


def is_named_by_them(case: Case, failures: list[Failure], fields: Collection[str]) -> bool:
    """Whether some failure tells the field of the broken rule, or, without a field, is of a check that fits."""
    field = next((part for part in case.rule.split("/")[-2:-1] if part in fields), None)
    if field is not None and case.rule.count("/") > 3:  # noqa: PLR2004  (spec, operation, model, field, rule)
        return any(field in failure.text for failure in failures)
    return any(failure.key[1] in FITTING.get(case.family, ()) for failure in failures)
