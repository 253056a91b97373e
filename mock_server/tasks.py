"""Asynchronous tasks: take one, and say how it stands. A poll computes; nothing runs in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.answers import Reply
from imageproof.mock_server.deciding import decide, new_record
from imageproof.mock_server.fate import fate_of, fill_id
from imageproof.mock_server.faults import jobs
from imageproof.mock_server.record import (
    AS_BASE64,
    FORMATS,
    Moves,
    Record,
    completed_at,
    phase_at,
    progress_at,
)
from imageproof.specs.model import Phase

if TYPE_CHECKING:
    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.service import Service
    from imageproof.specs.model import Operation
    from imageproof.specs.template import Template

SILENT = 1_000_000
MICRO = 1_000_000


class UnknownFailureError(Exception):
    """A script asks for a failure that the provider does not document."""


def failure_of(service: Service, call: Call) -> str | None:
    """The documented failure that a script asks for. Raises UnknownFailureError, naming the known ones."""
    script = call.script
    name = script.fail
    if script.moderated is not None and name is None:
        name = "moderated_output"
    if name is None or name in service.failures:
        return name
    known = ", ".join(service.failures) or "none: the provider is synchronous, use [[error: NAME]]"
    message = f"{service.spec.name} documents no task failure {name!r}: known are {known}"
    raise UnknownFailureError(message)


def submit(service: Service, call: Call) -> Reply:
    """Take a job: decide it, charge it, keep it, answer its id."""
    outcome = call.outcome
    assert outcome is not None  # noqa: S101  (set by the rules step, which came before)
    account, upstream = call.account, service.upstream
    repeated = _repeated(service, call)
    if repeated is not None:
        return repeated
    if account.faults is not None:
        jobs.foresee(service, call)
    try:
        failure = failure_of(service, call)
    except UnknownFailureError as error:
        return service.refuse("invalid_param", call, message=f"imageproof: {error}", note=str(error))
    plan, fate = decide(service, call, outcome, failure=failure)
    tasks = service.spec.tasks
    task_id = fill_id(tasks.id_template if tasks else "{uuid}", fate.identity)
    while upstream.has_task(service.provider, task_id):  # an attempt that was forgotten long ago
        call.attempt += SILENT
        fate = fate_of(upstream.seed, account.key_bytes, call.job, call.attempt)
        task_id = fill_id(tasks.id_template if tasks else "{uuid}", fate.identity)
    account.jobs += 1
    record = new_record(service, call, outcome, plan)
    if service.deviation is not None and service.deviation.record is not None:
        record = service.deviation.record(call, record)
    if call.job_faults is not None:
        record = jobs.altered(call.job_faults, record)
    upstream.add_task(service.provider, task_id, record)
    if plan.moves == Moves.BY_POLLS:
        upstream.polls_left[task_id] = plan.polls
    if call.script.expired:
        upstream.expired[task_id] = True
    _charge(service, call, record)
    call.task_id, call.record = task_id, record
    if account.faults is not None:
        jobs.keep(call, task_id)
    _remember(service, call, task_id)
    return answer_task(service, call, task_id, record, call.endpoint.operation)


def _charge(service: Service, call: Call, record: Record) -> None:
    """Take the money for a job, and arrange for it to be given back where the job will fail."""
    ledger, job = call.account.ledger, call.account.jobs
    if record.micro_usd:
        ledger.charge(record.micro_usd, call.now, job)
        if record.failure and not service.spec.billing.charge_failed:
            ledger.refund_at(completed_at(record), record.micro_usd, job)
    if call.outcome is not None and call.outcome.micro_usd is None:
        call.note("no page gives the price of this request: charged 0")


def _repeated(service: Service, call: Call) -> Reply | None:
    """Answer a repeated idempotency key with the first task, where the provider honours such keys."""
    spec = service.spec
    if not spec.idempotency_honoured or spec.idempotency_header is None:
        return None
    key = call.headers.get(spec.idempotency_header)
    known = call.account.idempotent.get(key) if key else None
    if known is None:
        return None
    if known[0] != call.job:
        return service.refuse(
            "idempotency_conflict", call, context={"field": spec.idempotency_header, "reason": "was used before"}
        )
    record = service.upstream.find_task(service.provider, known[1])
    return answer_task(service, call, known[1], record, call.endpoint.operation) if record else None


def _remember(service: Service, call: Call, task_id: str) -> None:
    spec, account = service.spec, call.account
    if spec.idempotency_honoured and spec.idempotency_header is not None:
        key = call.headers.get(spec.idempotency_header)
        if key:
            account.idempotent[key] = (call.job, task_id)
    alias = spec.tasks.alias_field if spec.tasks else None
    value = call.asked.get(alias) if alias else None
    if isinstance(value, str) and value:
        account.aliases[value] = task_id


def poll(service: Service, call: Call) -> Reply:
    """Say how a task stands; an unknown task and somebody else's task look the same."""
    account = call.account
    task_id = account.aliases.get(call.task_id or "", call.task_id or "")
    record = service.upstream.find_task(service.provider, task_id)
    is_hidden = record is not None and record.account != account.number
    if is_hidden and service.deviation is not None and service.deviation.shows_foreign:
        is_hidden = False
    if record is not None and account.faults is not None and jobs.is_unknown(call, task_id, record):
        is_hidden = True
    if record is None or is_hidden:
        note = "the account has no such task"
        return service.refuse("task_not_found", call, context={"task.id": task_id}, note=note)
    call.task_id = task_id
    if record.moves == Moves.BY_POLLS:
        record = _count_poll(service, call, task_id, record)
    call.record = record
    reply = answer_task(service, call, task_id, record, call.endpoint.operation)
    if account.clock.mode.jumps:
        _jump(account, record, call.now)
    return reply


