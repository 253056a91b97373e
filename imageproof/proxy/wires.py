"""The bytes of one connection: heads and bodies are passed on piece by piece, as they come."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.proxy.http1 import HEAD_LIMIT, Framing, MalformedError, chunk_size

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Send = Callable[[bytes], Awaitable[None]]
    Keep = Callable[[bytes], None]
    Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]

PIECE = 65_536


class TooLongError(MalformedError):
    """A head that has no end in sight."""

    def __init__(self) -> None:
        super().__init__(f"expected a head of at most {HEAD_LIMIT:,} bytes, got a longer one")


class Watched(asyncio.StreamReaderProtocol):
    """The client's side of a connection. `gone` is set as soon as the client has ended its half."""

    def __init__(self, reader: asyncio.StreamReader, connected: Connected) -> None:
        super().__init__(reader, connected)
        self.gone = asyncio.Event()

    def eof_received(self) -> bool | None:
        """Note that nothing more will come."""
        self.gone.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that nobody is there any more."""
        self.gone.set()
        super().connection_lost(exc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One side of a pair of connections."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Pass bytes on, as fast as the other end takes them. Raises ConnectionError when it is gone."""
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> bytes:
        """The bytes of the next head; empty when the other end has closed in order.

        Raises MalformedError for a head without an end, ConnectionError for half a head.
        """
        raw = b""
        while True:
            try:
                line = await self.reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as error:
                if (raw + error.partial).strip():
                    raise ConnectionResetError("half a head came before the end") from None
                return b""
            except asyncio.LimitOverrunError:
                raise TooLongError from None
            if line.strip(b"\r\n"):
                raw += line
            elif raw:  # empty lines before a head are left out, as servers do
                return raw + line
            if len(raw) > HEAD_LIMIT:
                raise TooLongError

    def close(self) -> None:
        """End the connection."""
        self.writer.close()


async def pump(reader: asyncio.StreamReader, framing: int | Framing, send: Send, keep: Keep) -> None:
    """Pass a body on piece by piece, and keep its content. Raises ConnectionError for one that was cut."""
    match framing:
        case Framing.CHUNKED:
            await _chunks(reader, send, keep)
        case Framing.UNTIL_CLOSE:
            while data := await reader.read(PIECE):
                keep(data)
                await send(data)
        case length:
            await _exactly(reader, length, send, keep)


async def _exactly(reader: asyncio.StreamReader, length: int, send: Send, keep: Keep) -> None:
    left = length
    while left:
        data = await reader.read(min(left, PIECE))
        if not data:
            raise ConnectionResetError(f"{left:,} bytes of the body did not come")
        left -= len(data)
        keep(data)
        await send(data)


async def _chunks(reader: asyncio.StreamReader, send: Send, keep: Keep) -> None:
    size = 1
    while size:
        line = await _line(reader, send)
        size = chunk_size(line)
        if size:
            await _exactly(reader, size, send, keep)
            await _line(reader, send)
    while (await _line(reader, send)).strip():
        continue  # trailers


async def _line(reader: asyncio.StreamReader, send: Send) -> bytes:
    """Pass one line on, or what there is of it. Raises ConnectionError when it has no end."""
    try:
        line = await reader.readuntil(b"\n")
    except asyncio.IncompleteReadError as error:
        await send(error.partial)
        raise ConnectionResetError("the last chunk did not come") from None
    except asyncio.LimitOverrunError:
        raise MalformedError("expected a line of a chunked body, got a longer one") from None
    await send(line)
    return line
