"""The lines of a run.jsonl, one class each; `format` 1 changes only by adding.

A file is a header, then exchanges, findings, coverage and pictures in the order in which they came about, then a
footer. No footer: the run was cut off, and what is there is still true. Times are seconds since the start of the run
on a monotonic clock; money is whole micro-dollars.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

FORMAT = 1


class Verdict(StrEnum):
    """What was found about one rule. Only `failed`, `stale` and `errored` make a run end badly."""

    PASSED = "passed"
    FAILED = "failed"
    WARNED = "warned"
    KNOWN = "known"
    STALE = "stale"
    BLOCKED = "blocked"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"
    ERRORED = "errored"

    @property
    def is_judged(self) -> bool:
        """Whether something was really seen: a run without any such verdict is no pass."""
        return self in (Verdict.PASSED, Verdict.FAILED, Verdict.WARNED, Verdict.KNOWN, Verdict.STALE)

    @property
    def is_bad(self) -> bool:
        """Whether it makes the run fail."""
        return self in (Verdict.FAILED, Verdict.STALE)


class _Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="line"):
    """What all lines share: frozen, named fields only, fields with their default left out."""


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a spec file, as a path below the package or the user's own path; lines and columns count from 1."""

    file: str
    line: int
    column: int = 1


class Header(_Line, frozen=True, kw_only=True, tag="header"):
    """The first line. `what` is `gateway`, `client`, `load` or `judge`; `config` holds options without any secret."""

    format: int
    what: str
    spec: str
    title: str
    target: str
    version: str
    started: str
    seed: int
    mode: str = ""
    strict: bool = False
    rules: int = 0
    config: dict[str, str] = msgspec.field(default_factory=dict)
    versions: dict[str, str] = msgspec.field(default_factory=dict)
    max_micro_usd: int | None = None
    micro_usd_per_credit: int | None = None
    expected_requests: int | None = None
    expected_micro_usd: int | None = None
    cadence: tuple[CadenceBand, ...] = ()


class CadenceBand(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Advised polling from `from_s` to `until_s` (None: for ever) after the submit: every `least_s` to `most_s`."""

    from_s: float
    until_s: float | None
    least_s: float
    most_s: float


class Content(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A body without secrets. `text` when it is text, else None; `size` is what was on the wire, in bytes.

    `cut` says that only the beginning is kept. `kind` is the Content-Type.
    """

    size: int
    kind: str = ""
    text: str | None = None
    cut: bool = False


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was sent. `headers` in their order, values of secret ones replaced."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: Content | None = None


class Response(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came back."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: Content | None = None


class Trouble(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why no answer came.

    `kind` is one of `refused`, `dns`, `tls`, `reset`, `timeout`, `redirects`, `too-large`, `protocol`, `over` (the time
    of the whole run has ended).
    """

    kind: str
    says: str


class Exchange(_Line, frozen=True, kw_only=True, tag="exchange"):
    """One request and its answer. `case` says what it was sent for; `task` is the id of the task it is about.

    `state` is the task's state as the answer tells it, in the provider's words. `side` is `client`, or `upstream` for
    what a mock or a proxy saw on its other side. Where a client was watched, `connection` numbers the connections,
    `account_s` is the account's own time since its first request (other than `began_s` where the clock is scaled),
    `rules` are those that the request breaks, `fault` says what the mock did wrong on purpose, and `scenario` in which
    scenario it was.
    """

    id: int
    case: str
    request: Request
    began_s: float
    ended_s: float
    operation: str = ""
    response: Response | None = None
    trouble: Trouble | None = None
    first_byte_s: float | None = None
    task: str | None = None
    state: str | None = None
    micro_usd: int = 0
    curl: str = ""
    side: str = "client"
    note: str = ""
    connection: int | None = None
    account_s: float | None = None
    rules: tuple[str, ...] = ()
    fault: str = ""
    scenario: str = ""


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The exchanges (by id) that show a finding: `bad` broke the contract, `good` is its accepted or right twin."""

    bad: int | None = None
    good: int | None = None
    others: tuple[int, ...] = ()


class Finding(_Line, frozen=True, kw_only=True, tag="finding"):
    """The verdict on one rule.

    `judged` counts what was looked at: zero is never a pass. `expected` and `actual` are one sentence each. `by` names
    the rule that blocks this one, or the baseline entry that knows it. `how` is the rule's provenance, `source` the
    place in the provider's documents, `place` the line of the spec. `basis` says how a refusal was judged: `pair`
    (the repaired twin was accepted) or `contrast` (code, parameter and other refusals only).
    """

    ID: ClassVar[str] = "rule"

    rule: str
    level: str
    verdict: Verdict
    sentence: str
    judged: int = 0
    expected: str = ""
    actual: str = ""
    reason: str = ""
    by: str = ""
    evidence: Evidence | None = None
    more: tuple[str, ...] = ()
    basis: str = ""
    how: str = ""
    source: str = ""
    place: Place | None = None
    url: str = ""
    curl: str = ""
    replay: str = ""
    requests: int = 0
    micro_usd: int = 0
    at_s: float = 0.0


class Coverage(_Line, frozen=True, kw_only=True, tag="coverage"):
    """What the accepted requests of one model covered: values by field, and pairs of values `covered` of `possible`."""

    operation: str
    model: str
    values: dict[str, dict[str, int]]
    pairs_covered: int = 0
    pairs_possible: int = 0
    rows: int = 0


class Picture(_Line, frozen=True, kw_only=True, tag="picture"):
    """One image that was looked at: what was asked for and what came. `thumbnail` is a small JPEG in base64."""

    exchange: int
    case: str
    asked_width: int
    asked_height: int
    asked_format: str
    width: int | None = None
    height: int | None = None
    format: str | None = None
    size: int = 0
    thumbnail: str = ""
    note: str = ""


class Sample(_Line, frozen=True, kw_only=True, tag="sample"):
    """One measured number of a load test."""

    at_s: float
    name: str
    value: float
    labels: dict[str, str] = msgspec.field(default_factory=dict)


class Footer(_Line, frozen=True, kw_only=True, tag="footer"):
    """The last line: how the run ended. `exit` is the exit code, `says` one sentence, `counts` the verdicts."""

    ended_s: float
    exit: int
    says: str
    counts: dict[str, int]
    requests: int = 0
    billable: int = 0
    micro_usd: int = 0
    notes: tuple[str, ...] = ()


Line = Header | Exchange | Finding | Coverage | Picture | Sample | Footer
LINES: tuple[type[Line], ...] = (Header, Exchange, Finding, Coverage, Picture, Sample, Footer)
