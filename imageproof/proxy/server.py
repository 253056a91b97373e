"""The proxy on a socket: accepts connections, and gives each exchange that is over to whoever judges it."""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING

from imageproof.proxy.http1 import HEAD_LIMIT
from imageproof.proxy.relay import Relay
from imageproof.proxy.wires import Watched, Wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.proxy.tape import Tape
    from imageproof.proxy.upstream import Upstream

BACKLOG = 1024


class ProxyServer:
    """A listening proxy. `take` gets each exchange on a thread of its own, one after the other, in order of their ends.

    What went wrong on our side is kept in `failed`: it must not stop the traffic.
    """

    def __init__(self, upstream: Upstream, take: Callable[[Tape], None]) -> None:
        self._upstream = upstream
        self._take = take
        self._began = monotonic()
        self._numbers, self._connections = count(1), count(1)
        self._relays: set[asyncio.Task[None]] = set()
        self._judge = ThreadPoolExecutor(1, thread_name_prefix="imageproof-judge")
        self.failed: BaseException | None = None
        self._server: asyncio.Server | None = None
        self.url = ""

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError when the address can't be had."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in host else socket.AF_UNSPEC
        self._server = await loop.create_server(self._connection, host, port, backlog=BACKLOG, family=family)
        bound = self._server.sockets[0].getsockname()
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{bound[1]}"

    def _connection(self) -> Watched:
        reader = asyncio.StreamReader(limit=HEAD_LIMIT)

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            client = Wire(reader=reader, writer=writer)
            relay = Relay(client, protocol.gone, self._upstream, self, next(self._connections))
            task = asyncio.ensure_future(relay.serve())
            self._relays.add(task)
            task.add_done_callback(self._over)

        protocol = Watched(reader, connected)
        return protocol

    def _over(self, task: asyncio.Task[None]) -> None:
        self._relays.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed = self.failed or error

    # the recorder of the relays

    def next_number(self) -> int:
        """The number of the next exchange."""
        return next(self._numbers)

    def now(self) -> float:
        """Seconds since the start of the run."""
        return monotonic() - self._began

    def observe(self, tape: Tape) -> None:
        """Give an exchange away, without waiting for the judge."""
        self._judge.submit(self._judged, tape)

    def _judged(self, tape: Tape) -> None:
        try:
            self._take(tape)
        except Exception as error:  # noqa: BLE001  (our own mistake is told at the end)
            self.failed = self.failed or error

    async def stop(self) -> None:
        """Stop to listen, end what is under way, and wait until all of it is judged."""
        if self._server is not None:
            self._server.close()
        relays = list(self._relays)
        for task in relays:
            task.cancel()
        await asyncio.gather(*relays, return_exceptions=True)
        await asyncio.to_thread(self._judge.shutdown)
