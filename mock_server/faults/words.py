"""Faults as text: read from one line of YAML, and written back the way one would write them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from imageproof.specs.fault_answers import ContentType, ErrorAnswer, FieldChange, OtherState, StatusAnswer
from imageproof.specs.fault_base import FaultError, Lasting, OneOf
from imageproof.specs.fault_tasks import ErrorInSuccess, Fails
from imageproof.specs.faults import ALWAYS, read_fault
from imageproof.specs.nodes import plain, read_text
from imageproof.specs.problems import SpecError

if TYPE_CHECKING:
    from imageproof.specs.fault_base import What
    from imageproof.specs.faults import Fault
    from imageproof.specs.model import JsonTree

PLAIN = re.compile(r"[A-Za-z_][\w./-]*")
LONGEST = 1_000


def fault_in(given: JsonTree) -> Fault:
    """The fault of a mapping, or of a YAML text such as `{status: 502, on: poll}`. Raises FaultError."""
    if not isinstance(given, str):
        return read_fault(given)
    text = given.strip()
    if len(text) > LONGEST:
        raise FaultError(f"expected a fault of at most {LONGEST} characters, got {len(text)}")
    if text and not text.startswith("{"):
        text = f"{{{text}}}"  # `status: 502, on: poll` is meant so too
    try:
        tree = plain(read_text(text, file="fault"))
    except SpecError as error:
        raise FaultError(
            f"expected a fault such as {{status: 502, on: poll}}, got {given!r}: {error.problems[0].message}"
        ) from None
    return read_fault(tree)  # type: ignore[arg-type]  # plain data, of which it takes any


def written(fault: Fault) -> str:
    """The fault as a YAML flow mapping. What it leaves out is as usual; `fault_in` reads it back."""
    kind = type(fault.what)
    words = _what(fault.what)
    usual_times = ALWAYS if kind.PLACE is None else 1
    if fault.on != (kind.PLACE or "any"):
        words["on"] = fault.on
    if fault.times != usual_times:
        words["times"] = "always" if fault.times == ALWAYS else str(fault.times)
    if fault.after:
        words["after"] = str(fault.after)
    if fault.share != 1:
        words["share"] = f"{fault.share:g}"
    if fault.from_s:
        words["from"] = _duration(fault.from_s)
    if fault.until_s is not None:
        words["until"] = _duration(fault.until_s)
    for name, value in (("model", fault.model), ("key", fault.key)):
        if value is not None:
            words[name] = _text(value)
    return "{" + ", ".join(f"{name}: {value}" for name, value in words.items()) + "}"


def _what(what: What) -> dict[str, str]:
    key = what.KEY
    match what:
        case ErrorAnswer(name=name, retry_after=wait):
            return {key: _text(name), **({"retry_after": _text(wait)} if wait is not None else {})}
        case StatusAnswer(status=status, body=body):
            return {key: str(status), **({"body": body} if body != "json" else {})}
        case FieldChange(path=path, do=do):
            return {key: f"{{path: {_text(path)}, do: {do}}}"}
        case OneOf(how=how):
            return {key: how}
        case Lasting(seconds=seconds):
            return {key: _duration(seconds)}
        case ContentType(kind=text) | OtherState(word=text) | Fails(name=text) | ErrorInSuccess(name=text):
            return {key: _text(text)}
        case _:
            return {key: "true"}


def _text(text: str) -> str:
    return text if PLAIN.fullmatch(text) or text.isdigit() else orjson.dumps(text).decode()


def _duration(seconds: float) -> str:
    return f"{seconds:.10g}s" if seconds >= 1 or seconds == 0 else f"{seconds * 1000:.10g}ms"
