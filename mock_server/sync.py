"""Calls that are held until the image is there, answered at once or as a stream of server-sent events.

A client that leaves does not stop the work: it goes on and is billed, where the provider documents that.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Protocol

from aiohttp import HttpVersion11, web

from imageproof.mock_server.answers import Reply
from imageproof.mock_server.deciding import decide, new_record
from imageproof.mock_server.fate import fill_id
from imageproof.mock_server.faults import jobs, streams
from imageproof.mock_server.faults.strike import lose
from imageproof.mock_server.faults.way import Finish
from imageproof.mock_server.faults.wire import end
from imageproof.mock_server.held_answers import job_context, told_base64, whole
from imageproof.mock_server.record import Moves, Record
from imageproof.mock_server.recording import LEFT
from imageproof.mock_server.results import NO_SOURCES, Sources
from imageproof.mock_server.tasks import UnknownFailureError
from imageproof.mock_server.timing import planned
from imageproof.mock_server.truths import Held

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from imageproof.mock_server.call import Call
    from imageproof.mock_server.connection import Connection
    from imageproof.mock_server.plan import Plan
    from imageproof.mock_server.service import Service
    from imageproof.specs.model import Stream
    from imageproof.specs.outcome import Outcome

SSE = "text/event-stream"
USUAL_FAILURES = frozenset({"upstream_submit_failed", "upstream_failed", "upstream_timeout", "moderated_output"})


async def generate(service: Service, call: Call, request: web.BaseRequest) -> Reply | web.StreamResponse:
    """Hold the call for the planned time, then answer and bill."""
    outcome = call.outcome
    if outcome is None:
        return service.refuse("internal", call)
    job = await service.upstream.do(call, lambda: begin(service, call, outcome))
    if isinstance(job, Reply):
        return job
    task_id, record, plan = job.task_id, job.record, job.plan
    end = call.now + plan.queue_s + plan.run_s
    if job.failure is not None:
        await _hold(service, call, task_id, end, plan)
        _note_absence(call, request)
        return service.refuse(job.failure, call)
    if job.stream is not None:
        return await _stream(service, call, request, job)
    if record.images == 1 and plan.moves is Moves.BY_TIME and call.account.clock.mode.rate:
        # one after the other ends no later, as the end is a time, and needs no task of asyncio's
        images = [await service.gallery.shown(task_id, record, 0)]
        await _hold(service, call, task_id, end, plan)
    else:
        drawn = [service.gallery.shown(task_id, record, index) for index in range(record.images)]
        images, _ = await asyncio.gather(asyncio.gather(*drawn), _hold(service, call, task_id, end, plan))
    await _charge(service, call, request, job)
    return whole(service, call, job, images)


def begin(service: Service, call: Call, outcome: Outcome) -> Job | Reply:
    """Decide a job, and keep what is known of it."""
    if call.account.faults is not None:
        jobs.foresee(service, call)
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
    if call.job_faults is not None:
        record = jobs.altered(call.job_faults, record)
    call.task_id = task_id
    jobs.keep(call, task_id)
    service.gallery.set_sources(task_id, _sources(call))
    if call.script.expired:
        service.upstream.expired[task_id] = True
    stream = call.operation.stream
    is_streamed = stream is not None and call.asked.get(stream.switch) is True
    job = Job(task_id, record, outcome, plan, stream if is_streamed and failure is None else None)
    job.failure = failure
    if job.stream is not None:
        job.faults = streams.foresee(service, call) if call.account.faults is not None else None
        has_failed = job.faults is not None and job.faults.has_failed
    else:
        has_failed = failure is not None
    if has_failed or job.stream is not None:
        service.upstream.expiry.note_held(call.account, Held(task_id, record.pack(), has_failed), call.now)
    else:
        service.upstream.keep_task(service.provider, task_id, record)
        call.record = record
    return job


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


class Deliver(Protocol):
    """Sends one event, and says how the stream ends where that is the last of it."""

    async def __call__(self, event: bytes, *, is_last: bool) -> Finish | None:
        """Send the event."""


class Job:
    """What a held call works on."""

    __slots__ = ("failure", "faults", "outcome", "plan", "record", "stream", "task_id")

    def __init__(self, task_id: str, record: Record, outcome: Outcome, plan: Plan, stream: Stream | None) -> None:
        self.task_id = task_id
        self.record = record
        self.outcome = outcome
        self.plan = plan
        self.stream = stream
        self.failure: str | None = None
        self.faults: streams.StreamFaults | None = None


async def _hold(service: Service, call: Call, task_id: str, until: float, plan: Plan) -> None:
    """Wait for the account's clock; a job that is moved by hand waits for the hand as well."""
    if plan.moves is Moves.BY_HAND:
        event = service.upstream.holds.setdefault(task_id, asyncio.Event())
        await event.wait()
        service.upstream.holds.pop(task_id, None)
        return
    await service.upstream.wait_until(call.account, until)


