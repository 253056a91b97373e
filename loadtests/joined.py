"""What the upstream's books tell of jobs whose answers came without its times: a gateway may drop headers.

The books know the plan of each job, not when its answer left. So a held call counts as held for as long as planned,
which is less than it was by what the upstream's timers are late: some milliseconds on a machine that has time. The mock
holds no submit and no poll unless it was asked to fail, so these count as held for no time at all, whether a gateway
passes them on or answers them by itself: what the mock works on one, less than a tenth of a millisecond, is then the
gateway's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from imageproof.loadtests.books import Call, Job, Kind
from imageproof.loadtests.truth import Upstream
from imageproof.loadtests.waterfall import HELD_KINDS

AT_ONCE = frozenset({Kind.SUBMIT, Kind.POLL, Kind.RESULT})


def joined(
    jobs: Iterable[Job], upstream: Iterable[Upstream], *, is_disturbed: bool = False
) -> tuple[Sequence[Job], int]:
    """The jobs, with times from the books where answers told none, and for how many of them that was so.

    An order that was taken more than once, or failed, tells nothing: nobody knows which of its answers came. In a run
    that `is_disturbed` the upstream was asked to fail, and may have held any call.
    """
    orders: dict[int, list[Upstream]] = {}
    for order in upstream:
        orders.setdefault(order.mark, []).append(order)
    at_once_s = None if is_disturbed else 0.0
    out = [_told(job, orders.get(job.mark, ()), at_once_s) for job in jobs]
    return [job for job, _ in out], sum(is_changed for _, is_changed in out)


def says_joined(told: int, *, is_disturbed: bool = False) -> list[str]:
    """A line for a person about so many jobs; nothing for none."""
    if not told:
        return []
    why = "held and run are as planned, by its books" + ("" if is_disturbed else ", submits and polls not held")
    return [f"the answers of {told:,} jobs bore no times of the upstream: {why}"]


def _told(job: Job, orders: Sequence[Upstream], at_once_s: float | None) -> tuple[Job, bool]:
    """A job with what its order tells, and whether that was anything new."""
    if job.queue_s is not None or len(orders) != 1 or not orders[0].is_owed or orders[0].accepted != 1:
        return job, False
    order = orders[0]
    calls = tuple(_held(call, order.queue_s + order.run_s, at_once_s) for call in job.calls)
    return msgspec.structs.replace(job, calls=calls, queue_s=order.queue_s, run_s=order.run_s), True


def _held(call: Call, seconds: float, at_once_s: float | None) -> Call:
    held_s = seconds if call.kind in HELD_KINDS else at_once_s if call.kind in AT_ONCE else None
    return call if call.held_s is not None or held_s is None else msgspec.structs.replace(call, held_s=held_s)
