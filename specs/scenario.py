"""A scenario: a job for a client, what its provider does meanwhile, and what a good client makes of it. As values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.faults import Fault
    from imageproof.specs.model import JsonTree
    from imageproof.specs.problems import Mark


class Outcome(StrEnum):
    """What a client should tell its caller."""

    DONE = "done"
    FAILED = "failed"
    EITHER = "either"


class Needs(StrEnum):
    """What a provider must have for a scenario to make sense."""

    TASKS = "tasks"
    SYNC = "sync"
    STREAM = "stream"
    EDIT = "edit"
    URLS = "urls"
    BASE64 = "base64"
    SEVERAL = "several"
    REFERENCES = "references"
    WEBHOOKS = "webhooks"
    LIMITS = "limits"
    MODERATION = "moderation"
    RESULT = "result"
    FAILURES = "failures"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a client is asked for, in no provider's words.

    `images` is how many, where the model can make several; `references` how many URLs of reference images; `fields`
    are fields of the request that are set besides, by name, where the model has them.
    """

    operation: str = "generate"
    prompt: str = "a lighthouse at dusk"
    images: int = 1
    references: int = 0
    stream: bool = False
    fields: Mapping[str, JsonTree]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a good client does.

    `rule` is the slug of the client rule that a wrong outcome breaks. `submits` bounds how many accepted submits there
    may be (None: no bound); `kinds` are the kinds of error that fit, when it fails (empty: any).
    """

    outcome: Outcome
    rule: str = "outcome"
    images: int | None = None
    submits: int | None = 1
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One scenario.

    `plan` are words of test cards (`slow: 90s; polls: 3`) that shape the job; `limits` says whether the documented rate
    limits are kept. `within_s` is how long a good client may take, in the account's own seconds. `real_time` marks one
    whose clock can't be scaled, as it is about real waits. `only` restricts it to providers by name.
    """

    name: str
    teaches: str
    needs: frozenset[Needs]
    only: tuple[str, ...]
    plan: str
    faults: tuple[Fault, ...]
    job: Job
    expected: Expected
    limits: bool
    real_time: bool
    within_s: float
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The job of a scenario at one provider: what `job.json` holds.

    `request` is a whole valid body; for forms `files` are paths by the name of the part. `size` is what the images will
    be, `images` how many will come.
    """

    provider: str
    scenario: str
    operation: str
    method: str
    path: str
    content: str
    model: str
    prompt: str
    images: int
    size: str | None
    stream: bool
    request: Mapping[str, JsonTree]
    files: Mapping[str, tuple[str, ...]]
