"""Sabotages of what a provider says: error answers, good answers, states, failures, events."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from imageproof.mock_server.deviations import Deviation
from imageproof.mock_server.sabotage_edit import (
    edited,
    required_names,
    with_answer,
    with_error,
    with_operation,
    with_value,
    without_key,
)
from imageproof.mock_server.sabotage_kinds import Family, Sabotage
from imageproof.specs.contract import Topic
from imageproof.specs.model import ASKS_FOR_TASK, Does, Phase
from imageproof.specs.template import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.mock_server.answers import Reply
    from imageproof.mock_server.call import Call
    from imageproof.specs.model import ErrorAnswer, Operation, Spec

OTHER_STATUS = {400: 422, 401: 403, 402: 400, 404: 410, 413: 400, 422: 400, 429: 503, 500: 400, 502: 500, 503: 500}
ESSENTIAL = frozenset({"task.id", "state", "image.url", "image.base64", "failure.code", "failure.message"})
TEXTS = frozenset({"task.created", "task.created_ms", "now", "now.ms", "account.credits", "account.usd"})


class Ids:
    """The ids of a spec's rules, to tie a sabotage to the one that says most about it."""

    def __init__(self, spec: Spec) -> None:
        self._name = spec.name
        self._known = {rule.id for rule in spec.rules}

    def of(self, *parts: str) -> str | None:
        """The id of a rule that the spec states, else None."""
        found = "/".join((self._name, *parts))
        return found if found in self._known else None

    def first(self, *ids: str | None) -> str | None:
        """The first that is stated."""
        return next((item for item in ids if item is not None), None)


def made(
    rule: str | None, family: Family, says: str, spec: Spec, deviation: Deviation | None = None, *, slug: str = ""
) -> Iterator[Sabotage]:
    """A sabotage of a rule, if the spec states it."""
    if rule is not None:
        name = f"{rule}!{slug or family}"
        yield Sabotage(id=name, rule=rule, family=family, says=says, spec=spec, deviation=deviation)


def of_errors(spec: Spec) -> Iterator[Sabotage]:
    """Error answers with another status, code, type, a header or a part of the envelope missing."""
    ids = Ids(spec)
    for answer in spec.errors.values():
        if not answer.emitted:
            continue
        whole = ids.of(Topic.ERRORS, answer.name)
        status = OTHER_STATUS.get(answer.status, 418)
        yield from made(
            ids.first(ids.of(Topic.ERRORS, answer.name, "status"), whole),
            Family.STATUS,
            f"answers {answer.name} with status {status} instead of {answer.status}",
            with_error(spec, replace(answer, status=status)),
        )
        if answer.code is not None:
            code = answer.code + 7 if isinstance(answer.code, int) else f"{answer.code}_x"
            yield from made(
                ids.first(ids.of(Topic.ERRORS, answer.name, "code"), whole),
                Family.CODE,
                f"answers {answer.name} with code {code}",
                with_error(spec, replace(answer, code=code)),
            )
        yield from _parts(spec, ids, answer)


def _parts(spec: Spec, ids: Ids, answer: ErrorAnswer) -> Iterator[Sabotage]:
    whole = ids.of(Topic.ERRORS, answer.name)
    own_type = ids.first(ids.of(Topic.ERRORS, answer.name, "type"), whole)
    if answer.type is not None:
        wrong = with_error(spec, replace(answer, type=f"{answer.type}_x"))
        yield from made(own_type, Family.TYPE, f"answers {answer.name} with another type", wrong)
    envelope = answer.envelope or spec.envelope
    bare = Template.of(without_key(envelope.tree, "message"))
    if bare.tree != envelope.tree:
        wrong = with_error(spec, replace(answer, envelope=bare))
        yield from made(whole, Family.MISSING, f"answers {answer.name} without its message", wrong)
    stated = ids.first(ids.of(Topic.ERRORS, answer.name, "headers"), whole)
    for header in answer.headers:
        kept = {name: value for name, value in answer.headers.items() if name != header}
        slug = "header" if header.lower() == "retry-after" else f"header-{header.lower()}"
        wrong = with_error(spec, replace(answer, headers=kept))
        yield from made(stated, Family.HEADER, f"answers {answer.name} without {header}", wrong, slug=slug)
        if header.lower() == "retry-after":
            odd = with_error(spec, replace(answer, headers={**answer.headers, header: "soon"}))
            yield from made(stated, Family.HEADER, "sends Retry-After: soon", odd, slug="header-odd")


def of_answers(spec: Spec) -> Iterator[Sabotage]:
    """Good answers with another status, a field missing or of another type; operations that are elsewhere."""
    ids = Ids(spec)
    for operation in spec.operations.values():
        whole = ids.of(Topic.ANSWERS, operation.name)
        status = 201 if operation.answer.status == 200 else 200  # noqa: PLR2004  (the statuses themselves)
        yield from made(
            ids.first(ids.of(Topic.ANSWERS, operation.name, "status"), whole),
            Family.STATUS,
            f"answers a good {operation.name} with status {status}",
            with_answer(spec, operation, replace(operation.answer, status=status)),
        )
        moved = with_operation(spec, replace(operation, path=f"/moved{operation.path}"))
        route = ids.of(Topic.ANSWERS, operation.name, "route")
        yield from made(route, Family.MOVED, f"serves {operation.name} elsewhere", moved)
        yield from _bodies(spec, operation, whole)
    rule = ids.of(Topic.ANSWERS, "request-id")
    yield from made(rule, Family.MISSING, f"sends no {spec.request_id_header}", replace(spec, request_id_header=None))


