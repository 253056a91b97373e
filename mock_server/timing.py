"""The upstream's own times, for whoever wants to subtract them: real milliseconds in headers of its answers.

`Held` is how long the mock had the request, `Queue` and `Run` are how long the task waits and works in all, and
`Done-Ago` is how long it had been done when the answer was made. A clock that stands still gives its own seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.mock_server.record import Moves, completed_at

if TYPE_CHECKING:
    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.record import Record

HELD = "X-Imageproof-Held-Ms"
QUEUE = "X-Imageproof-Queue-Ms"
RUN = "X-Imageproof-Run-Ms"
DONE_AGO = "X-Imageproof-Done-Ago-Ms"


def times_of(call: Call) -> dict[str, str]:
    """The headers of an answer that is made now."""
    now = call.account.clock.now()
    out = {HELD: _ms(call.account, now - call.now)}
    record = call.record
    if record is None or record.moves != Moves.BY_TIME:
        return out
    out |= planned(call.account, record)
    done_ago = now - completed_at(record)
    if done_ago >= 0:
        out[DONE_AGO] = _ms(call.account, done_ago)
    return out


def planned(account: Account, record: Record) -> dict[str, str]:
    """The headers of an answer that begins before its job is done, as a stream's does."""
    return {QUEUE: _ms(account, record.queue_s), RUN: _ms(account, record.run_s)}


def held(seconds: float) -> dict[str, str]:
    """The header of an answer without a task, held for so many real seconds."""
    return {HELD: f"{seconds * 1000:.3f}"}


def _ms(account: Account, seconds: float) -> str:
    """Seconds of an account as real milliseconds."""
    return f"{seconds / (account.clock.mode.rate or 1.0) * 1000:.3f}"
