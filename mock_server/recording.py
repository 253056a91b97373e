"""An exchange is over: count it, and keep it in the journal of its account."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from imageproof.mock_server.answers import Reply
from imageproof.mock_server.journal import BODY_KEPT

if TYPE_CHECKING:
    from aiohttp import web

    from imageproof.mock_server.call import Call
    from imageproof.mock_server.heads import Arrived

LEFT = "the client left before the end"
BEGUN = 200
NO_HEADERS: dict[str, str] = {}  # one for all, as fresh ones would have to be kept


def record(request: web.BaseRequest | Arrived, call: Call, began: float, reply: Reply, connection: int) -> int:
    """Count an exchange and keep it; its number in the journal. A status of 0 is no answer, and is not counted."""
    account, ended = call.account, monotonic()
    tally = call.endpoint.tally
    if reply.status:
        tally.seconds += ended - began
        tally.answers[reply.status] = tally.answers.get(reply.status, 0) + 1
    journal = account.journal
    if not journal.maxlen:
        return 0
    note = reply.note
    if call.notes:
        note = "; ".join([*([note] if note else []), *call.notes])
    fault = "; ".join(call.faults) if call.faults else None
    if call.entry:  # the client had left, which is told already
        journal.amend(call.entry, rules=call.rules, task=call.task_id, note=note, fault=fault)
        return call.entry
    raw, body = call.raw, reply.body
    head = request.raw_headers
    if head is not tally.head:  # one and the same where the head was known
        if head != tally.head:
            tally.head = head
        head = tally.head
    number = journal.count + 1
    journal.append(
        (
            number,
            began,
            ended,
            call.now,
            call.method,
            call.path,
            call.operation.name,
            head,
            raw[:BODY_KEPT],
            len(raw),
            reply.status,
            reply.content_type,
            reply.headers or NO_HEADERS,
            body[:BODY_KEPT],
            len(body),
            call.rules,
            call.task_id,
            note,
            connection,
            fault,
        )
    )
    return number


def note_leaving(request: web.BaseRequest, call: Call, began: float, connection: int) -> None:
    """A client has left while its call was held: keep that now, as the work may go on for long."""
    if call.entry or call.is_spoilt:
        return
    call.note(LEFT)
    call.entry = record(request, call, began, Reply(BEGUN if call.streamed else 0, call.streamed), connection)