def _bodies(spec: Spec, operation: Operation, rule: str | None) -> Iterator[Sabotage]:
    answer = operation.answer
    trees = [template.tree for template in ([answer.body] if answer.body else [*answer.by_phase.values()])]
    names = (
        [name for name in required_names(trees[0]) if all(name in required_names(tree) for tree in trees)]
        if trees
        else []
    )
    plain = [name for name in names if name not in ESSENTIAL]
    if plain:
        name = plain[-1]
        wrong = with_answer(spec, operation, edited(answer, lambda tree: without_key(tree, name)))
        yield from made(rule, Family.MISSING, f"leaves {name} out of the answer to {operation.name}", wrong)
    for name in [item for item in names if item in TEXTS][:1]:
        wrong = with_answer(spec, operation, edited(answer, lambda tree: with_value(tree, name, f"at {{{name}}}")))  # noqa: B023  (used at once)
        yield from made(rule, Family.RETYPED, f"answers {name} of {operation.name} as a text", wrong)
        null = with_answer(spec, operation, edited(answer, lambda tree: with_value(tree, name, None)))  # noqa: B023  (as above)
        yield from made(rule, Family.NULL, f"answers {name} of {operation.name} as null", null)


def of_states(spec: Spec) -> Iterator[Sabotage]:
    """States under another name, ids of another form, ends that are none, progress that falls."""
    tasks, ids = spec.tasks, Ids(spec)
    if tasks is None:
        return
    for phase, name in tasks.states.items():
        other = f"upstream_{name}"
        states = {**tasks.states, phase: other}
        operations = {
            key: replace(item, states={**item.states, phase: other}) if item.states else item
            for key, item in spec.operations.items()
        }
        wrong = replace(spec, tasks=replace(tasks, states=states), operations=operations)
        yield from made(ids.of(Topic.STATES, phase), Family.RENAMED, f"calls the state {name} {other}", wrong)
    odd = replace(spec, tasks=replace(tasks, id_template=f"x{tasks.id_template}"))
    yield from made(ids.of(Topic.STATES, "id"), Family.RETYPED, "gives ids of another form", odd)
    for name, failure in tasks.failures.items():
        if failure.code is not None:
            code = failure.code + 5 if isinstance(failure.code, int) else f"{failure.code}_x"
            failures = {**tasks.failures, name: replace(failure, code=code)}
            wrong = replace(spec, tasks=replace(tasks, failures=failures))
            yield from made(ids.of(Topic.FAILURES, name), Family.CODE, f"says {code} when {name} happened", wrong)
    running = tasks.states.get(Phase.RUNNING, "")
    final = tasks.states.get(Phase.SUCCEEDED, "")
    yield from made(
        ids.of(Topic.STATES, "terminal"),
        Family.FLIPS,
        "goes back to running after the end",
        spec,
        Deviation(reply=_flip(final, running)),
    )
    if Phase.QUEUED in tasks.states and Phase.RUNNING in tasks.states:
        queued = tasks.states[Phase.QUEUED]
        yield from made(
            ids.of(Topic.GENERAL, "order"),
            Family.FLIPS,
            "goes from running back to waiting",
            spec,
            Deviation(reply=_flip(running, queued)),
        )
    if tasks.progress:
        fall = Deviation(reply=_fall())
        yield from made(ids.of(Topic.STATES, "progress"), Family.FALLS, "tells less progress later", spec, fall)


def _flip(shown: str, instead: str) -> Callable[[Call, Reply], None]:
    """Tell each task's state `shown` once, and `instead` from then on."""
    told: dict[str, int] = {}

    def change(call: Call, reply: Reply) -> None:
        mark = b'"%b"' % shown.encode()
        if call.operation.does not in ASKS_FOR_TASK or mark not in reply.body or call.task_id is None:
            return
        told[call.task_id] = told.get(call.task_id, 0) + 1
        if told[call.task_id] > 1:
            reply.body = reply.body.replace(mark, b'"%b"' % instead.encode())

    return change


def _fall() -> Callable[[Call, Reply], None]:
    """Tell less progress each time a task is asked for."""
    asked: dict[str, int] = {}

    def change(call: Call, reply: Reply) -> None:
        if call.operation.does is not Does.POLL or call.task_id is None:
            return
        tree = orjson.loads(reply.body)
        if isinstance(tree, dict) and "progress" in tree:
            asked[call.task_id] = asked.get(call.task_id, 0) + 1
            tree["progress"] = max(0, 100 - 10 * asked[call.task_id])
            reply.body = orjson.dumps(tree)

    return change


def of_streams(spec: Spec) -> Iterator[Sabotage]:
    """Events under another name, in the wrong order, or never."""
    ids = Ids(spec)
    for operation in spec.operations.values():
        stream = operation.stream
        if stream is None:
            continue
        for part, name in (("partial", stream.partial_event), ("completed", stream.completed_event)):
            rule = ids.of(Topic.STREAM, operation.name, part)
            is_partial = part == "partial"
            renamed = (
                replace(stream, partial_event=f"{name}.x")
                if is_partial
                else replace(stream, completed_event=f"{name}.x")
            )
            wrong = with_operation(spec, replace(operation, stream=renamed))
            yield from made(rule, Family.RENAMED, f"calls the event {name} {name}.x", wrong)
        completed = ids.of(Topic.STREAM, operation.name, "completed")
        partial = ids.of(Topic.STREAM, operation.name, "partial")
        last = Deviation(events=lambda events: [*events[-1:], *events[:-1]])
        yield from made(completed, Family.ORDER, "sends the completed event first", spec, last)
        none = Deviation(events=lambda events: events[:-1])
        yield from made(completed, Family.MISSING, "ends the stream without the completed event", spec, none)
        swapped = Deviation(events=lambda events: [*events[:-1][::-1], *events[-1:]])
        yield from made(partial, Family.ORDER, "sends the partial images in the wrong order", spec, swapped)
