"""Judge one refusal: was it one, and is it the one that the contract names. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from imageproof.specs.answers_schema import error_schema
from imageproof.specs.schema import validator
from imageproof.specs.template import PLACEHOLDER, placeholders
from imageproof.suites.gateway.reading import ErrorSaid, read_error

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import ErrorAnswer, Model, Operation, Spec
    from imageproof.suites.gateway.bench import Seen


class Aspect(StrEnum):
    """The ways in which an answer can differ from the refusal that it should be."""

    ACCEPTED = "accepted"
    STATUS = "status"
    CODE = "code"
    TYPE = "type"
    PARAM = "param"
    BODY = "body"
    HEADER = "header"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One aspect, in two half sentences."""

    aspect: Aspect
    expected: str
    actual: str


def answer_for(spec: Spec, model: Model | None, name: str) -> ErrorAnswer:
    """The error answer of a name: the model's own where it has one, the internal error when none is documented."""
    own = model.errors.get(name, name) if model else name
    return spec.errors.get(own) or spec.errors.get(name) or spec.errors["internal"]


def answer_to(spec: Spec, model: Model | None, rule: Rule) -> ErrorAnswer:
    """The error answer that a broken rule gets."""
    return answer_for(spec, model, rule.error or "invalid_param")


def differences(
    spec: Spec, operation: Operation | None, answer: ErrorAnswer, seen: Seen, *, field: str | None = None
) -> list[Difference]:
    """Everything in which an answer is not the documented refusal; empty when it is."""
    wanted = f"{answer.name}: status {answer.status}" + (f", code {answer.code!r}" if answer.code is not None else "")
    if seen.is_good:
        return [Difference(aspect=Aspect.ACCEPTED, expected=wanted, actual=f"accepted with status {seen.status}")]
    said = read_error(spec, operation, answer, seen.tree)
    out: list[Difference] = []
    if seen.status != answer.status:
        actual = f"status {seen.status}, {said}"
        out.append(Difference(aspect=Aspect.STATUS, expected=wanted, actual=actual))
    if seen.tree is None:
        kind = "an HTML page" if seen.is_html else f"{len(seen.body)} bytes of {seen.content_type or 'unknown type'}"
        out.append(Difference(aspect=Aspect.BODY, expected="the provider's error as JSON", actual=kind))
        return out
    names = set(placeholders((answer.envelope or (operation.envelope if operation else None) or spec.envelope).tree))
    out += _values(answer, said, names, wanted)
    out += _param(answer, said, field, names)
    out += _body(spec, operation, answer, seen)
    return out + _headers(answer, seen)


def _values(answer: ErrorAnswer, said: ErrorSaid, names: set[str], wanted: str) -> list[Difference]:
    out = []
    if "code" in names and said.code != answer.code:
        out.append(Difference(aspect=Aspect.CODE, expected=wanted, actual=f"code {said.code!r}"))
    if "type" in names and answer.type is not None and said.type != answer.type:
        actual = f"type {said.type!r}"
        out.append(Difference(aspect=Aspect.TYPE, expected=f"type {answer.type!r}", actual=actual))
    return out


def _param(answer: ErrorAnswer, said: ErrorSaid, field: str | None, names: set[str]) -> list[Difference]:
    """Whether another field is blamed. A refusal that names none is fine: few providers always do."""
    template = answer.param or ""
    if "param" not in names or field is None or not PLACEHOLDER.search(template) or not isinstance(said.param, str):
        return []
    if said.param.partition("[")[0].partition(".")[0] == field.partition(".")[0]:
        return []
    expected = f"a refusal that names {field}"
    return [Difference(aspect=Aspect.PARAM, expected=expected, actual=f"it names {said.param!r}")]


def _body(spec: Spec, operation: Operation | None, answer: ErrorAnswer, seen: Seen) -> list[Difference]:
    """What else is wrong with the body: code and type are judged apart."""
    out = []
    for error in validator(error_schema(spec, operation, answer)).iter_errors(seen.tree):
        if error.validator == "const" and error.validator_value in (answer.code, answer.type):
            continue
        at = "/".join(str(part) for part in error.absolute_path) or "the body"
        out.append(
            Difference(aspect=Aspect.BODY, expected=f"{at} as documented", actual=f"at {at}: {error.message[:200]}")
        )
    return out


def _headers(answer: ErrorAnswer, seen: Seen) -> list[Difference]:
    out = []
    for name in answer.headers:
        value = seen.header(name)
        if value is None:
            out.append(Difference(aspect=Aspect.HEADER, expected=f"the header {name}", actual="no such header"))
        elif name.lower() == "retry-after" and not _is_wait(value):
            expected = "a Retry-After in whole seconds or as an HTTP date"
            out.append(Difference(aspect=Aspect.HEADER, expected=expected, actual=f"Retry-After: {value[:80]}"))
    return out


def _is_wait(value: str) -> bool:
    if value.strip().isdigit():
        return True
    try:
        return parsedate_to_datetime(value) is not None
    except ValueError:
        return False


def signature(spec: Spec, operation: Operation | None, seen: Seen) -> tuple[object, ...]:
    """What tells one refusal from another: status, code, type, parameter and words without digits and ids."""
    said = read_error(spec, operation, None, seen.tree)
    words = "".join(character for character in str(said.message) if not character.isdigit())
    return (seen.status, said.code, said.type, said.param, words)
