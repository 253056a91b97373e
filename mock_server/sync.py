"""Calls that are held until the image is there, answered at once or as a stream of server-sent events.

A client that leaves does not stop the work: it goes on and is billed, where the provider documents that.
"""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING

from aiohttp import web

from imageproof.mock_server.answers import Reply
from imageproof.mock_server.fate import fill_id
from imageproof.mock_server.record import FORMATS, Moves, Record
from imageproof.mock_server.results import Sources
from imageproof.mock_server.tasks import UnknownFailureError, decide, new_record

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from imageproof.mock_server.call import Call
    from imageproof.mock_server.plan import Plan
    from imageproof.mock_server.service import Service
    from imageproof.specs.model import Stream
    from imageproof.specs.outcome import Outcome

SSE = "text/event-stream"
LEFT = "the client left before the end"
USUAL_FAILURES = frozenset({"upstream_submit_failed", "upstream_failed", "upstream_timeout", "moderated_output"})


async def generate(service: Service, call: Call, request: web.BaseRequest) -> Reply | web.StreamResponse:
    """Hold the call for the planned time, then answer and bill."""
    outcome = call.outcome
    if outcome is None:
        return service.refuse("internal", call)
    try:
        failure = _failure(service, call)
    except UnknownFailureError as error:
        return service.refuse("invalid_param", call, message=f"imageproof: {error}", note=str(error))
    plan, fate = decide(service, call, outcome, failure=None)
    call.account.jobs += 1
    task_id = fill_id(call.operation.id_template or "img_{hex32}", fate.identity)
    record = new_record(service, call, outcome, plan)
    if service.deviation is not None and service.deviation.record is not None:
        record = service.deviation.record(call, record)
    call.task_id = task_id
    service.gallery.set_sources(task_id, _sources(call))
    if call.script.expired:
        service.upstream.expired.add(task_id)
    end = call.now + plan.queue_s + plan.run_s
    stream = call.operation.stream
    if failure is not None:
        await _hold(service, call, task_id, end, plan)
        _note_absence(call, request)
        return service.refuse(failure, call)
    if stream is not None and call.asked.get(stream.switch) is True:
        return await _stream(service, call, request, _Job(task_id, record, outcome, plan, stream))
    service.upstream.keep_task(service.provider, task_id, record)
    drawn = [service.gallery.shown(task_id, record, index) for index in range(record.images)]
    images, _ = await asyncio.gather(asyncio.gather(*drawn), _hold(service, call, task_id, end, plan))
    job = _Job(task_id, record, outcome, plan, None)
    _charge(service, call, request, job)
    return _whole(service, call, job, images)


def _failure(service: Service, call: Call) -> str | None:
    """The name of the error answer with which a synchronous call ends, if a script asks for one.

    Raises UnknownFailureError for a name that is neither an answer of the provider nor a usual failure.
    """
    if call.script.moderated is not None:
        return "moderated_output"
    name = call.script.fail
    if name is None or name in USUAL_FAILURES or name in service.spec.errors:
        return name
    known = ", ".join(sorted(USUAL_FAILURES | set(service.spec.errors)))
    message = f"{service.spec.name} has no failure {name!r}: known are {known}"
    raise UnknownFailureError(message)


class _Job:
    """What a held call works on."""

    __slots__ = ("outcome", "plan", "record", "stream", "task_id")

    def __init__(self, task_id: str, record: Record, outcome: Outcome, plan: Plan, stream: Stream | None) -> None:
        self.task_id = task_id
        self.record = record
        self.outcome = outcome
        self.plan = plan
        self.stream = stream


async def _hold(service: Service, call: Call, task_id: str, until: float, plan: Plan) -> None:
    """Wait for the account's clock; a job that is moved by hand waits for the hand as well."""
    if plan.moves is Moves.BY_HAND:
        event = service.upstream.holds.setdefault(task_id, asyncio.Event())
        await event.wait()
        service.upstream.holds.pop(task_id, None)
        return
    await call.account.clock.wait_until(until)


def _sources(call: Call) -> Sources:
    if call.uploaded is None or call.model is None:
        return Sources()
    images = call.model.images
    files = call.uploaded.files
    references = [data for name in images.references for data in files.get(name, [])]
    masks = files.get(images.mask or "", [])
    return Sources(references=tuple(references), mask=masks[0] if masks else None)


def _note_absence(call: Call, request: web.BaseRequest) -> bool:
    """Whether nobody is there any more to take the answer; the journal says so then."""
    if request.transport is not None and not request.transport.is_closing():
        return False
    call.note(LEFT)
    return True


