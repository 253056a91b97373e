"""Names that lead nowhere: fields, operations, refusals, models, placeholders and pages that nobody has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.build_answers import FALLBACKS, NEEDED
from imageproof.specs.lint_subject import error, located, marks_of, scalars, warning
from imageproof.specs.nodes import Scalar
from imageproof.specs.problems import did_you_mean
from imageproof.specs.reading import child, entries, items, text_of
from imageproof.specs.template import PLACEHOLDER, VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imageproof.specs.lint_subject import Finding, Path, Subject
    from imageproof.specs.nodes import Node

ANSWERS = frozenset({*FALLBACKS, *NEEDED, "moderated_input", "idempotency_conflict"})
FAILURES = ("upstream_submit_failed", "upstream_timeout", "upstream_failed", "moderated_output")
FORMATS = ("png", "jpeg", "webp")
KINDS = ("url", "base64", "b64_json")
IMAGE_FIELDS = ("compression", "background", "mask", "prompt")
FIELDS_OF_ALL = (("tasks", "alias_field"), ("webhooks", "url_field"))


def check_names(subject: Subject) -> Iterator[Finding]:
    """Every name of one profile that nothing answers to."""
    for name in subject.names("models"):
        if subject.is_whole("models", name):
            yield from _fields_of_model(subject, name)
    if subject.is_whole("models"):
        yield from _fields_of_all(subject)
    if subject.is_whole("operations"):
        yield from _operations(subject)
    yield from _selector(subject)
    if subject.is_whole("errors") and subject.is_whole("models"):
        yield from _answers(subject)
    yield from _failures(subject)
    yield from _placeholders(subject)


def _unknown(node: Node | None, known: Iterable[str], what: str) -> Iterator[Finding]:
    """A finding for each text of a node that is none of the known names; `what` says what they name."""
    names = tuple(known)
    for scalar in scalars(node):
        text = text_of(scalar)
        if text not in names:
            yield error(scalar.mark, f"{text!r} is no {what}", did_you_mean(text, names) or _all(names))


def _all(names: tuple[str, ...]) -> str | None:
    return f"known are {', '.join(names)}" if 0 < len(names) <= 12 else None  # noqa: PLR2004  (what fits into a line)


def _fields_of_model(subject: Subject, model: str) -> Iterator[Finding]:
    node = subject.node("models", model)
    params = child(node, "params")
    fields = tuple(name for name, _ in entries(params))
    what = f"parameter of {model}"
    images, pixels = child(node, "images"), child(node, "pixels")
    for key in IMAGE_FIELDS:
        yield from _unknown(child(images, key), fields, what)
    yield from _unknown(child(images, "references"), fields, what)
    count = child(images, "count")
    if count is not None and not text_of(count).isdigit():
        yield from _unknown(count, fields, what)
    yield from _unknown(child(images, "format"), (*FORMATS, *fields), f"image format and no {what}")
    yield from _unknown(child(images, "kind"), (*KINDS, *fields), f"form of an image and no {what}")
    yield from _unknown(child(child(pixels, "exact"), "field"), fields, what)
    yield from _unknown(child(child(pixels, "table"), "by"), fields, what)
    yield from _unknown(child(child(child(node, "tokens"), "output"), "quality_field"), fields, what)
    for rows in (child(child(node, "timing"), "run"), child(node, "price")):
        for row in items(rows):
            yield from _unknown_keys(child(row, "when"), fields, what)
    yield from _params(params, fields, what)


def _unknown_keys(node: Node | None, known: tuple[str, ...], what: str) -> Iterator[Finding]:
    for key, mark in marks_of(node):
        if key not in known:
            yield error(mark, f"{key!r} is no {what}", did_you_mean(key, known) or _all(known))


def _params(params: Node | None, fields: tuple[str, ...], what: str) -> Iterator[Finding]:
    for _, param in entries(params):
        same_as = child(param, "same_as")
        yield from _unknown(child(same_as, "is") or same_as, fields, what)
    for name, mark in marks_of(params):
        parent, dot, _ = name.rpartition(".")
        if dot and parent not in fields:
            yield error(
                mark, f"{name!r} stands inside {parent!r}, which is no {what}", f"add {parent}: {{type: object}}"
            )


def _fields_of_all(subject: Subject) -> Iterator[Finding]:
    fields = _all_fields(subject)
    for path in FIELDS_OF_ALL:
        yield from _unknown(subject.node(*path), fields, "parameter of any model")
    for name in subject.names("operations"):
        for key in ("switch", "partials"):
            yield from _unknown(subject.node("operations", name, "stream", key), fields, "parameter of any model")


def _all_fields(subject: Subject) -> tuple[str, ...]:
    """The fields of all models."""
    models = subject.names("models")
    return tuple(dict.fromkeys(field for model in models for field in subject.names("models", model, "params")))


def _operations(subject: Subject) -> Iterator[Finding]:
    known = subject.names("operations")
    for model in subject.names("models"):
        yield from _unknown(subject.node("models", model, "operations"), known, "operation")
        for field in subject.names("models", model, "params"):
            yield from _unknown(subject.node("models", model, "params", field, "on"), known, "operation")


def _selector(subject: Subject) -> Iterator[Finding]:
    models = subject.names("models")
    if not subject.is_whole("models"):
        return
    yield from _unknown(subject.node("selector", "example"), models, "model")
    default = subject.node("selector", "default")
    yield from _unknown(child(default, "is") or default, models, "model")
    field = subject.spec.selector.field
    for model in models:
        if field in subject.names("models", model, "params"):
            mark = subject.mark("models", model, "params", field)
            yield error(
                mark,
                f"{field!r} names the model, so it is no parameter",
                "leave it out here; `selector` says all of it",
            )


def _answers(subject: Subject) -> Iterator[Finding]:
    given = set(ANSWERS) | set(subject.names("tasks", "failures"))
    answers = subject.names("errors", "answers")
    usable = tuple(dict.fromkeys((*answers, *subject.spec.errors)))
    for holder in ("models", "operations"):
        for path, scalar in located(subject.node(holder), (holder,)):
            if path[-1] == "error" and _is_of_rule(path):
                given.add(text_of(scalar))
                yield from _unknown(scalar, usable, "refusal in errors.answers")
    for model in subject.names("models"):
        swaps = subject.node("models", model, "errors")
        given |= {text_of(scalar) for scalar in scalars(swaps)}
        yield from _unknown(swaps, usable, "refusal in errors.answers")
        yield from _unknown_keys(swaps, tuple(sorted({*ANSWERS, *usable})), "refusal")
    for name in answers:
        if name not in given and subject.node("errors", "answers", name, "emitted") is None:
            yield _never_given(subject, name)


def _is_of_rule(path: Path) -> bool:
    return len(path) > 3 and path[2] in ("params", "rules", "unknown_fields")  # noqa: PLR2004  (models, NAME, params, ...)


def _never_given(subject: Subject, name: str) -> Finding:
    mark = subject.mark("errors", "answers", name)
    near = did_you_mean(name, ANSWERS)
    message = f"the refusal {name!r} is never given: no rule names it, and it is none of the common ones"
    return (
        error(mark, message, near)
        if near
        else warning(mark, message, "name it in `error` of a rule, or write `emitted: false`")
    )


def _failures(subject: Subject) -> Iterator[Finding]:
    for name in subject.names("tasks", "failures"):
        hint = did_you_mean(name, FAILURES)
        if name not in (*FAILURES, "source") and hint is not None:
            yield error(subject.mark("tasks", "failures", name), f"{name!r} is no known way to fail", hint)


def _placeholders(subject: Subject) -> Iterator[Finding]:
    """Placeholders in texts that are no bodies; bodies are looked at when they are read."""
    known = tuple(VARIABLES)
    for scalar in _texts(subject):
        for match in PLACEHOLDER.finditer(text_of(scalar)):
            name = match[1]
            if name and name not in VARIABLES and not name.startswith("request."):
                yield error(scalar.mark, f"unknown placeholder {{{name}}}", did_you_mean(name, known))
    fields = (*_all_fields(subject), subject.spec.selector.field or "")
    if not subject.is_whole("models"):
        return
    for holder in ("operations", "webhooks"):
        for path, scalar in located(subject.node(holder)):
            for name in _placeholders_of(path, scalar):
                field = name.removeprefix("request.")
                if name != field and field not in fields:
                    message = f"{{{name}}} stands for a field that is no parameter of any model"
                    yield error(scalar.mark, message, did_you_mean(field, fields))


def _placeholders_of(path: Path, scalar: Scalar) -> list[str]:
    text = text_of(scalar)
    return [text] if path[-1:] == ("$switch",) else [match[1] for match in PLACEHOLDER.finditer(text) if match[1]]


def _texts(subject: Subject) -> Iterator[Scalar]:
    for name in subject.names("errors", "answers"):
        for key in ("message", "param", "headers"):
            node = subject.node("errors", "answers", name, key)
            yield from scalars(child(node, "is") or node)
    for name in subject.names("limits"):
        yield from scalars(subject.node("limits", name, "headers"))
    yield from scalars(subject.node("webhooks", "headers"))
    yield from scalars(subject.node("webhooks", "signed"))
    for holder in ("models", "operations"):
        for path, scalar in located(subject.node(holder), (holder,)):
            if path[-1] == "message" and _is_of_rule(path):
                yield scalar