def _count_poll(service: Service, call: Call, task_id: str, record: Record) -> Record:
    upstream = service.upstream
    left = upstream.polls_left[task_id] = upstream.polls_left.get(task_id, 1) - 1
    if left > 0:
        return record
    del upstream.polls_left[task_id]
    return finish(service, call.account, task_id, record, call.now)


def finish(
    service: Service, account: Account, task_id: str, record: Record, now: float, failure: str | None = None
) -> Record:
    """End a task that has not ended, now: with its planned outcome, or with a documented failure."""
    number = service.failures.index(failure) + 1 if failure else record.failure
    done = record._replace(moves=Moves.BY_TIME, queue_s=0.0, run_s=max(0.0, now - record.submitted), failure=number)
    if number and record.micro_usd and not service.spec.billing.charge_failed:
        if record.failure:
            account.ledger.settle_job(record.job, now)
        else:
            account.ledger.refund_at(now, record.micro_usd, record.job)
    service.upstream.put_task(service.provider, task_id, done)
    return done


def _jump(account: Account, record: Record, now: float) -> None:
    """Move a jumping clock to the next event of the task that is being waited for."""
    if record.moves != Moves.BY_TIME:
        return
    for event in (record.submitted + record.queue_s, completed_at(record)):
        if event > now:
            account.clock.advance_to(event)
            return


def answer_task(service: Service, call: Call, task_id: str, record: Record, operation: Operation) -> Reply:
    """The documented answer of an operation about a task."""
    phase = phase_at(record, call.now)
    if phase is Phase.FAILED:
        call.account.ledger.settle(call.now)
    has_faults = call.account.faults is not None
    if has_faults:
        phase = jobs.shown_phase(call, task_id, phase)
    shown = operation.answer.by_phase
    template = shown.get(phase) or (shown.get(Phase.RUNNING) if phase is Phase.QUEUED else None)
    template = template or operation.answer.body
    if template is None:
        return _no_result(service, call, record, phase)
    context = task_context(service, call, task_id, record, phase, template)
    if has_faults and jobs.tell(service, call, task_id, phase, context):
        _add_stored(service, call, *jobs.twin_of(service, task_id, record), context)
    return Reply(operation.answer.status, template.encode(context))


