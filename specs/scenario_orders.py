"""From a scenario and a contract to the order that a client gets: a whole valid request in the provider's words."""

from __future__ import annotations

from dataclasses import asdict
from itertools import product
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
    from imageproof.specs.scenario import Scenario

    Body = dict[str, object]

REFERENCE = "https://example.com/photo-{number}.jpg"
PICTURE = (640, 640)  # pixels of a file that a form carries
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
        files={name: _file_names(name, value) for name, value in request.items() if _is_files(value)},
    )


def picture_files(order: Order) -> dict[str, bytes]:
    """The files that an order names, by name: plain pictures that the rules of the form allow."""
    names = [name for names in order.files.values() for name in names]
    facts = FileFacts(format="png", width=PICTURE[0], height=PICTURE[1], has_alpha=True, size=0)
    return {name: encode(facts) for name in names}


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
    operation = _operation(spec, scenario)
    models = sorted(spec.models.values(), key=lambda model: model.name != spec.selector.example)
    for model in models:
        shape = model.shapes.get(operation.name)
        if shape is None:
            continue
        for body in _bodies(spec, scenario, operation, model, shape):
            if Checker(shape, spec.selector).check(body):
                continue
            outcome = Outcomes(model).of(effective(shape, _flat(body)), prompt=scenario.job.prompt)
            if _serves(scenario, outcome):
                return operation, model, body, outcome
    raise NoOrderError("no model takes such a request")


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
    base = {**Maker(shape, spec.selector).least(), **dict(job.fields)}
    base = _replaced(base, images.prompt, job.prompt)
    if job.images > 1:
        base = _replaced(base, str(images.count), job.images)
    if job.stream and operation.stream is not None:
        base = _replaced(base, operation.stream.switch, value=True)
    forms = ("b64_json", "url") if images.kind in shape.fields else (None,)
    names = [name for name in images.references if name in shape.fields]
    references: tuple[str | None, ...] = tuple(names) if job.references and operation.content == "json" else (None,)
    for name, form in product(references, (None, *forms)):
        body = base
        if name is not None:
            body = _replaced(body, name, _urls(shape.fields[name], job.references))
        if form is not None:
            body = _replaced(body, images.kind, form)
        yield body
    if job.references and operation.content == "json" and not names:
        raise NoOrderError("it takes no reference images")


def _serves(scenario: Scenario, outcome: Outcome) -> bool:
    needs = scenario.needs
    if Needs.URLS in needs and outcome.as_base64:
        return False
    if Needs.BASE64 in needs and not outcome.as_base64:
        return False
    return outcome.count == scenario.job.images


def _urls(field: Field, count: int) -> object:
    urls = [REFERENCE.format(number=number) for number in range(1, count + 1)]
    return urls[0] if field.type == "string" else urls


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


def _file_names(name: str, value: object) -> tuple[str, ...]:
    count = len(value) if isinstance(value, list) else 1
    stem = name.removesuffix("[]")
    return tuple(f"{stem}-{number}.png" for number in range(1, count + 1))


def _plain(value: object) -> JsonTree:
    """A value of a JSON body as it is; anything else is our own mistake."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    raise TypeError(f"no JSON value: {value!r}")
