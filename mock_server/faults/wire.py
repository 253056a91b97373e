"""Puts an answer that travels badly on the socket. What is sent has been decided in `way`.

Waits are the account's own time; nothing waits for a clock that stands still, nor for a client that has left.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from time import time
from typing import TYPE_CHECKING
from wsgiref.handlers import format_date_time

from imageproof.mock_server.faults.way import Finish, Pause, redated

if TYPE_CHECKING:
    from imageproof.mock_server.clock import Clock
    from imageproof.mock_server.connection import Connection
    from imageproof.mock_server.faults.way import Way

NO_LINGER = struct.pack("ii", 1, 0)  # what is closed so is reset
ARRIVES_S = 0.02  # a reset may overtake what was sent before it; this lets the client read that first
PATIENCE_S = 600.0
STANDING_PATIENCE_S = 30.0


class LeftError(Exception):
    """The client has left while something was still to come, or to be waited for."""


async def pause(connection: Connection, clock: Clock, seconds: float) -> bool:
    """Wait so many of the account's seconds; whether the client is still there then."""
    gone = connection.gone()
    if gone.done():
        return False
    if clock.mode.rate == 0 and not clock.mode.jumps:
        return True
    waiting = asyncio.ensure_future(clock.wait_until(clock.now() + seconds))
    try:
        await asyncio.wait((waiting, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    return not gone.done()


async def until_gone(connection: Connection, clock: Clock) -> bool:
    """Wait for the client to leave, for ten of the account's minutes at most; whether it did."""
    rate = clock.mode.rate
    gone = connection.gone()
    await asyncio.wait((gone,), timeout=PATIENCE_S / rate if rate else STANDING_PATIENCE_S)
    return gone.done()


def reset(transport: asyncio.WriteTransport) -> None:
    """End a connection with a reset instead of a goodbye."""
    sock = transport.get_extra_info("socket")
    if sock is not None and not transport.is_closing():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    transport.abort()


async def end(connection: Connection, clock: Clock, finish: Finish, *, has_sent: bool) -> bool:
    """Do with the connection what is to be done; whether it goes on. Raises LeftError."""
    transport = connection.transport
    if transport is None or transport.is_closing():
        return False
    match finish:
        case Finish.STAY:
            return True
        case Finish.CLOSE:
            return False
        case Finish.RESET:
            if has_sent:
                await asyncio.sleep(ARRIVES_S)
            reset(transport)
        case Finish.HALF:
            transport.write_eof()
            await until_gone(connection, clock)
        case Finish.HANG:
            if await until_gone(connection, clock):
                raise LeftError
    return False


async def send(connection: Connection, way: Way, clock: Clock, head: bytes, body: bytes) -> bool:
    """Send an answer as it is to travel; whether the connection can be used again. Raises LeftError."""
    if way.skew_s:
        head = redated(head, format_date_time(time() + way.skew_s))
    has_sent = False
    steps = way.steps(head, body)
    for step in steps:
        transport = connection.transport
        if transport is None or transport.is_closing():
            return False
        match step:
            case bytes():
                transport.write(step)
                has_sent = True
                await connection.drained()
            case Pause(seconds=seconds):
                if not await pause(connection, clock, seconds):
                    if not has_sent or any(isinstance(rest, bytes) for rest in steps):
                        raise LeftError
                    return False
            case Finish():
                return await end(connection, clock, step, has_sent=has_sent)
    return False
