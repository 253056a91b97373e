"""From a scenario and a contract to the order that a client gets: a whole valid request in the provider's words."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from imageproof.specs.check import Checker
from imageproof.specs.files import FileFacts, encode
from imageproof.specs.generate import Maker
from imageproof.specs.model import Does
from imageproof.specs.outcome import Outcomes, effective
from imageproof.specs.scenario import Needs, Order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imageproof.specs.model import Field, JsonTree, Model, Operation, Shape, Spec
    from imageproof.specs.outcome import Outcome
    from imageproof.specs.scenario import Job, Scenario

    Body = dict[str, object]

REFERENCE = "https://example.com/photo-{number}.jpg"
PICTURE = FileFacts(format="png", width=640, height=640, has_alpha=True, size=0)
DOT = "."


class NoOrderError(ValueError):
    """A provider has no request for what a scenario asks for. The message says what it lacks, as part of a sentence."""


def order_for(spec: Spec, scenario: Scenario, seed: int = 1) -> Order:
    """The order of a scenario at a provider; the seed marks the prompt. Raises NoOrderError."""
    operation, model, body, outcome = _made(spec, scenario)
    prompt = f"{scenario.job.prompt} ({seed})"
    request = _replaced(body, model.images.prompt, prompt)
    return Order(
        provider=spec.name,
        scenario=scenario.name,
        operation=operation.name,
        method=operation.method,
        path=operation.path.replace("{model}", model.name),
        content=operation.content,
        model=model.name,
        prompt=prompt,
        images=outcome.count,
        size=f"{outcome.width}x{outcome.height}",
        stream=scenario.job.stream,
        request={name: _plain(value) for name, value in request.items() if not _is_files(value)},
        files=_parts(model.shapes[operation.name], request),
    )


def picture_files(order: Order) -> dict[str, bytes]:
    """The files that an order names, by name: plain pictures that the rules of the form allow."""
    names = [name for names in order.files.values() for name in names]
    return {name: encode(PICTURE) for name in names}


def order_as_json(order: Order, **more: JsonTree) -> dict[str, JsonTree]:
    """What `job.json` holds."""
    return {**asdict(order), "files": {name: list(files) for name, files in order.files.items()}, **more}


def why_no_order(spec: Spec, scenario: Scenario) -> str | None:
    """What a provider lacks for the order of a scenario; None when there is one."""
    try:
        _made(spec, scenario)
    except NoOrderError as error:
        return str(error)
    return None


def _made(spec: Spec, scenario: Scenario) -> tuple[Operation, Model, Body, Outcome]:
    """The plainest valid request that does the job. Raises NoOrderError."""
    operation = _operation(spec, scenario)
    models = sorted(spec.models.values(), key=lambda model: model.name != spec.selector.example)
    lacks = "it takes no pictures to start from" if scenario.job.references else "no model of it takes such a job"
    for model in models:
        shape = model.shapes.get(operation.name)
        if shape is None:
            continue
        for body in _bodies(spec, scenario, operation, model, shape):
            if Checker(shape, spec.selector).check(body):
                continue
            asked = effective(shape, _flat(body))
            outcome = Outcomes(model).of(asked, prompt=scenario.job.prompt)
            lacks = _shortfall(scenario, outcome) or ""
            if not lacks:
                return operation, model, body, outcome
    raise NoOrderError(lacks)


def _operation(spec: Spec, scenario: Scenario) -> Operation:
    job = scenario.job
    makes = spec.operation_for(Does.SUBMIT) or spec.operation_for(Does.GENERATE)
    edits = spec.operation_for(Does.EDIT)
    if job.operation == "edit":
        if edits is None:
            raise NoOrderError("it has no edits")
        return edits
    if makes is None:
        raise NoOrderError("it makes no images")
    if job.stream and makes.stream is None:
        raise NoOrderError("it sends no streams")
    return makes


def _bodies(spec: Spec, scenario: Scenario, operation: Operation, model: Model, shape: Shape) -> Iterator[Body]:
    """Requests that say what the scenario wants, the plainest first; not all of them keep the rules."""
    job, images = scenario.job, model.images
    base = _replaced(Maker(shape, spec.selector).least(), images.prompt, job.prompt)
    allowed = {field.name for field in shape.allowed}
    for name, value in job.fields.items():
        base = _replaced(base, name, value) if name in allowed else base
    if job.images > 1 and isinstance(images.count, str):
        base = _replaced(base, images.count, job.images)
    if job.stream and operation.stream is not None:
        base = _replaced(base, operation.stream.switch, value=True)
    base = {name: _as_pictures(value) for name, value in base.items()}
    kinds = ("b64_json", "base64", "url") if images.kind in allowed else ()
    for kind in (None, *kinds):
        body = base if kind is None else _replaced(base, images.kind, kind)
        yield from _with_references(body, job, [shape.fields[name] for name in images.references if name in allowed])


def _with_references(body: Body, job: Job, fields: list[Field]) -> Iterator[Body]:
    """The body with so many references as the job has, in each field that takes them; without any as it is."""
    if not job.references:
        yield body
        return
    for field in fields:
        urls = [REFERENCE.format(number=number) for number in range(1, job.references + 1)]
        values: dict[str, object] = {"files": [PICTURE] * job.references, "file": PICTURE, "strings": urls}
        yield _replaced(body, field.name, values.get(field.type, urls[0]))


def _as_pictures(value: object) -> object:
    """A value of a form in which each file is the picture that will be sent."""
    if isinstance(value, FileFacts):
        return PICTURE
    if isinstance(value, list):
        return [_as_pictures(item) for item in value]
    return value


def _shortfall(scenario: Scenario, outcome: Outcome) -> str | None:
    """What a request does not come to that the scenario needs; None for nothing."""
    if Needs.URLS in scenario.needs and outcome.as_base64:
        return "no model of it answers with URLs"
    if Needs.BASE64 in scenario.needs and not outcome.as_base64:
        return "no model of it answers with base64"
    if outcome.count != scenario.job.images:
        return f"no model of it makes {scenario.job.images} images at once"
    return None


def _replaced(body: Mapping[str, object], name: str, value: object) -> Body:
    """The body with one field more, or another value; `a.b` stands inside the object `a`."""
    group, dot, inner = name.partition(DOT)
    if not dot:
        return {**body, name: value}
    held = body.get(group)
    return {**body, group: {**(held if isinstance(held, dict) else {}), inner: value}}


def _flat(body: Mapping[str, object]) -> Body:
    """Nested fields by their dotted names, beside the groups themselves."""
    out: Body = dict(body)
    for name, value in body.items():
        if isinstance(value, dict):
            out.update({f"{name}{DOT}{inner}": item for inner, item in value.items()})
    return out


def _is_files(value: object) -> bool:
    return isinstance(value, FileFacts) or (isinstance(value, list) and any(isinstance(i, FileFacts) for i in value))


def _parts(shape: Shape, request: Mapping[str, object]) -> dict[str, tuple[str, ...]]:
    """The names of the files by the name of their part, in the spelling that the provider has for several files."""
    out = {}
    for name, value in request.items():
        if not _is_files(value):
            continue
        count = len(value) if isinstance(value, list) else 1
        several = f"{name}[]"
        part = several if count > 1 and several in shape.fields[name].names else name
        out[part] = tuple(f"{name}-{number}.png" for number in range(1, count + 1))
    return out


def _plain(value: object) -> JsonTree:
    """A value of a JSON body as it is; anything else is our own mistake."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    raise TypeError(f"no JSON value: {value!r}")
