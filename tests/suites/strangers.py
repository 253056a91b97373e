"""Servers that do not behave: a few lines of a test handle each connection. They listen on ports of their own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Serve = Callable[["Stranger", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

HOST = "127.0.0.1"
HELLO_OF_TLS = b"\x16"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


@dataclass(slots=True)
class Stranger:
    """What a server has seen. `requests` are the heads of the requests, `connections` counts."""

    port: int = 0
    scheme: str = "http"
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{self.scheme}://{HOST}:{self.port}"

    async def head(self, reader: asyncio.StreamReader) -> bytes:
        """Read the head of a request; who says hello in TLS is no friend of a plain server."""
        head = await reader.readexactly(1)
        if head == HELLO_OF_TLS:
            raise ConnectionResetError
        head += await reader.readuntil(b"\r\n\r\n")
        self.requests.append(head)
        return head


def says(answer: bytes) -> Serve:
    """Answer each request of a connection with these bytes and hang up."""

    async def serve(stranger: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await stranger.head(reader)
        writer.write(answer)
        await writer.drain()

    return serve


def says_in_turn(*answers: bytes) -> Serve:
    """Answer the first request with the first bytes and so on, later ones with the last, and keep the connections."""

    async def serve(stranger: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await stranger.head(reader)
            writer.write(answers[min(len(stranger.requests), len(answers)) - 1])
            await writer.drain()

    return serve


async def stays_silent(stranger: Stranger, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Take a request, and never say a word."""
    await stranger.head(reader)
    await reader.read()


def drips(answer: bytes) -> Serve:
    """Begin an answer and never end it."""

    async def serve(stranger: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await stranger.head(reader)
        writer.write(answer)
        await writer.drain()
        await reader.read()

    return serve


def floods(head: bytes) -> Serve:
    """Send a body without an end as fast as it goes."""

    async def serve(stranger: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await stranger.head(reader)
        writer.write(head)
        while not writer.transport.is_closing():
            writer.write(b"x" * 65_536)
            await writer.drain()

    return serve


@asynccontextmanager
async def stranger(serve: Serve, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Stranger]:
    """A server that treats each connection so, until the block is left."""
    seen = Stranger(scheme="https" if tls else "http")
    under_way: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        task = asyncio.current_task()
        assert task is not None
        under_way.add(task)
        try:
            await serve(seen, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            return  # the other side hung up, which is what most of these tests are about
        except asyncio.CancelledError:
            return  # the test is over
        finally:
            under_way.discard(task)
            writer.close()

    server = await asyncio.start_server(handle, HOST, 0, ssl=tls)
    seen.port = server.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        server.close()
        for task in list(under_way):
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
