"""Put a spec together: the file, what it extends, its profile, and from these the frozen `Spec`."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from imageproof.specs.advice import read_checks
from imageproof.specs.build_answers import (
    read_auth,
    read_errors,
    read_operation,
    read_results,
    read_tasks,
    read_webhooks,
    template,
    texts,
)
from imageproof.specs.build_outputs import read_durations, read_images, read_pixels, read_prices, read_tokens
from imageproof.specs.build_requests import Place, read_shape
from imageproof.specs.build_selector import read_selector
from imageproof.specs.contract import Topic
from imageproof.specs.general import general_rules
from imageproof.specs.model import MAKES_IMAGES, Billing, Limit, Model, Numbers, Operation, Page, Shape, Spec
from imageproof.specs.nodes import Mapping, plain
from imageproof.specs.problems import SpecError
from imageproof.specs.reading import Reader, child, entries, plain_value, seconds, text_of, values_of

if TYPE_CHECKING:
    from imageproof.specs.nodes import Node

MICRO = 1_000_000
NO_MODEL = "any"


class Named(NamedTuple):
    """A spec's full name, provider and profile."""

    name: str
    provider: str
    profile: str | None
    profiles: tuple[str, ...]


def _pages(node: Node | None) -> dict[str, Page]:
    pages = {}
    for tag, item in entries(node):
        kind, title, url, seen = (
            text_of(found) if (found := child(item, key)) else "" for key in ("kind", "title", "url", "seen")
        )
        pages[tag] = Page(tag=tag, kind=kind or "public", title=title, url=url, seen=seen)
    return pages


def _numbers(reader: Reader, node: Node | None) -> Numbers:
    if node is None:
        return Numbers()
    chosen = {
        key: text_of(value) == "accept" for key, value in entries(node) if key in ("integral_float", "numeric_string")
    }
    words = {True: "accepted", False: "refused"}
    for key, value in chosen.items():
        example = "1.0" if key == "integral_float" else '"1"'
        reader.state(
            Topic.NUMBERS, key.replace("_", "-"), f"{example} is {words[value]} where an integer is expected", node
        )
    return Numbers(**chosen)


def _billing(reader: Reader, node: Node | None) -> Billing:
    if node is None:
        return Billing(micro_usd_per_credit=None)
    rate = child(node, "usd_per_credit")
    usd = reader.value(Topic.BILLING, "usd-per-credit", "USD for one credit:", rate, None)
    for key in ("charged", "failed", "refused", "polls", "disconnect"):
        part = child(node, key)
        if part is not None:
            said = ", ".join(
                f"{name} {text_of(value)}" for name, value in entries(part) if name in ("when", "charge", "refund")
            )
            reader.state(Topic.BILLING, key, f"{key}: {said}", part)
    disconnect = child(child(node, "disconnect"), "charge")
    failed = child(child(node, "failed"), "charge")
    return Billing(
        micro_usd_per_credit=round(float(str(usd)) * MICRO) if usd is not None else None,
        on_disconnect="refunded" if disconnect is not None and text_of(disconnect) == "none" else "charged",
        charge_failed=failed is not None and text_of(failed) == "full",
    )


def _limits(reader: Reader, node: Node | None) -> dict[str, Limit]:
    limits = {}
    for name, item in entries(node):
        per_minute = int(text_of(child(item, "per_minute") or item))
        burst, scope = child(item, "burst"), child(item, "scope")
        reader.state(
            Topic.LIMITS,
            name,
            f"{name}: {per_minute} requests a minute for each {text_of(scope) if scope else 'key'}",
            item,
        )
        limits[name] = Limit(
            per_minute=per_minute,
            burst=int(text_of(burst)) if burst else per_minute,
            scope=text_of(scope) if scope else "key",
            headers=texts(child(item, "headers")),
        )
    return limits


def _own_shapes(reader: Reader, operations: dict[str, Operation], node: Node, numbers: Numbers) -> dict[str, Shape]:
    """Shapes of operations that take parameters and no model, such as an upload."""
    shapes = {}
    for name, item in entries(child(node, "operations")):
        if child(item, "params") is not None:
            place = Place(operation=name, model=NO_MODEL, source=reader.source(child(item, "source"), None))
            shapes[name] = read_shape(reader, place, item, numbers)
    return {name: shape for name, shape in shapes.items() if name in operations}


def _model(reader: Reader, name: str, node: Node, operations: dict[str, Operation], spec: _Common) -> Model:
    source = reader.source(child(node, "source"), None)
    allowed = [str(value) for value in values_of(child(node, "operations"))]
    shapes = {}
    for operation in operations.values():
        if operation.does in MAKES_IMAGES and (not allowed or operation.name in allowed):
            place = Place(operation=operation.name, model=name, source=source)
            shapes[operation.name] = read_shape(reader, place, node, spec.numbers)
    _advice(reader, child(node, "advice"), f"{name}/")
    tokens, images = child(node, "tokens"), child(node, "images")
    return Model(
        name=name,
        shapes=MappingProxyType(shapes),
        pixels=read_pixels(reader, name, child(node, "pixels")),
        images=read_images(reader, name, images or node, source),
        durations=read_durations(reader, name, child(node, "timing")),
        prices=read_prices(reader, name, child(node, "price"), spec.micro_per_credit),
        tokens=read_tokens(reader, name, tokens) if tokens else None,
        errors=texts(child(node, "errors")),
    )


