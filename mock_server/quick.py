"""The short way: requests that have arrived whole and are answered at once need no task, no stream and no waiting.

Most requests are polls and submits. For these aiohttp's parser is all that is needed of it, and not even that where the
head is known: the answer is computed where the bytes arrive and written back in one go. Whatever is not plainly of this
kind takes the long way, with the same result.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from imageproof.mock_server import instant
from imageproof.mock_server.accounts import Account
from imageproof.mock_server.call import Call
from imageproof.mock_server.packet import Packet
from imageproof.mock_server.recording import record

if TYPE_CHECKING:
    from imageproof.mock_server.heads import Arrived
    from imageproof.mock_server.server import Mock

CARDS = (b"fault", b"scenario")


def quick(mock: Mock, request: Arrived, body: bytes, connection: int) -> Packet | None:
    """The answer to a request that has arrived whole; None for one that has to take the long way."""
    endpoint, is_held = request.endpoint, request.is_held
    if endpoint is None or mock.upstream.shared is not None:
        return None
    service = endpoint.service
    began = monotonic()
    account = service.account_with(request.key)
    if type(account) is not Account or account.faults is not None or is_scripted(body):
        return None
    if is_held and not instant.may_be(service, account):
        return None
    call = Call(endpoint, account, request, account.clock.now(), request.task_id, mock.options.public_url)
    if endpoint.operation.content == "json":
        call.raw = body
    reply = mock.answer_held(call) if is_held else mock.answer_now(call)
    if reply is None:
        return None
    mock.finish(call, reply)
    packet = Packet(reply, request, mock.dated)
    record(request, call, began, reply, connection)
    return packet


def is_scripted(body: bytes) -> bool:
    """Whether a body may ask for faults of its own, which only the long way can show."""
    return b"[[" in body and any(card in body for card in CARDS)
