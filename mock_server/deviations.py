"""What a mock does otherwise than its contract says, where another contract would not be enough.

Each hook is asked only when a deviation is set; a mock without one pays one comparison with None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs.model import Does

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.mock_server.answers import Reply
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.record import Record


REFUSED = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """The hooks; those that are None leave things as they are.

    `reply` changes an answer in place before it is sent, `image` the bytes of a picture (with its task and index),
    `record` a job that was accepted, `events` a whole stream of server-sent events, event by event. `lets_in` accepts
    requests without a good key, `shows_foreign` shows tasks to everybody, `hides_results` answers 404 for pictures,
    `bills_refusals` and `bills_polls` are micro-dollars charged where nothing may be.
    """

    reply: Callable[[Call, Reply], None] | None = None
    image: Callable[[bytes, str, int], bytes] | None = None
    record: Callable[[Call, Record], Record] | None = None
    events: Callable[[list[bytes]], list[bytes]] | None = None
    lets_in: bool = False
    shows_foreign: bool = False
    hides_results: bool = False
    bills_refusals: int = 0
    bills_polls: int = 0


def deviate(deviation: Deviation, call: Call, reply: Reply) -> None:
    """Do to an answer, and to the account that asked, what the deviation wants."""
    if deviation.reply is not None:
        deviation.reply(call, reply)
    refused = reply.status >= REFUSED
    charge = deviation.bills_refusals if refused else deviation.bills_polls if call.operation.does is Does.POLL else 0
    if charge:
        call.account.jobs += 1
        call.account.ledger.charge(charge, call.now, call.account.jobs)
