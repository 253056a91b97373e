"""Sabotages of what comes out: pixels, images, defaults, prices, results; and of the rules that hold everywhere."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import orjson
from PIL import Image, ImageOps

from imageproof.mock_server.deviations import Deviation
from imageproof.mock_server.record import AS_BASE64, FORMATS, pack_tail
from imageproof.mock_server.sabotage_answers import Ids, made
from imageproof.mock_server.sabotage_edit import with_field, with_model, with_shape
from imageproof.mock_server.sabotage_kinds import Family, Sabotage
from imageproof.specs.contract import Topic
from imageproof.specs.model import ASKS_FOR_TASK, Does, Phase
from imageproof.specs.outcome import Outcomes, effective
from imageproof.specs.sizes import parse_size
from imageproof.specs.template import placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.mock_server.answers import Reply
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.record import Record
    from imageproof.specs.kinds import Plain
    from imageproof.specs.model import Field, Model, Shape, Spec

STEP = 16
MICRO = 1_000


def of_pixels(spec: Spec) -> Iterator[Sabotage]:
    """Images of another size: one cell, turned ones, exact ones."""
    ids = Ids(spec)
    for model in spec.models.values():
        table = model.pixels.table
        for cell, (width, height) in table.cells.items() if table else ():
            rule = ids.of(Topic.PIXELS, model.name, ",".join(cell))
            if table is None or rule is None:
                continue
            cells = {**table.cells, cell: (width + STEP, height)}
            wrong = replace(model, pixels=replace(model.pixels, table=replace(table, cells=cells)))
            says = f"gives {width + STEP}x{height} for {','.join(cell)}"
            yield from made(rule, Family.OTHER_SIZE, says, with_model(spec, wrong))
        if table is not None:
            turned = {cell: (max(size), min(size)) for cell, size in table.cells.items()}
            wrong = replace(model, pixels=replace(model.pixels, table=replace(table, cells=turned)))
            rule = ids.of(Topic.PIXELS, model.name, "transpose")
            yield from made(rule, Family.OTHER_SIZE, "gives landscape for portrait", with_model(spec, wrong))
        if model.pixels.exact is not None:
            rule = ids.of(Topic.PIXELS, model.name, "exact")
            swap = Deviation(record=_resized(model, spec))
            yield from made(rule, Family.OTHER_SIZE, "rounds edges down to multiples of 64", spec, swap)


def _resized(model: Model, spec: Spec) -> Callable[[Call, Record], Record]:
    number = tuple(spec.models).index(model.name)

    def change(call: Call, record: Record) -> Record:
        if record.model != number or parse_size(call.asked.get(model.pixels.exact or "")) is None:
            return record
        width, height = max(STEP, record.width // 64 * 64), max(STEP, record.height // 64 * 64)
        return record._replace(width=width - 64 * (width == record.width and width > 64), height=height)  # noqa: PLR2004  (a multiple of 64)

    return change


def of_images(spec: Spec) -> Iterator[Sabotage]:
    """Too few images, another format, another form; values that are not changed as documented."""
    ids = Ids(spec)
    for model in spec.models.values():
        rule = ids.of(Topic.IMAGES, model.name)
        if _may_be_several(model):
            one = Deviation(record=_only(spec, model, lambda record: record._replace(images=1)))
            yield from made(rule, Family.OTHER_COUNT, "ignores n and makes one image", spec, one)
        other = Deviation(record=_only(spec, model, _other_format))
        yield from made(rule, Family.OTHER_FORMAT, "makes images of another format", spec, other)
        kind = model.images.kind
        if spec.tasks is not None and "image.base64" in str(spec.operations):
            form = Deviation(record=_only(spec, model, _other_form(kind)))
            yield from made(rule, Family.OTHER_FORM, "delivers base64 for URLs and URLs for base64", spec, form)
        for shape in model.shapes.values():
            for item in shape.fields.values():
                changed = ids.of(Topic.IMAGES, shape.operation, model.name, item.name, "downgraded")
                if item.downgraded and changed is not None:
                    wrong = with_shape(spec, with_field(shape, replace(item, downgraded={})))
                    yield from made(changed, Family.OTHER_FORM, f"does not change {item.name} as documented", wrong)


def _only(spec: Spec, model: Model, change: Callable[[Record], Record]) -> Callable[[Call, Record], Record]:
    """The change for jobs of one model."""
    number = tuple(spec.models).index(model.name)
    return lambda _, record: change(record) if record.model == number else record


def _other_format(record: Record) -> Record:
    return record._replace(format=(record.format + 1) % len(FORMATS))


def _other_form(field: str) -> Callable[[Record], Record]:
    """Take the other one of the two forms of results for the one that was asked for."""

    def change(record: Record) -> Record:
        prompt, references, asked = record.extra()
        other = "url" if record.flags & AS_BASE64 else "b64_json"
        tail = pack_tail(prompt, list(references), {**asked, field: other})
        return record._replace(flags=record.flags ^ AS_BASE64, tail=tail)

    return change


def _may_be_several(model: Model) -> bool:
    """Whether a request can ask for more than one image."""
    items = [shape.fields.get(str(model.images.count)) for shape in model.shapes.values()]
    for item in items:
        values = [value for rule in item.rules for value in getattr(rule.kind, "values", ())] if item else []
        if item is not None and (not values or any(isinstance(value, int) and value > 1 for value in values)):
            return True
    return False


def of_defaults(spec: Spec) -> Iterator[Sabotage]:
    """Another value for a field that is left out, where another value would show."""
    ids = Ids(spec)
    for model in spec.models.values():
        images, pixels = model.images, model.pixels
        named = {*(pixels.table.by if pixels.table else ()), pixels.exact, images.count, images.format, images.kind}
        for shape in model.shapes.values():
            for name in sorted(item for item in named if isinstance(item, str)):
                item = shape.fields.get(name)
                rule = ids.of(Topic.DEFAULTS, shape.operation, model.name, name)
                other = _other_value(model, shape, item) if item is not None and rule is not None else None
                if item is None or other is None:
                    continue
                wrong = with_shape(spec, with_field(shape, replace(item, default=other)))
                yield from made(rule, Family.OTHER_DEFAULT, f"takes {other} where {name} is left out", wrong)


def _other_value(model: Model, shape: Shape, item: Field) -> Plain:
    """A value that comes to something else than the default; None where there is no such value."""
    if item.default is None:
        return None
    values = [value for known in item.rules for value in getattr(known.kind, "values", ())]
    if item.name == model.images.count:
        values.append(2)
    if item.name == model.pixels.exact:
        width, height = model.pixels.fallback
        values.append(f"{width + STEP * STEP}x{height}")
    outcomes, asked = Outcomes(model), effective(shape, {})
    usual = outcomes.of(asked, prompt="")
    return next((value for value in values if outcomes.of({**asked, item.name: value}, prompt="") != usual), None)


def of_money(spec: Spec) -> Iterator[Sabotage]:
    """Prices that are too high, failures, refusals and polls that are billed."""
    ids, is_told = Ids(spec), _tells_money(spec)
    for model in spec.models.values():
        for row in model.prices:
            if row.micro_usd and is_told:
                prices = tuple(
                    replace(row, micro_usd=row.micro_usd * 2) if other is row else other for other in model.prices
                )
                wrong = with_model(spec, replace(model, prices=prices))
                yield from made(row.rule.id, Family.OTHER_PRICE, "charges twice the price", wrong)
        tokens = model.tokens
        if tokens is not None:
            yield from _of_tokens(spec, model, ids)
    if not is_told:
        return
    failed = replace(spec, billing=replace(spec.billing, charge_failed=True))
    yield from made(ids.of(Topic.BILLING, "failed"), Family.BILLED, "bills failed tasks", failed)
    refused = Deviation(bills_refusals=MICRO)
    yield from made(ids.of(Topic.BILLING, "refused"), Family.BILLED, "bills refused requests", spec, refused)
    polls = Deviation(bills_polls=MICRO)
    yield from made(ids.of(Topic.BILLING, "polls"), Family.BILLED, "bills polls", spec, polls)


def _tells_money(spec: Spec) -> bool:
    """Whether an answer tells what the account has left: what nothing tells, nobody can see broken."""
    bodies = [item.answer.body for item in spec.operations.values() if item.does is Does.BALANCE]
    return any(name.startswith("account.") for body in bodies if body for name in placeholders(body.tree))


def _of_tokens(spec: Spec, model: Model, ids: Ids) -> Iterator[Sabotage]:
    tokens = model.tokens
    if tokens is None:
        return
    references = tuple((pixels, count + 7) for pixels, count in tokens.reference_tokens)
    output = replace(tokens.output, base=tokens.output.base + 100_000)
    changes = {
        "text-tokens": replace(tokens, text_overhead=tokens.text_overhead + 5),
        "reference-tokens": replace(tokens, reference_tokens=references),
        "partial-tokens": replace(tokens, partial_tokens=tokens.partial_tokens + 11),
        "output-tokens": replace(tokens, output=output) if tokens.output.grid else tokens,
    }
    for slug, other in changes.items():
        if other != tokens:
            wrong = with_model(spec, replace(model, tokens=other))
            yield from made(ids.of(Topic.PRICE, model.name, slug), Family.COUNTED, f"counts {slug} wrongly", wrong)


def of_access(spec: Spec) -> Iterator[Sabotage]:
    """Keys that are not asked for, limits that are not kept, results that are not there, idempotency the other way."""
    ids = Ids(spec)
    lets_in = Deviation(lets_in=True)
    yield from made(ids.of(Topic.AUTH, "header"), Family.OPEN, "asks for no key", spec, lets_in)
    hides = Deviation(hides_results=True)
    yield from made(ids.of(Topic.RESULTS, "lifetime"), Family.UNREACHABLE, "answers 404 for results", spec, hides)
    for name in spec.limits:
        limits = {key: limit for key, limit in spec.limits.items() if key != name}
        rule = ids.of(Topic.LIMITS, name)
        yield from made(rule, Family.UNLIMITED, "keeps no rate limit", replace(spec, limits=limits))
    if spec.idempotency_header is not None and spec.tasks is not None:
        other = replace(spec, idempotency_honoured=not spec.idempotency_honoured)
        yield from made(ids.of(Topic.IDEMPOTENCY), Family.REPEATED, "treats idempotency keys the other way", other)


def of_general(spec: Spec) -> Iterator[Sabotage]:
    """The rules that hold for every provider."""
    ids = Ids(spec)

    def general(slug: str, family: Family, says: str, deviation: Deviation) -> Iterator[Sabotage]:
        yield from made(ids.of(Topic.GENERAL, slug), family, says, spec, deviation)

    yield from general("json", Family.BROKEN, "repeats a key in its JSON", Deviation(reply=_twice))
    rule = ids.of(Topic.GENERAL, "json")
    plain = Deviation(reply=_as_text)
    yield from made(rule, Family.RETYPED, "sends JSON as text/plain", spec, plain)
    yield from general("secret", Family.LEAKS, "repeats the key in refusals", Deviation(reply=_leak(spec)))
    cuts = Deviation(image=lambda data, _, __: data[: len(data) // 2])
    yield from general("decodes", Family.BROKEN, "cuts images in the middle", cuts)
    swaps = Deviation(record=_other_prompt)
    yield from general("own-result", Family.SWAPPED, "answers some with the pictures of another request", swaps)
    if spec.tasks is None:
        yield from general("usage-sums", Family.SUMS, "adds one to the total of tokens", Deviation(reply=_add_one))
        return
    late, cached = Deviation(reply=_late(spec)), Deviation(reply=_cached(spec))
    yield from general("found-at-once", Family.MISSING, "does not find a task at its first poll", late)
    yield from general("foreign-task", Family.OPEN, "shows tasks to other accounts", Deviation(shows_foreign=True))
    yield from general("fresh-status", Family.CACHED, "lets caches keep unfinished states", cached)
    mirrored = Deviation(image=_mirrored_later())
    yield from general("same-result", Family.FLIPS, "gives another picture later on", mirrored)


def _other_prompt(call: Call, record: Record) -> Record:
    """Each third job gets the picture of another prompt."""
    if record.job % 3:
        return record
    _, references, asked = record.extra()
    return record._replace(tail=pack_tail(f"{call.prompt} of somebody else", list(references), dict(asked)))


def _mirrored_later() -> Callable[[bytes, str, int], bytes]:
    """Turn a picture round whenever it is fetched again."""
    fetched: set[tuple[str, int]] = set()

    def change(data: bytes, task_id: str, index: int) -> bytes:
        if (task_id, index) not in fetched:
            fetched.add((task_id, index))
            return data
        with Image.open(BytesIO(data)) as picture:
            out = BytesIO()
            ImageOps.mirror(picture).save(out, picture.format)
        return out.getvalue()

    return change


def _twice(call: Call, reply: Reply) -> None:
    del call
    if reply.body.startswith(b"{") and len(reply.body) > 2:  # noqa: PLR2004  (an empty object has no key)
        tree = orjson.loads(reply.body)
        name, value = next(iter(tree.items()))
        reply.body = reply.body[:-1] + b"," + orjson.dumps({name: value})[1:]


def _as_text(call: Call, reply: Reply) -> None:
    del call
    reply.content_type = "text/plain"


def _leak(spec: Spec) -> Callable[[Call, Reply], None]:
    def change(call: Call, reply: Reply) -> None:
        if reply.status >= 400:  # noqa: PLR2004  (refusals)
            value = call.headers.get(spec.auth.header, "")
            reply.headers["X-Debug"] = value

    return change


def _add_one(call: Call, reply: Reply) -> None:
    del call
    tree = orjson.loads(reply.body) if b'"total_tokens"' in reply.body else None
    usage = tree.get("usage") if isinstance(tree, dict) else None
    if isinstance(tree, dict) and isinstance(usage, dict):
        usage["total_tokens"] += 1
        reply.body = orjson.dumps(tree)


def _late(spec: Spec) -> Callable[[Call, Reply], None]:
    asked: set[str] = set()
    missing = spec.errors.get("task_not_found")

    def change(call: Call, reply: Reply) -> None:
        if call.operation.does is Does.POLL and call.task_id and call.task_id not in asked and reply.status < 300:  # noqa: PLR2004
            asked.add(call.task_id)
            reply.status = missing.status if missing else 404
            reply.body = b'{"error": {"message": "not there yet"}}'

    return change


def _cached(spec: Spec) -> Callable[[Call, Reply], None]:
    tasks = spec.tasks
    ends = {tasks.states.get(Phase.SUCCEEDED, ""), tasks.states.get(Phase.FAILED, "")} if tasks else set()

    def change(call: Call, reply: Reply) -> None:
        finished = any(b'"%b"' % end.encode() in reply.body for end in ends)
        if call.operation.does in ASKS_FOR_TASK and not finished:
            reply.headers["Cache-Control"] = "public, max-age=60"

    return change
