"""Billable requests as values: what is sent, what it should come to and cost. Nothing here sends anything.

A job is told by its bytes: rules that need the same request share one, and no job is ever sent twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import orjson

from imageproof.specs.files import FileFacts
from imageproof.specs.model import MAKES_IMAGES, Does
from imageproof.specs.outcome import Outcomes, effective

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.specs.model import Model, Operation, Shape, Spec
    from imageproof.specs.outcome import Outcome

    Body = dict[str, object]

UNPRICED = 250_000  # micro-dollars set aside for a request whose price no page gives: more than any image costs at 1K
HEAVY_PIXELS = 6_000_000
MARKED_FROM = 6  # characters: shorter prompts are there for their shortness
MARKED_UP_TO = 200  # characters: longer prompts are there for their length, and stay as they are


@dataclass(frozen=True, kw_only=True)
class Job:
    """One request that makes images. `card` is a test card of the mock; `extra` are headers."""

    operation: Operation
    shape: Shape
    model: Model
    body: Body
    card: str = ""
    extra: tuple[tuple[str, str], ...] = ()
    twin: int = 0
    account: str = "own"

    @cached_property
    def key(self) -> str:
        """What tells it from other jobs."""
        parts = [self.operation.name, self.model.name, self.body, self.card, list(self.extra), self.twin, self.account]
        return hashlib.blake2b(
            orjson.dumps(parts, default=_plain, option=orjson.OPT_SORT_KEYS), digest_size=8
        ).hexdigest()

    @cached_property
    def asked(self) -> Mapping[str, object]:
        """The fields as the provider reads them."""
        return effective(self.shape, flattened(self.body))

    @cached_property
    def is_streamed(self) -> bool:
        """Whether it asks for server-sent events."""
        stream = self.operation.stream
        return stream is not None and self.asked.get(stream.switch) is True

    @cached_property
    def outcome(self) -> Outcome:
        """What it should come to."""
        stream = self.operation.stream
        partials = self.asked.get(stream.partials) if stream and self.is_streamed else 0
        return Outcomes(self.model).of(
            self.asked, prompt=self.prompt, partials=int(partials) if isinstance(partials, int) else 0
        )

    @cached_property
    def prompt(self) -> str:
        """The prompt that is sent: its own, marked with the job's key, so that its pictures can be told from others."""
        value = self.asked.get(self.model.images.prompt)
        text = value if isinstance(value, str) else ""
        if not MARKED_FROM <= len(text) <= MARKED_UP_TO:
            return text
        return f"{text} {self.key}" + (f" [[{self.card}]]" if self.card else "")

    @cached_property
    def sent(self) -> Body:
        """The body with its marked prompt."""
        return with_value(self.body, self.model.images.prompt, self.prompt) if self.prompt else self.body

    @property
    def micro_usd(self) -> int:
        """What it is expected to cost; a careful guess where no page gives the price."""
        cost = self.outcome.micro_usd
        return UNPRICED if cost is None else cost


def job_for(spec: Spec, shape: Shape, body: Body) -> Job:
    """The job that a valid body of a shape is."""
    return Job(operation=spec.operations[shape.operation], shape=shape, model=spec.models[shape.model], body=body)


def image_shapes(spec: Spec) -> list[Shape]:
    """All shapes that make images, in the order of the spec."""
    return [shape for model in spec.models.values() for shape in model.shapes.values()]


def first_shape_of(spec: Spec) -> Shape:
    """The shape of the example model: what a plain request is."""
    own = [shape for shape in image_shapes(spec) if shape.model == spec.selector.example]
    return (own or image_shapes(spec))[0]


def makes_tasks(operation: Operation) -> bool:
    """Whether its answer is a task, and not the images themselves."""
    return operation.does is Does.SUBMIT


def is_heavy(job: Job) -> bool:
    """Whether its answer holds so many pixels in base64 that few of them should be held at once."""
    outcome = job.outcome
    return outcome.as_base64 and outcome.width * outcome.height * outcome.count > HEAVY_PIXELS


def is_billable(operation: Operation) -> bool:
    """Whether an accepted request of it costs money."""
    return operation.does in MAKES_IMAGES


def flattened(body: Mapping[str, object]) -> Body:
    """Nested fields by their dotted names, beside the groups themselves."""
    out: Body = {}
    for name, value in body.items():
        out[name] = value
        if isinstance(value, dict):
            out.update({f"{name}.{inner}": item for inner, item in value.items()})
    return out


def with_value(body: Body, name: str, value: object) -> Body:
    """The body with a field set, which may lie in a group (`input.prompt`)."""
    group, dot, inner = name.partition(".")
    if not dot:
        return {**body, name: value}
    held = body.get(group)
    return {**body, group: {**(held if isinstance(held, dict) else {}), inner: value}}


def _plain(value: object) -> object:
    if isinstance(value, FileFacts):
        return [value.format, value.width, value.height, value.has_alpha, value.size]
    raise TypeError(f"expected JSON or a file, got {type(value).__name__}")
