"""Read what comes back: error answers, the life of a task, operations and their bodies, webhooks."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from imageproof.specs.contract import Topic
from imageproof.specs.model import (
    Answer,
    Auth,
    Content,
    Does,
    ErrorAnswer,
    Failure,
    Operation,
    Phase,
    Polling,
    PollPhase,
    Results,
    Stream,
    Tasks,
    Webhooks,
)
from imageproof.specs.nodes import Mapping, Scalar, Sequence, plain
from imageproof.specs.reading import Stated, child, entries, items, seconds, text_of, values_of
from imageproof.specs.template import VARIABLES, Template, placeholders

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Mapping as MappingOf

    from imageproof.specs.facts import Source
    from imageproof.specs.model import JsonTree
    from imageproof.specs.nodes import Node
    from imageproof.specs.problems import Mark
    from imageproof.specs.reading import Reader

FALLBACKS: dict[str, tuple[str, ...]] = {
    "missing_param": ("invalid_param",),
    "unsupported_param": ("invalid_param",),
    "unknown_param": ("unsupported_param", "invalid_param"),
    "invalid_reference": ("invalid_param",),
    "invalid_image": ("invalid_param",),
    "invalid_body": ("invalid_param",),
    "unsupported_media_type": ("invalid_body", "invalid_param"),
    "body_too_large": ("invalid_body", "invalid_param"),
    "request_timeout": ("invalid_body", "invalid_param"),
    "auth_missing": ("auth_invalid",),
    "auth_malformed": ("auth_invalid",),
    "auth_revoked": ("auth_invalid",),
    "not_found": ("task_not_found", "invalid_param"),
    "task_not_found": ("not_found", "invalid_param"),
    "result_expired": ("task_not_found", "not_found", "invalid_param"),
    "not_finished": ("task_not_found", "invalid_param"),
    "method_not_allowed": ("not_found", "task_not_found", "invalid_param"),
    "unavailable": ("internal",),
    "upstream_failed": ("unavailable", "internal"),
    "upstream_timeout": ("upstream_failed", "unavailable", "internal"),
    "moderated_output": ("moderated_input",),
}
"""Which answer stands in for one that a provider does not document, in the order of preference."""

NEEDED = ("auth_invalid", "invalid_param", "internal", "rate_limited", "insufficient_funds")


def texts(node: Node | None) -> MappingOf[str, str]:
    """A mapping of texts, frozen."""
    return MappingProxyType({key: text_of(value) for key, value in entries(node)})


def template(reader: Reader, node: Node) -> Template:
    """Compile a body; an unknown placeholder is a mistake of the file."""
    for name, mark in _placeholders_in(node):
        if name not in VARIABLES and not name.startswith("request."):
            reader.problem(mark, f"unknown placeholder {{{name}}}", _placeholder_hint(name))
    return Template.of(cast("JsonTree", plain(node)))


def _placeholders_in(node: Node) -> Iterator[tuple[str, Mark]]:
    """The placeholders of a body, and where each of them was written."""
    match node:
        case Scalar(mark=mark, value=str(text)):
            yield from ((name, mark) for name in placeholders(text))
        case Sequence():
            for item in node.items:
                yield from _placeholders_in(item)
        case Mapping():
            for key, item in node.entries.items():
                yield from [(text_of(item), item.mark)] if key == "$switch" else _placeholders_in(item)
        case Scalar():
            pass


def _placeholder_hint(name: str) -> str | None:
    from imageproof.specs.problems import nearest  # noqa: PLC0415  (only for a mistake)

    known = nearest(name, VARIABLES)
    return f"did you mean {{{known}}}?" if known else None


def read_auth(reader: Reader, node: Node) -> Auth:
    """Read how a request says who sends it."""
    key = child(node, "key")
    pattern = text_of(found) if (found := child(key, "pattern")) else r"[!-~]{8,256}"
    scheme = text_of(found) if (found := child(node, "scheme")) else ""
    header = text_of(found) if (found := child(node, "header")) else "Authorization"
    reader.state(Topic.AUTH, "header", f"the key is sent as {header}: {scheme} KEY".replace("  ", " "), node)
    if child(key, "pattern") is not None and key is not None:
        reader.state(Topic.AUTH, "key", f"a key matches {pattern}", key, reader.source(child(node, "source"), None))
    return Auth(
        header=header,
        scheme=scheme,
        key_pattern=pattern.removeprefix("^").removesuffix("$"),
        key_example=text_of(found) if (found := child(key, "example")) else "example-key",
    )


def _error(reader: Reader, name: str, node: Node, source: Source) -> ErrorAnswer:
    path = f"{name}/{{}}"
    status = reader.value(
        Topic.ERRORS, path.format("status"), f"the status of {name} is", child(node, "status"), source
    )
    code = reader.value(Topic.ERRORS, path.format("code"), f"the code of {name} is", child(node, "code"), source)
    message = reader.value(
        Topic.ERRORS, path.format("message"), f"the message of {name} is", child(node, "message"), source
    )
    kind, param, retry = (child(node, key) for key in ("type", "param", "retry"))
    envelope = child(node, "envelope")
    headers, headers_source = texts(child(node, "headers")), child(node, "headers_source")
    if headers_source is not None:
        said = Stated(node=headers_source, source=reader.source(headers_source, source))
        reader.state(Topic.ERRORS, path.format("headers"), f"{name} carries {', '.join(headers)}", said)
    return ErrorAnswer(
        name=name,
        status=int(str(status)),
        message=str(message),
        code=code,
        type=str(reader.value(Topic.ERRORS, path.format("type"), f"the type of {name} is", kind, source))
        if kind
        else None,
        param=text_of(param) if param is not None and plain(param) is not None else None,
        headers=headers,
        retry=text_of(retry) if retry else "never",
        emitted=child(node, "emitted") is None,
        envelope=template(reader, envelope) if envelope else None,
    )


def read_errors(reader: Reader, node: Node) -> dict[str, ErrorAnswer]:
    """Read every documented refusal, and let near ones stand in for those that are not documented."""
    inherited = reader.source(child(node, "source"), None)
    found: dict[str, ErrorAnswer] = {}
    for name, item in entries(child(node, "answers")):
        source = reader.source(child(item, "source"), inherited)
        answer = found[name] = _error(reader, name, item, source)
        code = f" with code {answer.code}" if answer.code is not None else ""
        words = f"{name.replace('_', ' ')}: status {answer.status}{code}, retry: {answer.retry.replace('_', ' ')}"
        reader.state(Topic.ERRORS, name, words, item, inherited)
    for name in NEEDED:
        if name not in found:
            reader.problem(
                node.mark, f"the answer {name!r} is missing from `errors.answers`", "give at least " + ", ".join(NEEDED)
            )
    return {**{name: found[near] for name in FALLBACKS if (near := _stand_in(name, found))}, **found}


def _stand_in(name: str, found: dict[str, ErrorAnswer]) -> str | None:
    return next((near for near in FALLBACKS[name] if near in found), None)


def _failure(reader: Reader, name: str, node: Node, source: Source) -> Failure:
    code = reader.value(Topic.FAILURES, f"{name}/code", f"the code of {name} is", child(node, "code"), source)
    message, retry = child(node, "message"), child(node, "retry")
    reader.state(
        Topic.FAILURES, name, f"a task that ends with {name} says {code or text_of(message or node)}", node, source
    )
    return Failure(
        name=name, code=code, message=text_of(message) if message else name, retry=text_of(retry) if retry else "never"
    )


def _polling(reader: Reader, node: Node) -> Polling:
    phases = []
    for item in items(child(node, "phases")):
        until = child(item, "until")
        least, most = ([seconds(str(value)) for value in values_of(child(item, "every"))] * 2)[:2]
        phases.append(PollPhase(until_s=seconds(text_of(until)) if until else None, every_s=(least, most)))
    first = child(node, "first")
    give_up = child(node, "give_up")
    first_s = seconds(text_of(first)) if first else 0.0
    steps = "; ".join(
        f"then every {phase.every_s[0]:g} to {phase.every_s[1]:g} s"
        + (f" until {phase.until_s:g} s" if phase.until_s else "")
        for phase in phases
    )
    reader.state(Topic.POLLING, "cadence", f"the first poll comes {first_s:g} s after the submit, {steps}", node)
    return Polling(first_s=first_s, phases=tuple(phases), give_up_s=seconds(text_of(give_up)) if give_up else None)


def read_tasks(reader: Reader, node: Node) -> Tasks:
    """Read the life of a task: ids, states, failures, polling advice."""
    id_node, states = child(node, "id"), child(node, "states")
    template_node = child(id_node, "template")
    if id_node is not None:
        reader.state(Topic.STATES, "id", f"a task id has the form {text_of(template_node or id_node)}", id_node)
    source = reader.source(child(states, "source"), None)
    names = {Phase(key): text_of(value) for key, value in entries(states) if key in set(Phase)}
    for phase, name in names.items():
        reader.state(
            Topic.STATES, phase, f"the state of a task that is {phase} is called {name}", states or node, source
        )
    if (terminal := child(node, "terminal")) is not None:
        reader.state(Topic.STATES, "terminal", "a terminal state never changes", terminal)
    failures_node = child(node, "failures")
    inherited = reader.source(child(failures_node, "source"), source)
    failures = {
        name: _failure(reader, name, item, inherited) for name, item in entries(failures_node) if name != "source"
    }
    if (retries := child(node, "upstream_retries")) is not None:
        times, within = child(retries, "times") or retries, child(retries, "within")
        words = f"the provider itself tries up to {text_of(times)} times" + (
            f" within {text_of(within)}" if within else ""
        )
        words += f", with {text_of(backoff)} backoff" if (backoff := child(retries, "backoff")) else ""
        reader.state(Topic.RETRIES, "upstream", words, retries)
    if (extra := child(node, "also_seen")) is not None:
        seen = ", ".join(text_of(item) for item in items(child(extra, "states")))
        words = f"other states have been seen and are not final: {seen}"
        reader.state(Topic.STATES, "also-seen", words, extra)
    polling, alias, progress = child(node, "polling"), child(node, "alias_field"), child(node, "progress")
    if progress is not None:
        reader.state(Topic.STATES, "progress", "progress runs from 0 to 100 and never falls", progress)
    return Tasks(
        id_template=text_of(template_node) if template_node else "{uuid}",
        states=MappingProxyType(names),
        failures=MappingProxyType(failures),
        polling=_polling(reader, polling) if polling else None,
        alias_field=text_of(alias) if alias else None,
        progress=progress is not None,
    )


def read_results(reader: Reader, node: Node) -> Results:
    """Read where finished images lie and for how long."""
    url, expires = child(node, "url"), child(node, "expires")
    lifetime = text_of(expires) if expires else None
    words = f"a result can be fetched for {lifetime}" if lifetime else "a result does not expire"
    words += f", from {text_of(host)}" if (host := child(node, "host")) else ""
    reader.state(Topic.RESULTS, "lifetime", words, node)
    return Results(
        url=text_of(url) if url else "/{task}/{index}.{ext}", expires_s=seconds(lifetime) if lifetime else None
    )


def _stream(reader: Reader, name: str, node: Node) -> Stream:
    parts = {key: child(node, key) or node for key in ("switch", "partials", "partial", "completed")}
    source = reader.source(child(node, "source"), None)
    events = {}
    for key in ("partial", "completed"):
        events[key] = text_of(child(parts[key], "event") or node)
        reader.state(Topic.STREAM, f"{name}/{key}", f"the {key} event is called {events[key]}", parts[key], source)
    return Stream(
        switch=text_of(parts["switch"]),
        partials=text_of(parts["partials"]),
        partial_event=events["partial"],
        partial=template(reader, child(parts["partial"], "data") or node),
        completed_event=events["completed"],
        completed=template(reader, child(parts["completed"], "data") or node),
    )


def _answer(reader: Reader, name: str, node: Node, source: Source) -> Answer:
    status = reader.value(
        Topic.ANSWERS, f"{name}/status", f"the status of a good {name} is", child(node, "status"), source
    )
    body = child(node, "body")
    phases = {Phase(key): template(reader, item) for key, item in entries(child(node, "by_phase"))}
    reader.state(Topic.ANSWERS, name, f"a good {name} answers with status {status}", node, source)
    return Answer(
        status=int(str(status or 200)),
        body=template(reader, body) if body else None,
        by_phase=MappingProxyType(phases),
        may_omit_null=frozenset(str(value) for value in values_of(child(node, "may_omit_null"))),
        headers=texts(child(node, "headers")),
    )


def read_operation(reader: Reader, name: str, node: Node) -> Operation:
    """Read one operation: where it is, what it takes, what it answers."""
    source = reader.source(child(node, "source"), None)
    method, path = (text_of(found) for key in ("method", "path") if (found := child(node, key)))
    content = child(node, "content")
    reader.state(Topic.ANSWERS, f"{name}/route", f"{name} is {method} {path}", node)
    answer, stream, envelope, max_bytes = (child(node, key) for key in ("answer", "stream", "envelope", "max_bytes"))
    id_node = child(node, "id")
    states = {Phase(key): text_of(value) for key, value in entries(child(node, "states"))}
    return Operation(
        name=name,
        does=Does(text_of(child(node, "does") or node)),
        method=method,
        path=path,
        content=cast("Content", text_of(content)) if content else "none",
        answer=_answer(reader, name, answer or node, source),
        stream=_stream(reader, name, stream) if stream else None,
        envelope=template(reader, envelope) if envelope else None,
        max_bytes=int(text_of(max_bytes)) if max_bytes else None,
        id_template=text_of(id_node) if id_node else None,
        states=MappingProxyType(states),
    )


def read_webhooks(reader: Reader, node: Node) -> Webhooks:
    """Read how calls back are signed, what they carry and how often they are tried."""
    reader.state(Topic.WEBHOOKS, "", "finished tasks can be announced by a signed call back", node)
    url_field, body, timeout = (child(node, key) for key in ("url_field", "body", "timeout"))
    algorithm = text_of(child(node, "algorithm") or node)
    return Webhooks(
        url_field=text_of(url_field) if url_field else None,
        algorithm=algorithm,  # type: ignore[arg-type]
        signed=text_of(child(node, "signed") or node),
        headers=texts(child(node, "headers")),
        body=template(reader, body or node),
        events=MappingProxyType({Phase(key): text_of(value) for key, value in entries(child(node, "events"))}),
        timeout_s=seconds(text_of(timeout)) if timeout else 10.0,
        retries_s=tuple(seconds(str(value)) for value in values_of(child(node, "retries"))),
    )
