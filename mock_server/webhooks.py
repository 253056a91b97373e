"""Signed calls back: when a task has ended by its account's clock.

The URL that the owner of the account has set is called.

A URL that a request names is used only when it has the same origin as the one that was set through the control API: the
mock
never calls a place just because a request says so.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from imageproof.mock_server.fate import fill_id, job_digest
from imageproof.mock_server.faults.jobs import webhook_fault
from imageproof.mock_server.faults.webhooks import Delivery, broken_deliveries
from imageproof.mock_server.record import Moves, completed_at
from imageproof.mock_server.tasks import task_context
from imageproof.specs.model import Phase
from imageproof.specs.template import fill

if TYPE_CHECKING:
    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.record import Record
    from imageproof.mock_server.service import Service
    from imageproof.specs.model import Webhooks

log = logging.getLogger("imageproof.mock")
LOOKS_S = 0.05
LATE_S = 600.0
FORGED_S = 2.0  # after the submit, which few tasks end before


def target_of(service: Service, call: Call) -> tuple[str, str] | None:
    """URL and secret for a job, or None when nobody is to be called."""
    hooks, own = service.spec.webhooks, call.account.webhook
    if hooks is None or own is None:
        return None
    named = call.asked.get(hooks.url_field) if hooks.url_field else None
    if not isinstance(named, str) or not named:
        return own
    if _origin(named) == _origin(own[0]):
        return named, own[1]
    call.note("the call back URL has another origin than the one set for the account: not called")
    return None


def _origin(url: str) -> tuple[str, str] | None:
    """Scheme and host of a URL; None for a text that no parser takes."""
    try:
        return urlsplit(url)[:2]
    except ValueError:
        return None


def announce(service: Service, call: Call) -> None:
    """Arrange the call back for a job that has just been taken. Costs nothing where no URL has been set."""
    if call.account.webhook is None or call.task_id is None:
        return
    target = target_of(service, call)
    if target is not None:
        service.upstream.spawn(asyncio.get_running_loop().create_task(_deliver(service, call, call.task_id, target)))


def sign(hooks: Webhooks, secret: str, context: dict[str, object]) -> str:
    """The signature of one delivery."""
    digest = hmac.new(secret.encode(), fill(hooks.signed, context).encode(), "sha256")
    return digest.hexdigest() if hooks.algorithm == "hmac-sha256-hex" else base64.b64encode(digest.digest()).decode()


async def _ended(service: Service, account: Account, task_id: str) -> Record | None:
    """Wait for the end of a task, and give its record; None for one that has been forgotten."""
    clock = account.clock
    while True:
        record = await service.upstream.current(account, task_id)
        if record is None or (record.moves == Moves.BY_TIME and completed_at(record) <= clock.now()):
            return record
        if record.moves == Moves.BY_TIME:
            await service.upstream.wait_until(account, completed_at(record))
        elif clock.mode.jumps:
            await asyncio.sleep(LOOKS_S)  # such a clock would run away from a job that no time ends
        else:
            await clock.wait_until(clock.now() + 1.0)


async def _deliver(service: Service, call: Call, task_id: str, target: tuple[str, str]) -> None:
    """Wait for the end of the task, then call until somebody answers with 2xx or the retries are used up."""
    hooks = service.spec.webhooks
    clock = call.account.clock
    fault = webhook_fault(call, task_id) if call.account.faults is not None else ""
    if fault == "forged" and hooks is not None:
        await _forge(service, call, task_id, hooks, target[0])
    record = await _ended(service, call.account, task_id)
    if record is None or hooks is None:
        return
    phase = service.phase(record, clock.now())
    if phase not in hooks.events:
        return
    if fault == "late":
        await service.upstream.wait_until(call.account, clock.now() + LATE_S)
    call.now = clock.now()
    await service.gallery.prepare(task_id, record, call.now)
    webhook_id = fill_id("wh_{hex32}", job_digest(task_id.encode()) + call.job)
    context = task_context(service, call, task_id, record, phase, hooks.body)
    context |= {"webhook.id": webhook_id, "webhook.event": hooks.events[phase]}
    deliveries = [Delivery(context)]
    if fault:
        older = _older(service, call, task_id, record)
        deliveries = broken_deliveries(fault, context, older, int(record.submitted + record.queue_s))
    for delivery in deliveries:
        for wait in (0.0, *hooks.retries_s):
            await service.upstream.wait_until(call.account, clock.now() + wait)
            if await _call(service, hooks, target, delivery, int(clock.now())):
                break
        else:
            service.upstream.counts.webhooks["given_up"] += 1


async def _forge(service: Service, call: Call, task_id: str, hooks: Webhooks, url: str) -> None:
    """Call as somebody would who knows the id of a task, and not the secret: it has failed, he says."""
    account = call.account
    await service.upstream.wait_until(account, account.clock.now() + FORGED_S)
    record = await service.upstream.current(account, task_id)
    event = hooks.events.get(Phase.FAILED)
    if record is None or event is None:
        return
    call.now = account.clock.now()
    failed = record._replace(failure=1) if service.failures else record
    context = task_context(service, call, task_id, failed, Phase.FAILED, hooks.body)
    context |= {"webhook.id": fill_id("wh_{hex32}", job_digest(b"forged " + task_id.encode()) + call.job)}
    delivery = Delivery(context | {"webhook.event": event})
    await _call(service, hooks, (url, "not the secret"), delivery, int(call.now))


def _older(service: Service, call: Call, task_id: str, record: Record) -> dict[str, object]:
    """What a call back would have said while the task ran."""
    hooks = service.spec.webhooks
    assert hooks is not None  # noqa: S101  (asked for by a call back)
    before = record._replace(run_s=record.run_s + max(0.0, call.now - completed_at(record)) + 1.0)
    context = task_context(service, call, task_id, before, Phase.RUNNING, hooks.body)
    known = hooks.events.get(Phase.RUNNING)
    usual = next(iter(hooks.events.values())).rpartition(".")[0]
    webhook_id = fill_id("wh_{hex32}", job_digest(b"older " + task_id.encode()) + call.job)
    return context | {"webhook.id": webhook_id, "webhook.event": known or f"{usual}.{context['state']}"}


async def _call(service: Service, hooks: Webhooks, target: tuple[str, str], delivery: Delivery, now: int) -> bool:
    url, secret = target
    at = now if delivery.at is None else delivery.at
    stamped = {**delivery.context, "webhook.timestamp": at, "now": at}
    body = hooks.body.encode(stamped)
    signed: dict[str, object] = {**stamped, "webhook.body": body.decode()}
    signed["webhook.signature"] = sign(hooks, secret, signed)
    headers = {
        name: fill(value, signed)
        for name, value in hooks.headers.items()
        if delivery.is_signed or "webhook.signature" not in value
    }
    timeout = aiohttp.ClientTimeout(total=hooks.timeout_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(
                url, data=body, headers={"Content-Type": "application/json", **headers}, allow_redirects=False
            ) as answer,
        ):
            good = 200 <= answer.status < 300  # noqa: PLR2004
            service.upstream.counts.called[url] += 1
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.info("call back to %s failed: %s", urlsplit(url).netloc, error)
        good = False
    service.upstream.counts.webhooks["delivered" if good else "failed"] += 1
    return good