def _sources(call: Call) -> Sources:
    if call.uploaded is None or call.model is None:
        return NO_SOURCES
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


async def _charge(service: Service, call: Call, request: web.BaseRequest, job: Job) -> None:
    if _note_absence(call, request) and service.spec.billing.on_disconnect == "refunded":
        return
    await service.upstream.do(call, lambda: bill(call, job))


def bill(call: Call, job: Job) -> None:
    """Have the account pay for a job."""
    account, record = call.account, job.record
    if record.micro_usd:
        account.ledger.charge(record.micro_usd, account.clock.now(), record.job)
    if job.outcome.micro_usd is None:
        call.note("no page gives the price of this request: charged 0")


async def _stream(service: Service, call: Call, request: web.BaseRequest, job: Job) -> Reply | web.StreamResponse:
    """Send partial images while the job runs and a completed event at its end."""
    faults = job.faults
    if faults is not None and faults.lost is not None:
        await _work_off(service, call, request, job)
        reply = Reply(200, b"")
        lose(reply, faults.lost)
        call.is_spoilt = True
        return reply
    timed = planned(call.account, job.record) if service.upstream.options.timing_header else {}
    response = web.StreamResponse(
        headers={"Content-Type": SSE, "Cache-Control": "no-store", **service.common_headers(call), **timed}
    )
    if call.account.faults is not None:
        await streams.begin(faults, response, _connection(request), call)
    if request.version >= HttpVersion11:  # an older client reads until the end of the connection
        response.enable_chunked_encoding()
    await response.prepare(request)
    rearranged = service.deviation.events if service.deviation else None
    held: list[bytes] = []

    async def deliver(event: bytes, *, is_last: bool) -> Finish | None:
        if rearranged is not None:
            held.append(event)
        elif faults is not None:
            put = partial(_send, response, call=call)
            return await streams.send(faults.steps(event, is_last=is_last), put, _connection(request), call)
        else:
            await _send(response, event, call)
        return None

    finish = await _tell(service, call, request, job, deliver, is_billed=faults is None or not faults.has_failed)
    for event in rearranged(held) if rearranged else ():
        await _send(response, event, call)
    if finish in (None, Finish.STAY):
        await _quietly(response.write_eof(), call)
    if faults is not None and faults.way.reset == "after":
        await end(_connection(request), call.account.clock, Finish.RESET, has_sent=True)
    return response


def _connection(request: web.BaseRequest) -> Connection:
    """The connection on which a request came."""
    return request.protocol  # type: ignore[return-value]  # the mock's server makes no others


async def _work_off(service: Service, call: Call, request: web.BaseRequest, job: Job) -> None:
    """Do the work of a stream that is not sent."""
    await _hold(service, call, job.task_id, call.now + job.plan.queue_s + job.plan.run_s, job.plan)
    await _charge(service, call, request, job)


async def _tell(
    service: Service, call: Call, request: web.BaseRequest, job: Job, deliver: Deliver, *, is_billed: bool
) -> Finish | None:
    """Deliver each event of a stream when it is due; how the stream ended, if it was ended early."""
    partials = call.asked.get(job.stream.partials) if job.stream else 0
    count = int(partials) if isinstance(partials, int | float) else 0
    start, run = call.now + job.plan.queue_s, job.plan.run_s
    for index in range(count):
        await _hold(service, call, job.task_id, start + run * (index + 1) / (count + 1), job.plan)
        data = await service.gallery.image(job.task_id, job.record, 0, stage=index)
        finish = await deliver(_event(service, call, job, data, index), is_last=False)
        if finish is not None:
            return finish
    last = service.gallery.shown(job.task_id, job.record, 0)
    data, _ = await asyncio.gather(last, _hold(service, call, job.task_id, start + run, job.plan))
    if is_billed:
        await _charge(service, call, request, job)
    return await deliver(_event(service, call, job, data, None), is_last=True)


def _event(service: Service, call: Call, job: Job, data: bytes, index: int | None) -> bytes:
    """One server-sent event: a partial image with its index, or the completed one."""
    stream = job.stream
    if stream is None:
        return b""
    name, template = (
        (stream.completed_event, stream.completed) if index is None else (stream.partial_event, stream.partial)
    )
    context = job_context(service, call, job) | {
        "image.base64": told_base64(call, data) if job.record.images else None,
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
