"""A contract as text for a person: what may be sent, what comes back, and how each sentence is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.contract import Statement, Topic

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imageproof.specs.facts import Rule, Source
    from imageproof.specs.model import ErrorAnswer, Field, Model, Operation, Shape, Spec

TOLD_ELSEWHERE = frozenset({Topic.ERRORS, Topic.DEFAULTS})


def how_known(source: Source) -> str:
    """How something is known, in brackets, with the tag of the page if there is one."""
    return f"[{source.how} {source.tag}]" if source.tag else f"[{source.how}]"


def as_text(spec: Spec, models: Mapping[str, Model], rules: Sequence[Rule]) -> Iterator[str]:
    """The lines. `rules` are those to tell."""
    profile = f", profile {spec.profile} of {', '.join(spec.profiles)}" if spec.profile else ""
    yield f"{spec.name}: {spec.title}, {spec.base_url}{profile}"
    yield from _titled("sources", _sources(spec))
    yield from _titled("operations", (_operation(item) for item in spec.operations.values()))
    for shape in spec.shapes.values():
        yield from _titled(f"{shape.operation} takes", _shape(shape))
    for model in models.values():
        for shape in model.shapes.values():
            yield from _titled(f"{shape.operation} of {model.name} takes", _shape(shape))
    yield from _titled("errors", _errors(spec.errors))
    for topic in Topic:
        if topic not in TOLD_ELSEWHERE:
            yield from _titled(topic.value, _statements(rules, topic))


def _titled(title: str, lines: Iterator[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield ""
        yield title
        yield from (f"  {line}" for line in found)


def _sources(spec: Spec) -> Iterator[str]:
    widest = max(map(len, spec.sources), default=0)
    for page in spec.sources.values():
        yield f"{page.tag:<{widest}}  {page.kind}: {page.title}, {page.url}, seen {page.seen}"


def _operation(item: Operation) -> str:
    takes = "" if item.content == "none" else f", takes {item.content}"
    most = f" of at most {item.max_bytes:,} bytes" if item.max_bytes else ""
    streams = f", streams if {item.stream.switch} is true" if item.stream else ""
    return f"{item.name} ({item.does}): {item.method} {item.path}{takes}{most}, answers {item.answer.status}{streams}"


def _shape(shape: Shape) -> Iterator[str]:
    for field in shape.fields.values():
        yield from _field(field)
    for rule in (*shape.cross, *([shape.unknown] if shape.unknown else [])):
        yield f"{rule.sentence} {how_known(rule.source)}"


def _field(field: Field) -> Iterator[str]:
    default = "" if field.default is None else f", {field.default} when left out"
    names = f", also written {', '.join(field.names)}" if field.names else ""
    yield f"{field.name}{default}{names}"
    for rule in field.rules:
        yield f"    {rule.sentence.removeprefix(f'{field.name} ')} {how_known(rule.source)}"
    for asked, given in field.downgraded.items():
        yield f"    {asked} is treated as {given}"


def _errors(errors: Mapping[str, ErrorAnswer]) -> Iterator[str]:
    for name, answer in errors.items():
        if name != answer.name:
            yield f"{name}: as {answer.name}"
            continue
        code = "" if answer.code is None else f" {answer.code}"
        kind = "" if answer.type is None else f" ({answer.type})"
        unsent = "" if answer.emitted else ", never sent by the mock"
        yield f"{name}: {answer.status}{code}{kind}, retry: {answer.retry.replace('_', ' ')}{unsent}: {answer.message}"


def _statements(rules: Sequence[Rule], topic: Topic) -> Iterator[str]:
    for rule in rules:
        if isinstance(rule.kind, Statement) and rule.kind.topic is topic:
            level = "" if rule.level == "MUST" else f"{rule.level}: "
            yield f"{level}{rule.sentence} {how_known(rule.source)}"
