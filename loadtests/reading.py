"""What answers say, by the templates of the contract: ids, states, images, and who made an error."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from imageproof.loadtests.books import Fault
from imageproof.specs.model import Does, Phase
from imageproof.specs.places import places, read_all, templates_of, values_at

if TYPE_CHECKING:
    from imageproof.specs.model import Operation, Spec
    from imageproof.specs.template import Template

Values = dict[str, list[object]]
GOOD, ERROR = 200, 300
LOOKED_AT, EXCERPT = 4096, 200
TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
WANTED = frozenset({"task.id", "state", "image.url", "image.base64", "failure.message"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A good answer: the task, its phase (None for a state that is not known), and images by URL or as base64."""

    task: str | None
    phase: Phase | None
    urls: tuple[str, ...] = ()
    base64: tuple[str, ...] = ()
    why: str = ""


class Places:
    """The ways to the values of one template, found once: an answer is read a thousand times a second."""

    __slots__ = ("_places",)

    def __init__(self, template: Template) -> None:
        self._places = [(place.name, place.path) for place in places(template.tree) if place.name in WANTED]

    def read(self, tree: object, into: Values) -> Values:
        """Add the values of an answer to others, nulls and repetitions left out."""
        for name, path in self._places:
            known = into.setdefault(name, [])
            known += [value for value in values_at(tree, path) if value is not None and value not in known]
        return into


class Reader:
    """Reads the answers of one provider."""

    __slots__ = ("_codes", "_envelopes", "_places", "_states", "spec")

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self._codes = {answer.code for answer in spec.errors.values() if answer.code is not None}
        own = [answer.envelope for answer in spec.errors.values() if answer.envelope]
        own += [operation.envelope for operation in spec.operations.values() if operation.envelope]
        self._envelopes = (spec.envelope, *own)
        usual = spec.tasks.states if spec.tasks else {}
        self._places = {
            operation.name: {phase: Places(template) for phase, template in templates_of(operation).items()}
            for operation in spec.operations.values()
        }
        self._states = {
            operation.name: {name: phase for phase, name in (operation.states or usual).items()}
            for operation in spec.operations.values()
        }

    def read(self, operation: Operation, body: bytes) -> Said | None:
        """What an answer says; None for one that is no JSON."""
        try:
            tree = orjson.loads(body)
        except orjson.JSONDecodeError:
            return None
        by_phase = self._places[operation.name]
        found = next(iter(by_phase.values())).read(tree, {})
        phase = self._phase(operation, found)
        fitting = by_phase.get(phase)
        for way in by_phase.values() if fitting is None else (fitting,):
            way.read(tree, found)
        return said(found, phase)

    def _phase(self, operation: Operation, values: Values) -> Phase | None:
        known = self._states[operation.name]
        return next(
            (known[value] for value in values.get("state", []) if isinstance(value, str) and value in known), None
        )

    def blame(self, body: bytes, *, is_marked: bool) -> Fault:
        """Who made an error: one that says so (`is_marked`) or speaks as the provider does is passed on."""
        if is_marked:
            return Fault.UPSTREAM
        try:
            tree = orjson.loads(body)
        except orjson.JSONDecodeError:
            return Fault.GATEWAY
        codes = (value for envelope in self._envelopes for value in read_all(tree, envelope).get("code", []))
        return Fault.UPSTREAM if any(_is_in(code, self._codes) for code in codes) else Fault.GATEWAY

    @property
    def poll(self) -> Operation | None:
        """How a task is asked for."""
        return self.spec.operation_for(Does.POLL)

    @property
    def result(self) -> Operation | None:
        """How the result of a finished task is asked for, where that is another request."""
        return self.spec.operation_for(Does.RESULT)


def said(values: Values, phase: Phase | None = None) -> Said:
    """The values of an answer, in their types."""
    tasks = [str(value) for value in values.get("task.id", []) if value]
    return Said(
        task=tasks[0] if tasks else None,
        phase=phase,
        urls=tuple(value for value in values.get("image.url", []) if isinstance(value, str)),
        base64=tuple(value for value in values.get("image.base64", []) if isinstance(value, str)),
        why=" ".join(str(value) for value in values.get("failure.message", []))[:200],
    )


def read_event(data: bytes, template: Template) -> Said | None:
    """What one event of a stream says; None for one that is no JSON."""
    try:
        return said(read_all(orjson.loads(data), template))
    except orjson.JSONDecodeError:
        return None


def excerpt(body: bytes) -> str:
    """What an answer says, on one line: the title of a page of HTML, else how it begins."""
    text = body[:LOOKED_AT].decode(errors="replace")
    if text.lstrip()[:1] == "<":
        title = TITLE.search(text)
        return f"a page of HTML, {' '.join(title[1].split())[:EXCERPT]!r}" if title else "a page of HTML"
    return " ".join(text.split())[:EXCERPT]


def image_of(text: str) -> bytes | None:
    """The bytes of an image in base64, with or without a `data:` prefix; None for nonsense."""
    try:
        return base64.b64decode(text.partition(",")[2] if text.startswith("data:") else text, validate=True)
    except (binascii.Error, ValueError):  # what is no base64 is no image
        return None


def is_image(data: bytes) -> bool:
    """Whether bytes begin as an image file does."""
    return data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def _is_in(code: object, known: set[str | int | float | bool]) -> bool:
    return isinstance(code, str | int | float) and code in known
