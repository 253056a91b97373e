"""A way to a Redis server on which an answer can get lost: the server has done what it was told, and nobody learns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.shared.stores import Store

CHUNK = 1 << 20
START_S = 20.0


@dataclass
class Leaky:
    """Passes everything on, but loses the answers to the next `losing` messages that have `word` in them."""

    store: Store
    word: bytes = b"EVALSHA"
    losing: int = 0
    lost: int = 0
    port: int = 0
    _links: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    async def serve(self, ready: threading.Event, stop: asyncio.Event) -> None:
        """Listen until told to stop."""
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        for link in self._links:
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        if link is not None:
            self._links.add(link)
            link.add_done_callback(self._links.discard)
        their_reader, their_writer = await asyncio.open_connection(self.store.host, self.store.port)
        is_losing = asyncio.Event()

        async def forth() -> None:
            while data := await reader.read(CHUNK):
                if self.losing and self.word in data:
                    self.losing -= 1
                    is_losing.set()
                their_writer.write(data)

        async def back() -> None:
            while data := await their_reader.read(CHUNK):
                if is_losing.is_set():
                    self.lost += 1
                    return
                writer.write(data)

        ways = [asyncio.ensure_future(forth()), asyncio.ensure_future(back())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            writer.close()
            their_writer.close()


@contextmanager
def leaky(store: Store) -> Iterator[Leaky]:
    """Such a way, for as long as the block lasts."""
    way, ready = Leaky(store), threading.Event()
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(way.serve(ready, stop),))
    thread.start()
    try:
        assert ready.wait(START_S)
        yield way
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(START_S)
        loop.close()