class _Common(NamedTuple):
    numbers: Numbers
    micro_per_credit: int | None


def _queue(reader: Reader, node: Node | None) -> tuple[float, float]:
    queue = child(node, "queue")
    if queue is None:
        return (0.0, 0.0)
    least, most = (seconds(str(value)) for value in values_of(child(queue, "wait")))
    reader.state(Topic.TIMING, "queue", f"a task waits {least:g} to {most:g} s before it runs", queue)
    return (least, most)


def _order(reader: Reader, node: Node | None) -> tuple[str, ...]:
    steps = child(node, "steps")
    names = tuple(str(value) for value in values_of(steps)) or (
        "auth",
        "limit",
        "parse",
        "rules",
        "moderation",
        "balance",
    )
    if node is not None:
        reader.state(Topic.ORDER, "", f"a request is judged in this order: {', '.join(names)}", node)
    return names


def _advice(reader: Reader, node: Node | None, prefix: str = "") -> None:
    for key, item in entries(node):
        rule = reader.state(Topic.ADVICE, f"{prefix}{key}", text_of(child(item, "says") or item), item)
        if (check := child(item, "check")) is not None:
            reader.checks[rule.id] = check


def _idempotency(reader: Reader, node: Node | None) -> tuple[str | None, bool]:
    """The header of idempotency keys, if there is one, and whether it is honoured."""
    if node is None:
        return None, False
    honoured = child(node, "honoured")
    is_honoured = honoured is not None and plain(honoured) is True
    header = text_of(child(node, "header") or node)
    words = "is honoured" if is_honoured else "is accepted and changes nothing"
    reader.state(Topic.IDEMPOTENCY, "", f"the header {header} {words}", node)
    return header, is_honoured


def build(tree: Mapping, named: Named) -> tuple[Spec, Reader]:
    """Build a spec from a merged tree. The reader that comes with it holds the problems that were found."""
    reader = Reader(named.name, _pages(child(tree, "sources")))
    numbers = _numbers(reader, child(tree, "numbers"))
    billing = _billing(reader, child(tree, "billing"))
    common = _Common(numbers, billing.micro_usd_per_credit)
    auth = read_auth(reader, child(tree, "auth") or tree)
    order = _order(reader, child(tree, "order"))
    errors_node = child(tree, "errors") or tree
    errors = read_errors(reader, errors_node)
    operations = {name: read_operation(reader, name, item) for name, item in entries(child(tree, "operations"))}
    models_node = child(tree, "models")
    selector = read_selector(
        reader, child(tree, "selector") or tree, tuple(name for name, _ in entries(models_node)), numbers
    )
    models = {name: _model(reader, name, item, operations, common) for name, item in entries(models_node)}
    own = _own_shapes(reader, operations, tree, numbers)
    tasks, results, webhooks = (child(tree, key) for key in ("tasks", "results", "webhooks"))
    results = results or child(tasks, "results")
    request_id, id_header = child(errors_node, "request_id"), child(errors_node, "request_id_header")
    header = None
    if id_header is not None:
        header = str(reader.value(Topic.ANSWERS, "request-id", "each answer carries the header", id_header, None))
    idempotency_header, honoured = _idempotency(reader, child(tree, "idempotency"))
    _advice(reader, child(tree, "advice"))
    life = read_tasks(reader, tasks) if tasks else None
    spec = Spec(
        name=named.name,
        provider=named.provider,
        profile=named.profile,
        profiles=named.profiles,
        title=text_of(child(tree, "title") or tree),
        base_url=str(plain_value(child(tree, "base_url") or tree)),
        path=tree.mark.file,
        sources=MappingProxyType(reader.sources),
        numbers=numbers,
        auth=auth,
        order=order,
        envelope=template(reader, child(errors_node, "envelope") or errors_node),
        request_id=text_of(request_id) if request_id else "req_{hex32}",
        request_id_header=header,
        errors=MappingProxyType(errors),
        tasks=life,
        results=read_results(reader, results) if results else None,
        queue_s=_queue(reader, tasks or tree),
        billing=billing,
        limits=MappingProxyType(_limits(reader, child(tree, "limits"))),
        idempotency_header=idempotency_header,
        idempotency_honoured=honoured,
        webhooks=read_webhooks(reader, webhooks) if webhooks else None,
        operations=MappingProxyType(operations),
        selector=selector,
        models=MappingProxyType(models),
        shapes=MappingProxyType(own),
        rules=(*reader.rules, *general_rules(named.name, life, tuple(models.values()))),
        checks=MappingProxyType(read_checks(reader, frozenset(errors))),
    )
    return spec, reader


def require_sound(reader: Reader) -> None:
    """Raise SpecError when the reader found mistakes."""
    if reader.problems:
        raise SpecError(tuple(reader.problems))
