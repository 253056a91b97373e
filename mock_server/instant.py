"""Held calls that hold nobody: their clock jumps to the end, and their pictures are drawn in no time.

Suites that order thousands of images run on a jumping clock with plain pictures. Such a call needs no thread, no
waiting and no task of asyncio's, which are most of what it costs; so it is answered where its bytes arrive. What it
leaves behind is the same as on the long way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.held_answers import whole
from imageproof.mock_server.sync import Job, begin, bill
from imageproof.mock_server.triggers import NOTHING
from imageproof.specs.stamp import digest_of

if TYPE_CHECKING:
    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.answers import Reply
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.service import Service


def may_be(service: Service, account: Account) -> bool:
    """Whether calls of an account can be answered at once, as far as the account and the mock decide that."""
    options = service.upstream.options
    return (
        account.clock.mode.jumps
        and options.pictures == "plain"
        and options.payload == "drawn"
        and service.deviation is None
        and not account.limited
    )


def answer(service: Service, call: Call) -> Reply | None:
    """The answer to a call of an account that may be; None, with nothing changed, for one that has to be held."""
    refusal = service.checked(call)
    if refusal is not None:
        return refusal
    if not _is_instant(call):
        return None
    trouble = service.troubled(call)
    if trouble is not None or call.outcome is None:
        return trouble or service.refuse("internal", call)
    job = begin(service, call, call.outcome)
    if not isinstance(job, Job):
        return job
    record = job.record
    digest = call.known.digest if call.known is not None else digest_of(call.prompt)
    images = [service.gallery.drawn_now(job.task_id, record, index, digest) for index in range(record.images)]
    account, plan = call.account, job.plan
    account.clock.advance_to(call.now + plan.queue_s + plan.run_s)
    bill(call, job)
    return whole(service, call, job, images)


def _is_instant(call: Call) -> bool:
    """Whether nothing but the clock would hold a valid call."""
    outcome, stream = call.outcome, call.operation.stream
    if outcome is None or call.script is not NOTHING or (stream is not None and call.asked.get(stream.switch) is True):
        return False
    return outcome.format == "png" and outcome.background != "transparent"
