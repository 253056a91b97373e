"""Operations and the life of a task: colliding routes, missing operations, states that nobody sees, ids that repeat."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imageproof.specs.lint_subject import error, warning
from imageproof.specs.model import ASKS_FOR_TASK, MAKES_IMAGES, Does, Phase
from imageproof.specs.problems import did_you_mean
from imageproof.specs.reading import text_of
from imageproof.specs.template import placeholders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.lint_subject import Finding, Path, Subject
    from imageproof.specs.model import Operation, Spec
    from imageproof.specs.template import Template

IN_PATH = re.compile(r"\{([^{}]*)\}")
ALONE = re.compile(r"/\{task_id\}(?:/|$)|[?&][^=&]+=\{task_id\}(?:&|$)")
RANDOM = re.compile(r"(hex|alnum)([0-9]+)|uuid")
FEWEST = {"hex": 8, "alnum": 7}
"""So many random digits hold 32 bits; with fewer, two of some ten thousand tasks would share an id."""

MOST = {"hex": 32, "alnum": 24}
"""So many digits come out of the sixteen bytes from which an id is made."""

IN_URL = ("hex", "task", "index", "ext")
WORKS_FOR_ALL = "no request can name its model for this operation"


def check_routes(subject: Subject) -> Iterator[Finding]:
    """Everything about operations and tasks of one profile that can't work."""
    if not (subject.is_whole("operations") and subject.is_whole("tasks")):
        return
    for operation in subject.spec.operations.values():
        yield from _path(subject, operation)
        yield from _makes(subject, operation)
    yield from _collisions(subject)
    yield from _company(subject)
    yield from _ids(subject)
    yield from _results(subject)
    yield from _states(subject)
    yield from _limits(subject)
    yield from _samples(subject)


def _path(subject: Subject, operation: Operation) -> Iterator[Finding]:
    mark = subject.value_mark("operations", operation.name, "path")
    names = IN_PATH.findall(operation.path)
    for name in names:
        if name not in ("task_id", "model"):
            yield error(mark, f"unknown placeholder {{{name}}} in a path", did_you_mean(name, ("task_id", "model")))
    asks = operation.does in ASKS_FOR_TASK
    if asks and not names:
        hint = "put {task_id} into the path or its query"
        yield error(mark, f"a {operation.does} must say which task it is about", hint)
    if not asks and "task_id" in names:
        yield error(mark, f"a {operation.does} is about no task, so its path can't name one")
    if "task_id" in names and not ALONE.search(operation.path):
        yield error(mark, "{task_id} must stand alone: between slashes, or as a value in the query")


def _makes(subject: Subject, operation: Operation) -> Iterator[Finding]:
    if operation.does not in MAKES_IMAGES:
        return
    spec, mark = subject.spec, subject.mark("operations", operation.name)
    if "{model}" not in operation.path and spec.selector.field is None and spec.selector.default is None:
        hint = "put {model} into the path, or say `selector: {field: model}`"
        yield error(subject.value_mark("operations", operation.name, "path"), WORKS_FOR_ALL, hint)
    if operation.content == "none":
        message = f"a {operation.does} without a body can't say what to make"
        yield error(mark, message, "add `content: json` or `content: multipart`")
    if subject.is_whole("models") and not any(operation.name in model.shapes for model in spec.models.values()):
        yield error(mark, f"no model can be used with {operation.name!r}", "name it in `operations` of a model")


def _collisions(subject: Subject) -> Iterator[Finding]:
    taken: dict[tuple[str, str, str], str] = {}
    for operation in subject.spec.operations.values():
        path = operation.path.partition("?")[0]
        content = "none" if operation.does in ASKS_FOR_TASK else operation.content
        other = taken.setdefault((operation.method, path, content), operation.name)
        if other != operation.name:
            body = {"none": "without a body"}.get(content, f"with a {content} body")
            message = f"{operation.method} {path} {body} is already the operation {other!r}"
            yield error(subject.value_mark("operations", operation.name, "path"), message)


