"""The short way: requests that have arrived whole and are answered at once need no task, no stream and no waiting.

Most requests are polls and submits. For these aiohttp's parser is all that is needed of it: the answer is computed
where the bytes arrive and written back in one go. Whatever is not plainly of this kind takes the long way, with the
same result.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from imageproof.mock_server import instant
from imageproof.mock_server.accounts import Account
from imageproof.mock_server.call import Call
from imageproof.mock_server.packet import Packet
from imageproof.mock_server.recording import record
from imageproof.mock_server.routes import LONGEST_PATH
from imageproof.mock_server.triggers import HEADER
from imageproof.specs.model import HOLDS, Does

if TYPE_CHECKING:
    from aiohttp.http_parser import RawRequestMessage

    from imageproof.mock_server.server import Mock

AT_ONCE = frozenset({Does.SUBMIT, Does.POLL, Does.RESULT, Does.BALANCE, Does.MODELS})


class Arrived:
    """A request that has arrived whole, with the few names that calls, packets and the journal ask of a request."""

    __slots__ = ("headers", "keep_alive", "method", "raw_headers", "raw_path", "version")

    def __init__(self, message: RawRequestMessage) -> None:
        self.method = message.method
        self.raw_path = message.path
        self.headers = message.headers
        self.raw_headers = message.raw_headers
        self.version = message.version
        self.keep_alive = not message.should_close


def quick(mock: Mock, message: RawRequestMessage, body: bytes, connection: int) -> Packet | None:
    """The answer to a request that has arrived whole; None for one that has to take the long way."""
    if mock.upstream.shared is not None:
        return None
    path = message.path
    found = mock.routes.find(path) if len(path) <= LONGEST_PATH else None
    if found is None or len(found.endpoints) != 1 or message.upgrade:
        return None
    endpoint = next(iter(found.endpoints.values()))
    operation, service = endpoint.operation, endpoint.service
    does = operation.does
    is_held = does in HOLDS and operation.content == "json"
    if operation.method != message.method or not (does in AT_ONCE or is_held) or endpoint.id_query is not None:
        return None
    if service.stores_base64 and does in POLLS:
        return None
    began = monotonic()
    account = service.authenticate(message.headers)
    if type(account) is not Account or account.faults is not None or is_scripted(message, body):
        return None
    if is_held and not instant.may_be(service, account):
        return None
    request = Arrived(message)
    call = Call(endpoint, account, request, account.clock.now(), found.task_id, mock.options.public_url)
    if operation.content == "json":
        call.raw = body
    reply = mock.answer_held(call) if is_held else mock.answer_now(call)
    if reply is None:
        return None
    mock.finish(call, reply)
    packet = Packet(reply, request, mock.dated)
    record(request, call, began, reply, connection)
    return packet


POLLS = frozenset({Does.POLL, Does.RESULT})
CARDS = (b"fault", b"scenario")


def is_scripted(message: RawRequestMessage, body: bytes) -> bool:
    """Whether a request may ask for faults of its own, which only the long way can show."""
    if HEADER in message.headers:
        return True
    return b"[[" in body and any(card in body for card in CARDS)
