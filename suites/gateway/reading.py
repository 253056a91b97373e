"""Read answers: the state of a task, its id, its images, the parts of an error, by the templates of the spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs.model import Does, Phase
from imageproof.specs.places import read_all, templates_of

if TYPE_CHECKING:
    from imageproof.specs.model import ErrorAnswer, Operation, Spec

Values = dict[str, list[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorSaid:
    """What a refusal says, in the provider's places; None where it says nothing."""

    code: object = None
    type: object = None
    param: object = None
    message: object = None

    def __str__(self) -> str:
        """Give the parts that are there, for a sentence."""
        parts = [("code", self.code), ("type", self.type), ("param", self.param)]
        said = [f"{name} {value!r}" for name, value in parts if value is not None]
        return ", ".join(said) or "no code"


def names_of_states(spec: Spec, operation: Operation) -> dict[str, Phase]:
    """The phases by the names that an operation's answers use."""
    states = operation.states or (spec.tasks.states if spec.tasks else {})
    return {name: phase for phase, name in states.items()}


def read_answer(operation: Operation, body: object, phase: Phase | None = None) -> Values:
    """The values of a good answer by their names; without a phase, from whichever body fits."""
    templates = templates_of(operation)
    if phase is not None and phase in templates:
        return read_all(body, templates[phase])
    out: Values = {}
    for template in templates.values():
        for name, values in read_all(body, template).items():
            known = out.setdefault(name, [])
            known += [value for value in values if value not in known]
    return out


def state_of(operation: Operation, body: object) -> str | None:
    """The state that an answer tells, in the provider's words."""
    for value in read_answer(operation, body).get("state", []):
        if isinstance(value, str):
            return value
    return None


def task_id_of(operation: Operation, body: object) -> str | None:
    """The id of the task that an answer is about."""
    return next((str(value) for value in read_answer(operation, body).get("task.id", []) if value), None)


def read_error(spec: Spec, operation: Operation | None, answer: ErrorAnswer | None, body: object) -> ErrorSaid:
    """The parts of a refusal, read where its envelope has them."""
    envelope = (answer.envelope if answer else None) or (operation.envelope if operation else None) or spec.envelope
    found = read_all(body, envelope)
    first = {name: values[0] for name, values in found.items() if values}
    return ErrorSaid(
        code=first.get("code"), type=first.get("type"), param=first.get("param"), message=first.get("message")
    )


def polling_operation(spec: Spec) -> Operation | None:
    """The operation that tells how a task stands."""
    return spec.operation_for(Does.POLL)