def _company(subject: Subject) -> Iterator[Finding]:
    """Operations that make no sense without others."""
    spec = subject.spec
    submit, poll = spec.operation_for(Does.SUBMIT), spec.operation_for(Does.POLL)
    if submit and not poll:
        message = f"{submit.name!r} takes tasks, and no operation polls them"
        yield error(subject.mark("operations", submit.name), message, "add an operation with `does: poll`")
    if submit and not spec.tasks:
        message = f"{submit.name!r} takes tasks, and there is no section `tasks`"
        yield error(subject.mark("operations", submit.name), message)
    for operation in spec.operations.values():
        if operation.does in ASKS_FOR_TASK and not submit:
            message = f"{operation.name!r} asks for tasks, and no operation takes them"
            yield error(subject.mark("operations", operation.name), message, "add an operation with `does: submit`")
    if spec.tasks and not submit:
        message = "there are tasks, and no operation takes them"
        yield error(subject.mark("tasks"), message, "add an operation with `does: submit`")
    if spec.webhooks and not spec.tasks:
        yield error(subject.mark("webhooks"), "there are calls back for tasks, and there are no tasks")
    for name, model in spec.models.items():
        if not model.shapes and subject.is_whole("models"):
            yield error(subject.mark("models", name), f"no operation takes the model {name!r}")


def _ids(subject: Subject) -> Iterator[Finding]:
    for path, what in ((("tasks", "id", "template"), "tasks"), (("errors", "request_id"), "requests")):
        node = subject.node(*path)
        if node is not None:
            yield from _id(subject, path, text_of(node), what)


def _id(subject: Subject, path: Path, template: str, what: str) -> Iterator[Finding]:
    mark = subject.value_mark(*path)
    parts = IN_PATH.findall(template)
    hint = "write {uuid}, {hex32} or {alnum24}"
    for part in parts:
        match = RANDOM.fullmatch(part)
        if match is None:
            yield error(mark, f"unknown placeholder {{{part}}} in an id", hint)
        elif match[1] and int(match[2]) > MOST[match[1]]:
            message = f"{{{part}}} asks for more digits than there are"
            yield error(mark, message, f"write at most {{{match[1]}{MOST[match[1]]}}}")
        elif match[1] and int(match[2]) < FEWEST[match[1]]:
            message = f"{{{part}}} is so short that two {what} would share an id"
            yield error(mark, message, f"write at least {{{match[1]}{FEWEST[match[1]]}}}")
    if not parts:
        yield error(mark, f"an id without a random part is the same for all {what}", hint)


def _results(subject: Subject) -> Iterator[Finding]:
    spec = subject.spec
    shown = {name for operation in spec.operations.values() for name in _shown_by(operation)}
    for operation in spec.operations.values():
        if "image.url" in _shown_by(operation) and spec.results is None:
            message = f"{operation.name!r} answers with {{image.url}}, and no `results` say where images are fetched"
            hint = "add results: {url: ..., expires: ...}"
            yield error(subject.mark("operations", operation.name, "answer"), message, hint)
    kinds = {model.images.kind for model in spec.models.values()}
    if spec.models and subject.is_whole("models") and "image.base64" in shown and kinds == {"url"}:
        operation = next(item for item in spec.operations.values() if "image.base64" in _shown_by(item))
        message = f"{operation.name!r} answers with {{image.base64}}, and every model gives a URL"
        yield error(subject.mark("operations", operation.name, "answer"), message, "say so in `images`: kind: base64")
    if spec.results is not None:
        yield from _result_url(subject, spec.results.url)


def _result_url(subject: Subject, url: str) -> Iterator[Finding]:
    path = ("tasks", "results", "url") if subject.node("results") is None else ("results", "url")
    mark = subject.value_mark(*path)
    names = IN_PATH.findall(url)
    for name in names:
        if name not in IN_URL:
            yield error(mark, f"unknown placeholder {{{name}}} in the path of an image", did_you_mean(name, IN_URL))
    if not {"task", "hex"} & set(names):
        yield error(mark, "this path is the same for the images of all tasks", "put {task} or {hex} into it")
    if "index" not in names and any(model.images.count != 1 for model in subject.spec.models.values()):
        yield error(mark, "this path is the same for all images of a task", "put {index} into it")


