"""The rules of a contract that are not about what a request holds: answers, states, times, money, advice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Topic(StrEnum):
    """What a statement is about; also the second part of its id."""

    AUTH = "auth"
    ORDER = "order"
    NUMBERS = "numbers"
    ERRORS = "errors"
    ANSWERS = "answers"
    STREAM = "stream"
    STATES = "states"
    FAILURES = "failures"
    RETRIES = "retries"
    RESULTS = "results"
    POLLING = "polling"
    TIMING = "timing"
    PIXELS = "pixels"
    IMAGES = "images"
    PRICE = "price"
    BILLING = "billing"
    LIMITS = "limits"
    IDEMPOTENCY = "idempotency"
    WEBHOOKS = "webhooks"
    DEFAULTS = "defaults"
    ADVICE = "advice"
    GENERAL = "general"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A sentence about one topic; its values stand in the spec under that topic."""

    topic: Topic


ContractKind = Statement
