"""Examples of answers, filled from the templates of a spec with values of the right form.

For mocks that serve OpenAPI documents, which would make ids up otherwise, and for people who read them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.generate import Maker
from imageproof.specs.model import MAKES_IMAGES, Phase
from imageproof.specs.outcome import effective
from imageproof.specs.schema import shapes_of
from imageproof.specs.template import ID_PART, URL_PART, VARIABLES, fill, placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.model import ErrorAnswer, JsonTree, Operation, Spec
    from imageproof.specs.template import Template

CREATED = 1_767_225_600  # the first second of 2026
TOOK_S = 60
DAY_S = 86_400
DIGITS = "0123456789abcdef" * 4
UUID = "01234567-89ab-4def-8123-456789abcdef"
HOST = "https://images.example"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAG7buVgAAAABJRU5ErkJggg=="  # a white one
BY_TYPE: dict[str, object] = {"integer": 1, "number": 1, "string": "text", "url": HOST, "progress": 0, "any": None}
PROGRESS = {Phase.QUEUED: 0, Phase.RUNNING: 40, Phase.SUCCEEDED: 100, Phase.FAILED: 0}
TIMES = {"now": 0, "task.created": 0, "task.completed": TOOK_S, "task.expires": TOOK_S + DAY_S, "limit.reset": TOOK_S}
USUAL: dict[str, object] = {
    **{name: CREATED + after for name, after in TIMES.items()},
    **{f"{name}_ms": (CREATED + after) * 1000 for name, after in TIMES.items()},
    "now.ms": CREATED * 1000,
    "task.base": HOST,
    "task.position": 0,
    "task.alias": None,
    "image.base64": PIXEL,
    "image.index": 0,
    "image.size": "1024x1024",
    "image.format": "png",
    "partial.index": 0,
    "message": "what is wrong, in words",
    "field": "prompt",
    "value": "",
    "reason": "expected something else",
    "usage.image_tokens": 0,
    "file.url": f"{HOST}/uploads/cat.png",
    "file.type": "image/png",
}


def _id(template: str) -> str:
    return ID_PART.sub(lambda match: DIGITS[: int(match[2])] if match[1] else UUID, template)


def _asked(spec: Spec, operation: Operation) -> dict[str, object]:
    """The fields of the plainest request that this operation, or the one that makes its tasks, takes."""
    makers = [operation, *(item for item in spec.operations.values() if item.does in MAKES_IMAGES)]
    for maker in makers:
        for shape in shapes_of(spec, maker):
            return effective(shape, Maker(shape, spec.selector if maker.does in MAKES_IMAGES else None).least())
    return {}


def _values(spec: Spec, operation: Operation, phase: Phase | None) -> dict[str, object]:
    """The values that a spec says something of."""
    tasks, phase = spec.tasks, phase or Phase.QUEUED
    task_id = _id(tasks.id_template if tasks and tasks.id_template else operation.id_template or "img_{hex32}")
    states = operation.states or (tasks.states if tasks else {})
    places = {"hex": DIGITS[:32], "task": task_id, "index": "0", "ext": "png"}
    failure = next(iter(tasks.failures.values()), None) if tasks else None
    return {
        "task.id": task_id,
        "task.hex": DIGITS[:32],
        "model": next(iter(spec.models)),
        "state": states.get(phase) or states.get(Phase.RUNNING),
        "task.progress": PROGRESS[phase],
        "request_id": _id(spec.request_id),
        "image.url": HOST + URL_PART.sub(lambda match: places[match[1]], spec.results.url) if spec.results else HOST,
        "failure.code": failure.code if failure else None,
        "failure.message": failure.message if failure else "it failed",
    }


def _filled(template: Template, values: Mapping[str, object]) -> JsonTree:
    """A template with a value for each of its placeholders, and one image where it has some."""
    known = {**USUAL, **values}
    for name in placeholders(template.tree):
        known.setdefault(name, BY_TYPE.get(VARIABLES.get(name, "any")))
    return template.plain({**known, "images": [{}]})


def answer_examples(spec: Spec, operation: Operation) -> dict[str, JsonTree]:
    """Good answers of an operation: one for each phase of a task, by its name, or one that is called `answer`."""
    answer = operation.answer
    asked = {f"request.{name}": value for name, value in _asked(spec, operation).items()}
    if answer.by_phase:
        return {
            phase.value: _filled(template, _values(spec, operation, phase) | asked)
            for phase, template in answer.by_phase.items()
        }
    return {"answer": _filled(answer.body, _values(spec, operation, None) | asked)} if answer.body is not None else {}


def error_example(spec: Spec, operation: Operation, answer: ErrorAnswer) -> JsonTree:
    """A refusal in the words of the provider."""
    values = {**_values(spec, operation, None), "code": answer.code, "type": answer.type, "status": answer.status}
    words = {**{name: BY_TYPE[kind] for name, kind in VARIABLES.items() if kind in BY_TYPE}, **USUAL, **values}
    values["message"] = fill(answer.message, words)
    values["param"] = (fill(answer.param, words) or None) if answer.param is not None else None
    envelope = answer.envelope or operation.envelope or spec.envelope
    return _filled(envelope, values)
