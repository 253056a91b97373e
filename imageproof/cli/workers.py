"""`imageproof mock --workers N`: several processes on one port, that share their accounts through a store."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from imageproof.cli.banner import banner, ready_line
from imageproof.cli.refusal import Refusal
from imageproof.cli.serving import on_signals, why_not

if TYPE_CHECKING:
    from imageproof.cli.serving import Address
    from imageproof.mock_server.server import Mock

log = logging.getLogger("imageproof")
READY_S = 60.0
GRACE_S = 2.0
SOON_S = 1.0
MOST_EARLY = 3


@dataclass(slots=True)
class Crew:
    """The processes of one mock. A worker that ends before its time is replaced by another one."""

    words: list[str]
    log_level: str
    stop: asyncio.Event
    early: int = 0

    async def start(self) -> asyncio.subprocess.Process:
        """Start a worker, and wait until it serves. Raises Refusal with what it says when it does not."""
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "imageproof", *self.words,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        if worker.stdout is None:
            raise Refusal("expected a worker with an output, got none")
        with suppress(TimeoutError):
            line = await asyncio.wait_for(worker.stdout.readline(), READY_S)
            if line:
                return worker
        await _end(worker)
        raise Refusal(f"a worker of the mock did not start (exit code {worker.returncode}); it says why above")

    async def keep(self) -> None:
        """Keep one worker running until the mock is to stop."""
        loop = asyncio.get_running_loop()
        while not self.stop.is_set():
            began = loop.time()
            worker = await self.start()
            await self.keep_on(worker)
            if self.stop.is_set():
                return
            self.early = self.early + 1 if loop.time() - began < SOON_S else 0
            if self.early >= MOST_EARLY:
                self.stop.set()
                raise Refusal(f"{MOST_EARLY} workers of the mock in a row ended at once: given up")
            log.warning("worker %s has ended (%s): another one takes its place", worker.pid, _how(worker.returncode))

    async def keep_on(self, worker: asyncio.subprocess.Process) -> None:
        """Wait for the end of a worker, and end it when the mock is to stop."""
        ended = asyncio.ensure_future(worker.wait())
        stopped = asyncio.ensure_future(self.stop.wait())
        await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        await _end(worker)


def _how(code: int | None) -> str:
    return f"by signal {-code}" if code is not None and code < 0 else f"exit code {code}"


async def _end(worker: asyncio.subprocess.Process) -> None:
    """End a worker, by force if it does not go."""
    if worker.returncode is None:
        with suppress(ProcessLookupError):
            worker.terminate()
        try:
            await asyncio.wait_for(worker.wait(), GRACE_S)
        except TimeoutError:
            with suppress(ProcessLookupError):
                worker.kill()
            await worker.wait()


def _reserved(address: Address) -> socket.socket:
    """The port that the workers will share, held so that nobody else takes it. Raises Refusal."""
    try:
        family, kind, _, _, place = socket.getaddrinfo(
            address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as alone:  # another mock may share its port with anybody, so this one does not
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind(place)
        held = socket.socket(family, kind)
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(place)
    except (OSError, OverflowError, UnicodeError) as error:
        raise Refusal(why_not(address, error)) from None
    return held


def serve_with_workers(mock: Mock, address: Address, count: int, *, ready_json: bool, log_level: str) -> None:
    """Serve with several processes until a signal comes. Raises Refusal."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise Refusal("expected a system on which several processes can listen on one port; use one worker here")
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    log.setLevel(log_level.upper())
    with _reserved(address) as held, suppress(KeyboardInterrupt):
        port = int(held.getsockname()[1])
        asyncio.run(_serve(mock, address, port, count, ready_json=ready_json, log_level=log_level))


async def _serve(mock: Mock, address: Address, port: int, count: int, *, ready_json: bool, log_level: str) -> None:
    stop = asyncio.Event()
    on_signals(stop)
    words = [*sys.argv[1:], "--workers", "1", "--port", str(port), "--ready-json", "--is-worker"]
    crew = Crew(words, log_level, stop)
    workers = [await crew.start()]  # the first one alone, so that a mistake is told once
    try:
        workers += await asyncio.gather(*(crew.start() for _ in range(count - 1)))
    except BaseException:
        await asyncio.gather(*(_end(worker) for worker in workers))
        raise
    host = f"[{address.host}]" if ":" in address.host else address.host
    said = ready_line if ready_json else banner
    click.echo(said(mock, f"http://{host}:{port}"))

    async def watch(worker: asyncio.subprocess.Process) -> None:
        await crew.keep_on(worker)
        if not stop.is_set():
            log.warning("worker %s has ended (%s): another one takes its place", worker.pid, _how(worker.returncode))
            await crew.keep()

    await asyncio.gather(*(watch(worker) for worker in workers))