def _no_result(service: Service, call: Call, record: Record, phase: Phase) -> Reply:
    """A second request for a result that is not there: not finished, or the failure itself."""
    if phase is not Phase.FAILED:
        return service.refuse("not_finished", call)
    failure = failure_named(service, record)
    return service.refuse(
        failure[0], call, context={"reason": failure[1], "failure.code": failure[2]}, message=failure[1]
    )


def failure_named(service: Service, record: Record) -> tuple[str, str, object]:
    """Name, message and code of the failure of a task."""
    tasks = service.spec.tasks
    name = service.failures[record.failure - 1]
    found = tasks.failures[name] if tasks else None
    return (name, found.message, found.code) if found else (name, name, None)


def task_context(
    service: Service, call: Call, task_id: str, record: Record, phase: Phase, template: Template
) -> dict[str, object]:
    """The values of the placeholders of an answer about a task."""
    spec = service.spec
    tasks = spec.tasks
    names = call.operation.states or (tasks.states if tasks else {})
    done = completed_at(record)
    expires = spec.results.expires_s if spec.results else None
    context: dict[str, object] = {
        "now": int(call.now),
        "task.id": task_id,
        "model": service.models[record.model].name,
        "state": names.get(phase) or (names.get(Phase.RUNNING) if phase is Phase.QUEUED else None),
        "task.created": int(record.submitted),
    }
    needs = service.needs(template)
    if not needs:
        return context
    pattern = service.task_pattern.fullmatch(task_id) if service.task_pattern else None
    rate = spec.billing.micro_usd_per_credit or MICRO
    context |= {
        "now.ms": int(call.now * 1000),
        "task.created_ms": int(record.submitted * 1000),
        "task.completed": int(done),
        "task.completed_ms": int(done * 1000),
        "task.expires": int(done) + int(expires or 0),
        "task.progress": progress_at(record, call.now),
        "task.position": 0 if phase is not Phase.QUEUED else 1,
        "task.hex": pattern["random"] if pattern else task_id,
        "task.base": f"{call.host}{call.endpoint.prefix}",
        "task.credits": in_credits(record.micro_usd, rate),
        "task.cost_usd": record.micro_usd / MICRO,
        "request_id": task_id,
        "task.alias": None,
    }
    if record.failure:
        _, context["failure.message"], context["failure.code"] = failure_named(service, record)
    if needs & {"images", "request"}:
        _add_stored(service, call, task_id, record, context)
    return context


def _add_stored(service: Service, call: Call, task_id: str, record: Record, context: dict[str, object]) -> None:
    _, _, asked = record.extra()
    context |= {f"request.{name}": value for name, value in asked.items()}
    alias = service.spec.tasks.alias_field if service.spec.tasks else None
    context["task.alias"] = asked.get(alias) if alias else None
    context["images"] = images = []
    if not record.images:
        context |= {"image.url": None, "image.base64": None, "image.index": 0}
    for index in range(record.images):
        image: dict[str, object] = {
            "image.url": service.image_url(call, task_id, record, index),
            "image.index": index,
            "image.size": f"{record.width}x{record.height}",
            "image.format": FORMATS[record.format],
        }
        if record.flags & AS_BASE64 and phase_at(record, call.now) is Phase.SUCCEEDED:
            image["image.base64"] = service.base64_of(task_id, record, index)
        images.append(image)
        if index == 0:
            context |= image


def in_credits(micro_usd: int, rate: int) -> int | float:
    """Credits for an amount, as an integer where it is one."""
    whole, rest = divmod(micro_usd, rate)
    return micro_usd / rate if rest else whole
