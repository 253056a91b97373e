"""Faults of whole jobs: decided when a job is taken, kept for tasks that are struck, shown when they are asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from imageproof.mock_server.fate import fill_id, job_digest
from imageproof.mock_server.faults.book import JobFaults, Stage
from imageproof.mock_server.faults.changes import shifted
from imageproof.mock_server.faults.strike import asked_by, other_state
from imageproof.mock_server.record import Moves, completed_at
from imageproof.specs.fault_tasks import (
    BrokenWebhook,
    Fails,
    FewerImages,
    Flips,
    GoesBack,
    Hidden,
    LateDetail,
    NoResult,
    ShortLived,
    Stuck,
    Unreadable,
    Vanishes,
)
from imageproof.specs.model import Does, Phase

if TYPE_CHECKING:
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.record import Record
    from imageproof.mock_server.service import Service
    from imageproof.specs.fault_base import What

ANY = "any"
NEVER_S = 1e12
HELD_KINDS = (Stuck, Fails, NoResult, FewerImages, Unreadable, ShortLived)
"""Of calls that are held; nothing polls for those."""
SECOND = 2


def foresee(service: Service, call: Call) -> None:
    """Decide what goes wrong with the job that is about to be taken."""
    book = call.account.faults
    if book is None:
        return
    is_held = call.operation.does is not Does.SUBMIT

    def fits(what: What) -> bool:
        if isinstance(what, GoesBack):
            return tells_waiting(service)
        return not is_held or isinstance(what, HELD_KINDS)

    struck = book.strike(Stage.JOB, asked_by(service, call, book), fits=fits)
    if not struck:
        return
    faults = call.job_faults = JobFaults(struck)
    call.faults.extend(faults.texts.values())
    fails = faults.get(Fails)
    if isinstance(fails, Fails):
        call.script = replace(call.script, fail=failure_named(service, fails.name, is_held=is_held))
    if faults.has(Stuck):
        call.script = replace(call.script, moves="hand")


def tells_waiting(service: Service) -> bool:
    """Whether the provider has a word for tasks that wait, to which one can go back."""
    tasks = service.spec.tasks
    return tasks is not None and Phase.QUEUED in tasks.states


def failure_named(service: Service, name: str, *, is_held: bool) -> str:
    """The failure that a fault means; `any` is the first one of the spec, or what a held call ends with."""
    if name != ANY:
        return name
    return "upstream_failed" if is_held or not service.failures else service.failures[0]


def altered(faults: JobFaults, record: Record) -> Record:
    """The record of a job with what its faults change of it."""
    stuck = faults.get(Stuck)
    if isinstance(stuck, Stuck) and stuck.how == "waiting":
        record = record._replace(queue_s=NEVER_S)
    if faults.has(NoResult):
        record = record._replace(images=0)
    elif faults.has(FewerImages):
        record = record._replace(images=max(0, record.images - 1))
    return record


def keep(call: Call, task_id: str) -> None:
    """Remember, under the id of a job that has been taken, what is to go wrong with it."""
    book = call.account.faults
    if book is None:
        return
    if call.job_faults is not None:
        book.jobs[task_id] = call.job_faults
    if call.scope:
        book.job_of[task_id] = call.scope


def is_unknown(call: Call, task_id: str, record: Record) -> bool:
    """Whether a poll does not find its task: it is hidden still, or has vanished."""
    faults = call.account.faults.jobs.get(task_id) if call.account.faults else None
    if faults is None:
        return False
    age_s = call.now - record.submitted
    hidden, vanishes = faults.get(Hidden), faults.get(Vanishes)
    if isinstance(hidden, Hidden) and age_s < hidden.seconds:
        call.faults.append(faults.texts[Hidden])
        return True
    if isinstance(vanishes, Vanishes) and age_s >= vanishes.seconds:
        call.faults.append(faults.texts[Vanishes])
        return True
    return False


def shown_phase(call: Call, task_id: str, phase: Phase) -> Phase:
    """The phase that an answer about a task tells; one may go back once."""
    faults = call.account.faults.jobs.get(task_id) if call.account.faults else None
    if faults is None or phase is not Phase.RUNNING or call.operation.does is not Does.POLL:
        return phase
    faults.runs_shown += 1
    if faults.has(GoesBack) and faults.runs_shown == SECOND:
        call.faults.append(faults.texts[GoesBack])
        return Phase.QUEUED
    return phase


def tell(service: Service, call: Call, task_id: str, phase: Phase, context: dict[str, object]) -> bool:
    """Change the values of an answer about a task; whether the images shown are to be those of its twin."""
    if call.skew_s:
        shifted(context, call.skew_s)
    if not phase.is_final and call.operation.does is not Does.SUBMIT:
        context["state"] = other_state(service, call) or context["state"]
    faults = call.account.faults.jobs.get(task_id) if call.account.faults else None
    if faults is None or not phase.is_final or call.operation.does is Does.SUBMIT:
        return False
    if phase is Phase.FAILED:
        faults.ends_shown += 1
        if faults.has(LateDetail) and faults.ends_shown == 1:
            call.faults.append(faults.texts[LateDetail])
            context["failure.message"] = context["failure.code"] = None
        return False
    if "images" not in context:
        return False
    faults.ends_shown += 1
    lifetime, done = faults.get(ShortLived), context.get("task.completed")
    if isinstance(lifetime, ShortLived) and isinstance(done, int):
        call.faults.append(faults.texts[ShortLived])
        context["task.expires"] = done + int(lifetime.seconds)
    is_flipped = faults.has(Flips) and faults.ends_shown > 1
    if is_flipped:
        call.faults.append(faults.texts[Flips])
    return is_flipped


def will_flip(call: Call, task_id: str) -> bool:
    """Whether the next answer about a finished task shows its twin."""
    faults = call.account.faults.jobs.get(task_id) if call.account.faults else None
    return faults is not None and faults.has(Flips) and faults.ends_shown > 0


def twin_id_of(template: str, task_id: str) -> str:
    """The id of the twin of a task, in the provider's form."""
    return fill_id(template, job_digest(b"twin 1 " + task_id.encode()) + job_digest(b"twin 2 " + task_id.encode()))


def twin_of(service: Service, task_id: str, record: Record) -> tuple[str, Record]:
    """Another result in the place of that of a task: its id, and what is drawn under it."""
    tasks = service.spec.tasks
    twin_id = twin_id_of(tasks.id_template if tasks else "{uuid}", task_id)
    prompt, references, asked = record.extra()
    twin = record._replace(tail=orjson.dumps([f"another result: {prompt}", references, asked]))
    service.upstream.twins[twin_id] = twin
    return twin_id, twin


def is_unreadable(faults: JobFaults | None, record: Record, now: float) -> bool:
    """Whether the results of a job can't be fetched yet."""
    found = faults.get(Unreadable) if faults else None
    return (
        isinstance(found, Unreadable) and now < completed_at(record) + found.seconds and record.moves == Moves.BY_TIME
    )


def is_over(faults: JobFaults | None, record: Record, now: float) -> bool:
    """Whether the results of a job, which live only a short time, can't be fetched any more."""
    found = faults.get(ShortLived) if faults else None
    ends = record.moves == Moves.BY_TIME
    return isinstance(found, ShortLived) and ends and now >= completed_at(record) + found.seconds


def webhook_fault(call: Call, task_id: str) -> str:
    """What goes wrong with the call back of a job, in one word; empty for nothing."""
    faults = call.account.faults.jobs.get(task_id) if call.account.faults else None
    found = faults.get(BrokenWebhook) if faults else None
    return found.how if isinstance(found, BrokenWebhook) else ""
