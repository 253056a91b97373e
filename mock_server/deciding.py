"""A job is decided: its plan, the fate from which its id is made, and its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.fate import Fate, fate_of
from imageproof.mock_server.plan import Plan, make_plan, queued_behind
from imageproof.mock_server.record import (
    AS_BASE64,
    FORMATS,
    NO_COMPRESSION,
    TRANSPARENT,
    Record,
    pack_tail,
)
from imageproof.mock_server.triggers import NOTHING

if TYPE_CHECKING:
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.service import Service
    from imageproof.specs.model import JsonTree
    from imageproof.specs.outcome import Outcome

MOST_IMAGES = 255  # what a record holds; more are asked for only where a rule against it was taken out


def decide(service: Service, call: Call, outcome: Outcome, *, failure: str | None) -> tuple[Plan, Fate]:
    """The plan of a job, and the fate from which its id is made."""
    upstream = service.upstream
    account = call.account
    fate = fate_of(upstream.seed, account.key_bytes, call.job, call.attempt)
    physics = upstream.options.physics
    plan = make_plan(
        fate, queue_s=service.spec.queue_s, run_s=outcome.run_s, script=call.script, failure=failure, physics=physics
    )
    if physics is not None and call.script.run_s is None:
        wait, run = queued_behind(account.queue, call.now, plan.run_s, physics)
        plan = Plan(plan.queue_s + wait, run, plan.failure, plan.moves, plan.polls)
    return plan, fate


def new_record(service: Service, call: Call, outcome: Outcome, plan: Plan) -> Record:
    """The record of a job that has been decided."""
    known = call.known
    if known is None or call.script is not NOTHING:
        return _record(service, call, outcome, plan)
    if known.mould is None:
        known.mould = _record(service, call, outcome, plan).mould()
    return known.mould.record(call.account.number, call.now, plan.queue_s, plan.run_s, call.account.jobs)


def _record(service: Service, call: Call, outcome: Outcome, plan: Plan) -> Record:
    assert call.model is not None  # noqa: S101  (set by the rules step, which came before)
    asked: dict[str, JsonTree] = {name: _plain(call.asked.get(name)) for name in service.stored_fields}
    references = [item for item in outcome.references if isinstance(item, str)]
    if isinstance(outcome.mask, str):
        asked["$mask"] = outcome.mask
    if call.script.payload:
        asked["$bytes"] = call.script.payload
    return Record(
        account=call.account.number,
        operation=call.endpoint.number,
        model=service.models.index(call.model),
        submitted=call.now,
        queue_s=plan.queue_s,
        run_s=plan.run_s,
        moves=plan.moves,
        failure=service.failures.index(plan.failure) + 1 if plan.failure in service.failures else 0,
        width=outcome.width,
        height=outcome.height,
        images=max(0, min(outcome.count, MOST_IMAGES)),
        format=FORMATS.index(outcome.format) if outcome.format in FORMATS else 0,
        compression=outcome.compression if outcome.compression is not None else NO_COMPRESSION,
        flags=TRANSPARENT * (outcome.background == "transparent") + AS_BASE64 * outcome.as_base64,
        micro_usd=outcome.micro_usd or 0,
        job=call.account.jobs,
        tail=pack_tail(call.prompt, references, asked),
    )


def _plain(value: object) -> JsonTree:
    return value if isinstance(value, str | int | float | bool) else None
