"""OpenAPI 3.1 of a spec: requests from the rules, answers from the templates, every documented refusal with its status.

For Schemathesis, Prism and code generators. Descriptions carry rule ids and provenance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from random import Random
from typing import TYPE_CHECKING

from imageproof.specs.answers_examples import answer_examples, error_example
from imageproof.specs.answers_schema import answer_schema, error_schema, event_schema
from imageproof.specs.choices import Seeded
from imageproof.specs.contract import Statement
from imageproof.specs.generate import Maker
from imageproof.specs.model import ASKS_FOR_TASK, HOLDS, MAKES_IMAGES, Does
from imageproof.specs.schema import operation_schema, rules_of, shapes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.model import ErrorAnswer, JsonTree, Operation, Spec

    Tree = dict[str, object]

MEDIA = {"json": "application/json", "multipart": "multipart/form-data"}
COMMON = ("auth_missing", "auth_malformed", "auth_invalid", "auth_revoked", "rate_limited", "internal", "unavailable")
OF_BODIES = ("invalid_body", "unsupported_media_type", "body_too_large", "request_timeout")
OF_JOBS = ("moderated_input", "insufficient_funds", "upstream_failed", "upstream_timeout")
EXAMPLES = 2


def _errors(spec: Spec, operation: Operation) -> dict[str, ErrorAnswer]:
    """The refusals that an operation can give."""
    names = [*COMMON, *(OF_BODIES if operation.content != "none" else ())]
    if operation.does in MAKES_IMAGES:
        names += OF_JOBS
    if operation.does in HOLDS:
        names.append("moderated_output")
    if operation.does in ASKS_FOR_TASK:
        names += ["task_not_found", "not_finished", *(spec.tasks.failures if spec.tasks else ())]
    if operation.does is Does.UPLOAD:
        names += ["invalid_image"]
    names += [rule.error for rule in rules_of(spec, operation) if rule.error]
    names += [own for model in spec.models.values() for own in model.errors.values()]
    return {
        name: spec.errors[name] for name in dict.fromkeys(names) if name in spec.errors and spec.errors[name].emitted
    }


def _headers(spec: Spec, answers: list[ErrorAnswer]) -> Tree:
    names = {name for answer in answers for name in answer.headers}
    out: Tree = {name: {"schema": {"type": "string"}} for name in sorted(names)}
    if spec.request_id_header:
        out[spec.request_id_header] = {"schema": {"type": "string"}, "description": "id of the request, for support"}
    return out


def _refusals(spec: Spec, operation: Operation) -> Tree:
    """The answers that are refusals, by status."""
    by_status: dict[int, dict[str, ErrorAnswer]] = defaultdict(dict)
    for name, answer in _errors(spec, operation).items():
        if answer.status >= 400:  # noqa: PLR2004  (a business code inside HTTP 200 stands with the good answers)
            by_status[answer.status][name] = answer
    out: Tree = {}
    for status, answers in sorted(by_status.items()):
        schemas = _distinct([error_schema(spec, operation, answer) for answer in answers.values()])
        media: Tree = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
        media["examples"] = _shown({name: error_example(spec, operation, answer) for name, answer in answers.items()})
        response: Tree = {
            "description": ", ".join(name.replace("_", " ") for name in answers),
            "content": {"application/json": media},
        }
        headers = _headers(spec, [*answers.values()])
        out[str(status)] = {**response, "headers": headers} if headers else response
    return out


def _distinct(schemas: list[Tree]) -> list[Tree]:
    kept: list[Tree] = []
    for schema in schemas:
        if schema not in kept:
            kept.append(schema)
    return kept


def _shown(examples: dict[str, JsonTree]) -> Tree:
    """Examples by name; of those that are alike the first one."""
    kept: dict[str, JsonTree] = {}
    for name, value in examples.items():
        if value not in kept.values():
            kept[name] = value
    return {name: {"value": value} for name, value in kept.items()}


def _good(spec: Spec, operation: Operation) -> Tree:
    schemas = [answer_schema(spec, operation)]
    examples = answer_examples(spec, operation)
    if operation.answer.status < 400:  # noqa: PLR2004
        inside = [answer for answer in _errors(spec, operation).values() if answer.status == operation.answer.status]
        schemas += [error_schema(spec, operation, answer) for answer in inside]
        examples |= {answer.name: error_example(spec, operation, answer) for answer in inside}
    schemas = _distinct(schemas)
    media: Tree = {"schema": schemas[0] if len(schemas) == 1 else {"anyOf": schemas}}
    media["examples"] = _shown(examples)
    content: Tree = {"application/json": media}
    if operation.stream is not None:
        events = (operation.stream.partial_event, operation.stream.completed_event)
        listed = {event: event_schema(spec, operation, event) for event in events}
        event: Tree = {"event": {"enum": [*events]}, "data": {"type": "string", "contentMediaType": "application/json"}}
        each: Tree = {"type": "object", "required": ["event", "data"], "properties": event}
        content["text/event-stream"] = {"schema": each, "x-events": listed}
    response: Tree = {"description": f"a good {operation.name.replace('_', ' ')}", "content": content}
    headers = _headers(spec, [])
    if headers:
        response["headers"] = headers
    links = _links(spec, operation)
    return {**response, "links": links} if links else response


def _links(spec: Spec, operation: Operation) -> Tree:
    """From a submit to what asks for its task, where the id stands in the answer at a fixed place."""
    if operation.does is not Does.SUBMIT or operation.answer.body is None:
        return {}
    pointer = _pointer(operation.answer.body.tree, "{task.id}")
    targets = [item for item in spec.operations.values() if item.does in ASKS_FOR_TASK]
    if pointer is None:
        return {}
    return {
        item.name: {"operationId": item.name, "parameters": {_id_name(item): f"$response.body#{pointer}"}}
        for item in targets
    }


def _pointer(tree: object, wanted: str) -> str | None:
    if tree == wanted:
        return ""
    if isinstance(tree, dict):
        found = ((key, _pointer(item, wanted)) for key, item in tree.items())
        return next((f"/{key}{rest}" for key, rest in found if rest is not None), None)
    return None


def _id_name(operation: Operation) -> str:
    _, _, query = operation.path.partition("?")
    return next((part.partition("=")[0] for part in query.split("&") if part.endswith("={task_id}")), "task_id")


def _parameters(spec: Spec, operation: Operation) -> list[Tree]:
    path, _, query = operation.path.partition("?")
    out: list[Tree] = []
    if "{model}" in path:
        out.append({"name": "model", "in": "path", "required": True, "schema": {"enum": [*spec.models]}})
    if "{task_id}" in path:
        out.append({"name": "task_id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}})
    out += [
        {"name": name, "in": "query", "required": True, "schema": {"type": "string", "minLength": 1}}
        for name, _, value in (pair.partition("=") for pair in query.split("&"))
        if value == "{task_id}"
    ]
    return out


def _examples(spec: Spec, operation: Operation) -> Tree:
    out: Tree = {}
    selector = spec.selector if operation.does in MAKES_IMAGES else None
    for shape in shapes_of(spec, operation):
        maker = Maker(shape, selector)
        bodies = [maker.least(), *(maker.valid(Seeded(Random(seed))) for seed in range(EXAMPLES))]
        out |= {f"{shape.model}-{number}": {"value": body} for number, body in enumerate(bodies, start=1)}
    return out


def _request_body(spec: Spec, operation: Operation) -> Tree | None:
    schema = operation_schema(spec, operation)
    if operation.content == "none" or schema is None:
        return None
    media: Tree = {"schema": schema}
    if operation.content == "json":
        media["examples"] = _examples(spec, operation)
    return {"required": True, "content": {MEDIA[operation.content]: media}}


def _description(spec: Spec, operation: Operation) -> str:
    rules = rules_of(spec, operation)
    known = Counter(rule.source.how.value for rule in rules)
    counted = ", ".join(f"{count} {how}" for how, count in known.most_common())
    lines = [f"{len(rules)} rules of the request: {counted or 'none'}."]
    lines += [f"* `{rule.id}` {rule.level}: {rule.sentence} ({rule.source})" for rule in rules]
    return "\n".join(lines)


def _operation(spec: Spec, operation: Operation) -> Tree:
    out: Tree = {
        "operationId": operation.name,
        "summary": f"{operation.name.replace('_', ' ')} at {spec.title}",
        "description": _description(spec, operation),
        "tags": [spec.provider],
        "responses": {str(operation.answer.status): _good(spec, operation), **_refusals(spec, operation)},
    }
    parameters, body = _parameters(spec, operation), _request_body(spec, operation)
    if parameters:
        out["parameters"] = parameters
    if body is not None:
        out["requestBody"] = body
    return out


def _merged(one: Tree, other: Tree) -> Tree:
    """Two operations at one method and path, which differ by their content type, as one."""
    content = {**one["requestBody"]["content"], **other["requestBody"]["content"]}  # type: ignore[index]
    return {**one, "requestBody": {**one["requestBody"], "content": content}}  # type: ignore[dict-item]


def _security(spec: Spec) -> Tree:
    auth = spec.auth
    if auth.header.lower() == "authorization" and auth.scheme.lower() == "bearer":
        return {"type": "http", "scheme": "bearer", "description": f"a key such as `{auth.key_example}`"}
    shown = f"{auth.scheme} {auth.key_example}".strip()
    return {"type": "apiKey", "in": "header", "name": auth.header, "description": f"`{shown}`"}


def _statements(spec: Spec) -> Iterator[str]:
    for rule in spec.rules:
        if isinstance(rule.kind, Statement) and rule.kind.topic in (
            "polling",
            "billing",
            "states",
            "results",
            "advice",
        ):
            yield f"* `{rule.id}`: {rule.sentence} ({rule.source})"


def export(spec: Spec, *, server: str | None = None) -> Tree:
    """The OpenAPI 3.1 document of a spec; `server` replaces the provider's own address."""
    paths: dict[str, Tree] = {}
    for operation in spec.operations.values():
        path = operation.path.partition("?")[0]
        methods = paths.setdefault(path, {})
        method = operation.method.lower()
        made = _operation(spec, operation)
        known = methods.get(method)
        methods[method] = _merged(known, made) if isinstance(known, dict) else made
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"{spec.title} ({spec.name})",
            "version": "1",
            "description": "Derived by imageproof from its spec.\n" + "\n".join(_statements(spec)),
        },
        "servers": [{"url": server or spec.base_url}],
        "security": [{"key": []}],
        "tags": [{"name": spec.provider}],
        "paths": paths,
        "components": {"securitySchemes": {"key": _security(spec)}},
    }
