"""Answers as values, and how a refusal is put into the provider's own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from imageproof.specs.template import fill
from imageproof.specs.wording import predicate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.mock_server.faults.way import Way
    from imageproof.specs.check import Violation
    from imageproof.specs.model import ErrorAnswer, Operation, Spec

JSON = "application/json"
SHOWN = 200


@dataclass(slots=True)
class Reply:
    """One answer, ready to be sent. `stay` False closes the connection after it; `way` says how it travels badly."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON
    note: str | None = None
    stay: bool = True
    way: Way | None = None


def shown(value: object) -> str:
    """A value for an error message: texts as they are, the rest as JSON, long ones cut."""
    if isinstance(value, str):
        text = value
    else:
        try:
            text = orjson.dumps(value).decode()
        except (TypeError, ValueError):
            text = type(value).__name__
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def error_body(
    spec: Spec,
    operation: Operation | None,
    answer: ErrorAnswer,
    context: Mapping[str, object],
    message: str | None = None,
) -> bytes:
    """The body of a refusal: the answer's own envelope, else the operation's, else the provider's."""
    words = {"field": "", "value": "", "reason": "", "model": "", "retry_after": 1, **context}
    full = {
        **words,
        "code": answer.code,
        "type": answer.type,
        "status": answer.status,
        "param": (fill(answer.param, words) or None) if answer.param is not None else None,
        "message": fill(message if message is not None else answer.message, words),
    }
    envelope = answer.envelope or (operation.envelope if operation else None) or spec.envelope
    return envelope.encode(full)


def violation_context(violation: Violation) -> dict[str, object]:
    """What a message template may say about a broken rule."""
    kind = violation.rule.kind
    return {
        "field": violation.where,
        "value": shown(violation.got),
        "reason": predicate(kind),  # type: ignore[arg-type]
    }
