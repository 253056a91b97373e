"""One rule, explained: lines for a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from imageproof.mock_server.answers import violation_context
from imageproof.specs.contract import Statement
from imageproof.specs.files import FileFacts
from imageproof.specs.kinds import Ignored
from imageproof.specs.pairs import pair_for, shape_of
from imageproof.specs.template import fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.facts import Rule, Source
    from imageproof.specs.model import ErrorAnswer, Spec
    from imageproof.specs.pairs import Pair
    from imageproof.specs.problems import Mark

LABEL = 10
LONGEST_TEXT = 60
SHOWN_OF_LONG = 20
MOST_ENTRIES = 3


def explanation(spec: Spec, rule: Rule) -> Iterator[str]:
    """The lines about a rule."""
    yield rule.id
    yield f"  {rule.sentence}"
    yield ""
    for label, text in _facts(spec, rule):
        yield f"  {label:<{LABEL}}  {text}"


def _facts(spec: Spec, rule: Rule) -> Iterator[tuple[str, str]]:
    yield "level", rule.level.value
    yield from _known(spec, "known", rule.source)
    if rule.note:
        yield "note", rule.note
    for other in rule.contradicts:
        yield "disputed", f"elsewhere: {other.says} (not in force)"
        yield from _known(spec, "", other.source)
    yield "stands in", place(rule.mark)
    if isinstance(rule.kind, Statement):
        return
    if isinstance(rule.kind, Ignored):
        yield "examples", "every value keeps it"
        return
    pair = pair_for(spec, rule)
    if rule.error:
        yield "refusal", refusal(spec, rule, pair)
    yield from _examples(pair)


def _known(spec: Spec, label: str, source: Source) -> Iterator[tuple[str, str]]:
    page = spec.sources.get(source.tag or "")
    if page is None:
        yield label, f"{source.how}: {source.place}"
        return
    yield label, f"{source.how}: {page.title}, at {source.place}"
    yield "", f"{page.url}, seen {page.seen}"


def place(mark: Mark) -> str:
    """`file:line:column`, with the file as seen from the current folder if it lies below it."""
    path, here = Path(mark.file).resolve(), Path.cwd().resolve()
    file = path.relative_to(here) if path.is_relative_to(here) else path
    return f"{file}:{mark.line}:{mark.column}"


def answer_to(spec: Spec, rule: Rule) -> ErrorAnswer:
    """The error answer that a request which breaks the rule gets: the model's own where it has one."""
    shape = shape_of(spec, rule)
    model = spec.models.get(shape.model) if shape else None
    name = rule.error or "invalid_param"
    own = model.errors.get(name, name) if model else name
    return spec.errors.get(own) or spec.errors.get(name) or spec.errors["internal"]


def refusal(spec: Spec, rule: Rule, pair: Pair | None) -> str:
    """Status, code and message; the message as it is for the example, or its template where there is none."""
    answer = answer_to(spec, rule)
    template = rule.message if rule.message is not None else answer.message
    shape = shape_of(spec, rule)
    message = template
    if pair is not None:
        model = shape.model if shape else spec.selector.example
        message = fill(
            template,
            {"model": model, "request_id": "", "now": 0, "retry_after": 1, **violation_context(pair.violation)},
        )
    code = "" if answer.code is None else f", code {answer.code}"
    kind = "" if answer.type is None else f", type {answer.type}"
    return f"{answer.name}: status {answer.status}{code}{kind}: {message}"


def _examples(pair: Pair | None) -> Iterator[tuple[str, str]]:
    if pair is None:
        yield "examples", "no request breaks this rule and no other"
        return
    yield "keeps it", shown(pair.keeps)
    yield "breaks it", shown(pair.breaks)
    yield "differ at", ", ".join(pair.pointers)


def shown(body: object) -> str:
    """A body as one line of JSON in which whatever is long is cut, and says how long it was."""
    return json.dumps(_short(body), ensure_ascii=False)


def _short(value: object) -> object:
    match value:
        case str() if len(value) > LONGEST_TEXT:
            return f"{value[:SHOWN_OF_LONG]}... ({len(value):,} characters)"
        case list() if len(value) > MOST_ENTRIES:
            return [_short(value[0]), f"... ({len(value):,} entries)"]
        case list():
            return [_short(item) for item in value]
        case dict():
            return {name: _short(item) for name, item in value.items()}
        case FileFacts():
            alpha = " with alpha" if value.has_alpha else ""
            return f"<a file: {value.format}{alpha}, {value.width}x{value.height}, {value.size:,} bytes>"
        case _:
            return value
