"""A provider's contract as values: what one YAML file says, read, checked and frozen.

Durations are seconds, money is whole micro-dollars (1 USD = 1,000,000), sizes are pixels or bytes, and say so in their
names. The file is long because it is the one page on which the whole contract can be read at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.advice import Check
    from imageproof.specs.facts import Rule
    from imageproof.specs.kinds import Plain, TypeName
    from imageproof.specs.template import Template

JsonTree = None | bool | int | float | str | list["JsonTree"] | dict[str, "JsonTree"]


class Phase(StrEnum):
    """The four states that every provider's own state names stand for."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether a task can leave this state."""
        return self in (Phase.SUCCEEDED, Phase.FAILED)


class Does(StrEnum):
    """What an operation is for; the mock has one behaviour for each."""

    SUBMIT = "submit"
    POLL = "poll"
    RESULT = "result"
    GENERATE = "generate"
    EDIT = "edit"
    UPLOAD = "upload"
    BALANCE = "balance"
    MODELS = "models"


HOLDS = frozenset({Does.GENERATE, Does.EDIT})
MAKES_IMAGES = HOLDS | {Does.SUBMIT}
ASKS_FOR_TASK = frozenset({Does.POLL, Does.RESULT})
Content = Literal["none", "json", "multipart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One entry of a spec's `sources`."""

    tag: str
    kind: str
    title: str
    url: str
    seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How a provider takes the numbers that JSON confuses."""

    integral_float: bool = True
    numeric_string: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """How a request says who sends it: `<header>: <scheme> <key>`; an empty scheme means the key alone."""

    header: str
    scheme: str
    key_pattern: str
    key_example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorAnswer:
    """One documented refusal. `code` is sent as it is written (integer or text)."""

    name: str
    status: int
    message: str
    code: Plain = None
    type: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    retry: str = "never"
    emitted: bool = True
    envelope: Template | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One documented way in which an accepted task ends without a result."""

    name: str
    message: str
    code: Plain = None
    retry: str = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Where finished images are fetched and for how long. `expires_s` None means the image is in the answer."""

    url: str
    expires_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PollPhase:
    """Until `until_s` after the submit (None: for ever), poll every `every_s` (least, most) seconds."""

    until_s: float | None
    every_s: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """The advised cadence of polls."""

    first_s: float
    phases: tuple[PollPhase, ...]
    give_up_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """The life of an asynchronous task."""

    id_template: str
    states: Mapping[Phase, str]
    failures: Mapping[str, Failure]
    polling: Polling | None = None
    alias_field: str | None = None
    progress: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A token bucket: `per_minute` on average, at most `burst` at once; `headers` are sent on each answer."""

    per_minute: int
    burst: int
    scope: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Billing:
    """When money moves."""

    micro_usd_per_credit: int | None
    on_disconnect: Literal["charged", "refunded"] = "charged"
    charge_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Signed calls back. `signature` and `headers` are templates; `retries_s` are the waits between tries."""

    url_field: str | None
    algorithm: Literal["hmac-sha256-hex", "hmac-sha256-base64"]
    signed: str
    headers: Mapping[str, str]
    body: Template
    events: Mapping[Phase, str]
    timeout_s: float
    retries_s: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A good answer: one body, or one for each phase of a task."""

    status: int
    body: Template | None
    by_phase: Mapping[Phase, Template]
    may_omit_null: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The server-sent events of an operation: `switch` is the boolean field that asks for them."""

    switch: str
    partials: str
    partial_event: str
    partial: Template
    completed_event: str
    completed: Template


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be done, as it stands on the wire."""

    name: str
    does: Does
    method: str
    path: str
    content: Content
    answer: Answer
    stream: Stream | None = None
    envelope: Template | None = None
    max_bytes: int | None = None
    id_template: str | None = None
    states: Mapping[Phase, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a request of one model: `rules` are judged in their order, a wrong type ends it.

    `downgraded` values are silently taken for others; `decided` is what the server makes of a value such as `auto`, and
    what its answers repeat.
    """

    name: str
    type: TypeName
    rules: tuple[Rule, ...]
    nullable: bool = False
    default: Plain = None
    names: tuple[str, ...] = ()
    downgraded: Mapping[str, Plain] = field(default_factory=dict)
    decided: Mapping[str, Plain] = field(default_factory=dict)
    fold_case: bool = False
    state: Literal["allowed", "forbidden", "ignored"] = "allowed"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Everything that a request of one model to one operation may hold."""

    operation: str
    model: str
    fields: Mapping[str, Field]
    cross: tuple[Rule, ...]
    unknown: Rule | None
    numbers: Numbers

    @cached_property
    def allowed(self) -> tuple[Field, ...]:
        """The fields that mean something: neither forbidden nor ignored."""
        return tuple(item for item in self.fields.values() if item.state == "allowed")

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules of the shape, in the order of the spec."""
        own = [rule for item in self.fields.values() for rule in item.rules]
        last = [self.unknown] if self.unknown else []
        return tuple(own) + self.cross + tuple(last)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """How a request names its model: a field of the body, or a part of the path when `field` is None."""

    field: str | None
    default: str | None
    example: str
    rules: tuple[Rule, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelTable:
    """From the values of fields to pixels; a portrait ratio is its landscape twin turned where `transpose` says so."""

    by: tuple[str, ...]
    cells: Mapping[tuple[str, ...], tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """How the output size follows from a request: an exact WIDTHxHEIGHT field first, then a table, then `fallback`."""

    exact: str | None
    table: PixelTable | None
    auto: Mapping[str, str]
    fallback: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """What comes out. Each text names a field of the request, or is the value itself."""

    count: str | int
    format: str
    compression: str | None
    background: str | None
    references: tuple[str, ...]
    mask: str | None
    prompt: str
    kind: str
    prefix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """How long a task runs when every field in `when` has one of the values: from `seconds[0]` to `seconds[1]`."""

    when: Mapping[str, tuple[Plain, ...]]
    seconds: tuple[float, float]
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """One row of a price list; the first row whose `when` fits is in force. None: no page gives the price."""

    when: Mapping[str, tuple[Plain, ...]]
    micro_usd: int | None
    each: Literal["request", "image"]
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A token tariff: micro-dollars for one token of each sort, and how tokens are counted."""

    text_in_micro_usd: int
    image_in_micro_usd: int
    image_out_micro_usd: int
    output: OutputTokens
    text_chars_per_token: int
    text_overhead: int
    reference_tokens: tuple[tuple[int, int], ...]
    partial_tokens: int
    rule: Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTokens:
    """Output tokens by quality: a grid formula, or a table by shape (square, portrait, landscape)."""

    quality_field: str
    auto_quality: str
    grid: Mapping[str, int] = field(default_factory=dict)
    base: int = 0
    divisor: int = 1
    table: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model: its request shapes by operation and what it makes, how long it takes and what it costs.

    `errors` says which answer of the spec stands for another one on this model.
    """

    name: str
    shapes: Mapping[str, Shape]
    pixels: Pixels
    images: Images
    durations: tuple[Duration, ...]
    prices: tuple[Price, ...]
    tokens: Tokens | None
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One provider, or one profile of it (`name` is `provider` or `provider@profile`).

    `checks` are what can be seen of clients, by the ids of the advice that asks for it.
    """

    name: str
    provider: str
    profile: str | None
    profiles: tuple[str, ...]
    title: str
    base_url: str
    path: str
    sources: Mapping[str, Page]
    numbers: Numbers
    auth: Auth
    order: tuple[str, ...]
    envelope: Template
    request_id: str
    request_id_header: str | None
    errors: Mapping[str, ErrorAnswer]
    tasks: Tasks | None
    results: Results | None
    queue_s: tuple[float, float]
    billing: Billing
    limits: Mapping[str, Limit]
    idempotency_header: str | None
    idempotency_honoured: bool
    webhooks: Webhooks | None
    operations: Mapping[str, Operation]
    selector: Selector
    models: Mapping[str, Model]
    shapes: Mapping[str, Shape]
    rules: tuple[Rule, ...]
    checks: Mapping[str, Check] = field(default_factory=dict)

    def operation_for(self, does: Does) -> Operation | None:
        """The first operation with this purpose, if the provider has one."""
        return next((item for item in self.operations.values() if item.does is does), None)