def _shown_by(operation: Operation) -> set[str]:
    return {name for body in _bodies(operation) for name in placeholders(body.tree)}


def _bodies(operation: Operation) -> Iterator[Template]:
    if operation.answer.body is not None:
        yield operation.answer.body
    yield from operation.answer.by_phase.values()
    if operation.stream is not None:
        yield operation.stream.partial
        yield operation.stream.completed


def _states(subject: Subject) -> Iterator[Finding]:
    spec = subject.spec
    if spec.tasks is None:
        return
    for operation in spec.operations.values():
        for holder in (("answer", "by_phase"), ("states",)):
            for name in subject.names("operations", operation.name, *holder):
                if Phase(name) not in spec.tasks.states:
                    mark = subject.mark("operations", operation.name, *holder, name)
                    yield error(mark, f"no task is ever {name!r}: `tasks.states` has no such state")
    for phase, name in spec.tasks.states.items():
        yield from _state(subject, phase, name)
    if spec.tasks.progress and not any("task.progress" in _shown_by(item) for item in spec.operations.values()):
        message = "there is progress, and no answer shows it"
        yield warning(subject.mark("tasks", "progress"), message, "put {task.progress} into one")


def _state(subject: Subject, phase: Phase, name: str) -> Iterator[Finding]:
    """Whether a task can get into a state, and a client can see it there."""
    spec = subject.spec
    mark = subject.mark("tasks", "states", phase)
    if phase is Phase.QUEUED and spec.queue_s[1] == 0:
        hint = "add queue: {wait: [1s, 5s], ...} to `tasks`, or leave the state out"
        yield error(mark, f"no task is ever {name!r}: without `tasks.queue` it runs at once", hint)
    if phase is Phase.FAILED and spec.tasks is not None and not spec.tasks.failures:
        yield error(mark, f"no task is ever {name!r}: `tasks.failures` names no way to fail")
    polls = [item for item in spec.operations.values() if item.does is Does.POLL]
    for poll in polls:
        if phase not in poll.answer.by_phase and poll.answer.body is None:
            where = subject.mark("operations", poll.name, "answer", "by_phase")
            yield error(where, f"{poll.name!r} has no answer for a task that is {phase}", f"add `{phase}:` here")
    if polls and not any(_is_seen(item, phase, name) for item in _tellers(spec, phase)):
        hint = "put {state} into the answers of a poll"
        yield error(mark, f"no answer can show the state {name!r}", hint)


def _tellers(spec: Spec, phase: Phase) -> list[Operation]:
    """The operations that can tell of a state: a submit does not tell of the end."""
    wanted = ASKS_FOR_TASK if phase.is_final else ASKS_FOR_TASK | {Does.SUBMIT}
    return [item for item in spec.operations.values() if item.does in wanted]


def _is_seen(operation: Operation, phase: Phase, name: str) -> bool:
    body = operation.answer.by_phase.get(phase) or operation.answer.body
    if body is None:
        return False
    own = operation.states.get(phase, name)
    return "state" in placeholders(body.tree) or _holds(body.tree, own)


def _holds(tree: object, text: str) -> bool:
    if isinstance(tree, dict):
        return any(_holds(item, text) for item in tree.values())
    if isinstance(tree, list):
        return any(_holds(item, text) for item in tree)
    return str(tree).lower() == text if isinstance(tree, bool) else str(tree) == text


def _limits(subject: Subject) -> Iterator[Finding]:
    done = {operation.does for operation in subject.spec.operations.values()}
    for name in subject.names("limits"):
        if Does(name) not in done:
            yield error(subject.mark("limits", name), f"a limit for {name!r}, and no operation does that")


def _samples(subject: Subject) -> Iterator[Finding]:
    auth = subject.spec.auth
    if subject.is_whole("auth") and re.fullmatch(auth.key_pattern, auth.key_example) is None:
        mark = subject.value_mark("auth", "key", "example")
        yield error(mark, f"the example {auth.key_example!r} does not match the pattern of a key")