def _charge(service: Service, call: Call, request: web.BaseRequest, job: _Job) -> None:
    account = call.account
    if _note_absence(call, request) and service.spec.billing.on_disconnect == "refunded":
        return
    if job.record.micro_usd:
        account.ledger.charge(job.record.micro_usd, account.clock.now(), job.record.job)
    if job.outcome.micro_usd is None:
        call.note("no page gives the price of this request: charged 0")


def usage_context(outcome: Outcome) -> dict[str, object]:
    """The token counts of a request, for templates."""
    usage = outcome.usage
    return {
        "usage.text_tokens": usage.text,
        "usage.image_tokens": usage.image,
        "usage.input_tokens": usage.text + usage.image,
        "usage.output_tokens": usage.output,
        "usage.total_tokens": usage.text + usage.image + usage.output,
    }


def _context(service: Service, call: Call, job: _Job) -> dict[str, object]:
    record = job.record
    return {
        "now": int(call.account.clock.now()),
        "model": service.models[record.model].name,
        "task.id": job.task_id,
        "task.created": int(record.submitted),
        "image.size": f"{record.width}x{record.height}",
        "image.format": FORMATS[record.format],
        **usage_context(job.outcome),
        **{f"request.{name}": value for name, value in _asked(service, call).items()},
    }


def _asked(service: Service, call: Call) -> dict[str, object]:
    """The fields that answers repeat, as the server decided them."""
    out = dict(call.asked)
    for field in call.shape.allowed if call.shape else ():
        value = out.get(field.name)
        if field.decided and isinstance(value, str):
            out[field.name] = field.decided.get(value, value)
    return {name: out.get(name) for name in (*service.stored_fields, *out)}


def _whole(service: Service, call: Call, job: _Job, images: list[bytes]) -> Reply:
    context = _context(service, call, job)
    prefix = call.model.images.prefix if call.model else ""
    context["images"] = [
        {
            "image.index": index,
            "image.url": service.image_url(call, job.task_id, job.record, index),
            "image.base64": prefix + base64.b64encode(data).decode(),
        }
        for index, data in enumerate(images)
    ]
    template = call.operation.answer.body
    if template is None:
        return service.refuse("internal", call)
    return Reply(call.operation.answer.status, template.encode(context))


async def _stream(service: Service, call: Call, request: web.BaseRequest, job: _Job) -> web.StreamResponse:
    """Send partial images while the job runs and a completed event at its end."""
    stream = job.stream
    response = web.StreamResponse(
        headers={"Content-Type": SSE, "Cache-Control": "no-store", **service.common_headers(call)}
    )
    response.enable_chunked_encoding()
    await response.prepare(request)
    partials = call.asked.get(stream.partials) if stream else 0
    count = int(partials) if isinstance(partials, int | float) else 0
    start, run = call.now + job.plan.queue_s, job.plan.run_s
    rearranged = service.deviation.events if service.deviation else None
    held: list[bytes] = []

    async def deliver(event: bytes) -> None:
        if rearranged is not None:
            held.append(event)
        else:
            await _send(response, event, call)

    for index in range(count):
        await _hold(service, call, job.task_id, start + run * (index + 1) / (count + 1), job.plan)
        data = await service.gallery.image(job.task_id, job.record, 0, stage=index)
        await deliver(_event(service, call, job, data, index))
    last = service.gallery.shown(job.task_id, job.record, 0)
    data, _ = await asyncio.gather(last, _hold(service, call, job.task_id, start + run, job.plan))
    _charge(service, call, request, job)
    await deliver(_event(service, call, job, data, None))
    for event in rearranged(held) if rearranged else ():
        await _send(response, event, call)
    await _quietly(response.write_eof(), call)
    return response


def _event(service: Service, call: Call, job: _Job, data: bytes, index: int | None) -> bytes:
    """One server-sent event: a partial image with its index, or the completed one."""
    stream = job.stream
    if stream is None:
        return b""
    name, template = (
        (stream.completed_event, stream.completed) if index is None else (stream.partial_event, stream.partial)
    )
    prefix = call.model.images.prefix if call.model else ""
    context = _context(service, call, job) | {
        "image.base64": prefix + base64.b64encode(data).decode(),
        "image.index": 0,
        "partial.index": index,
    }
    return b"event: %b\ndata: %b\n\n" % (name.encode(), template.encode(context))


async def _send(response: web.StreamResponse, event: bytes, call: Call) -> None:
    """Send one event and keep it for the journal."""
    call.streamed += event
    await _quietly(response.write(event), call)


async def _quietly(work: Awaitable[object], call: Call) -> None:
    """Send to a client that may have left: the job goes on without it."""
    try:
        await work
    except (ConnectionError, asyncio.CancelledError):
        call.note(LEFT)
