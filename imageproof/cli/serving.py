"""The mock as a process: it listens, says so, and ends within a second of SIGINT or SIGTERM."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from imageproof.cli.banner import banner, ready_line
from imageproof.cli.refusal import Refusal
from imageproof.mock_server.stored import StateFileError, StoreMismatchError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.mock_server.connection import MockServer
    from imageproof.mock_server.server import Mock

log = logging.getLogger("imageproof")
GRACE_S = 0.8
SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to listen; port 0 takes any free one."""

    host: str
    port: int
    is_worker: bool = False

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def serve(mock: Mock, address: Address, *, ready_json: bool, log_level: str) -> None:
    """Serve until a signal comes. Raises Refusal when the address can't be had."""
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    log.setLevel(log_level.upper())
    with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(mock, address, ready_line if ready_json else banner))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop

    return uvloop.new_event_loop


async def _serve(mock: Mock, address: Address, announcement: Callable[[Mock, str], str]) -> None:
    stop = asyncio.Event()
    server = await _listen(mock, address)
    if not address.is_loopback and not address.is_worker:
        click.echo(f"warning: others can reach {address.host}, and the mock takes any key of the right form", err=True)
    on_signals(stop)
    if address.is_worker:
        stop_with_parent(stop)
    click.echo(announcement(mock, server.url))
    try:
        await stop.wait()
    finally:
        await _end(server)
        await mock.lasting.end()


async def _end(server: MockServer) -> None:
    try:
        await asyncio.wait_for(server.stop(), GRACE_S)
    except TimeoutError:
        log.warning("some connections did not end within %s s and were cut", GRACE_S)


async def _listen(mock: Mock, address: Address) -> MockServer:
    try:
        return await mock.serve(address.host, address.port, is_one_of_many=address.is_worker)
    except (StateFileError, StoreUnavailableError, StoreMismatchError) as error:
        raise Refusal(str(error)) from None
    except (OSError, OverflowError, UnicodeError) as error:
        raise Refusal(why_not(address, error)) from None


def why_not(address: Address, error: Exception) -> str:
    """One sentence about an address that can't be had."""
    place = f"port {address.port} of {address.host}"
    match getattr(error, "errno", None):
        case errno.EADDRINUSE:
            return f"{place} is taken: choose another with --port, or any free one with --port 0"
        case errno.EACCES:
            return f"{place} may not be used by this user: choose one above 1023 with --port"
        case _:
            return f"expected an address of this machine, got {address.host!r}: {_reason(error)}"


def _reason(error: Exception) -> str:
    """What the system says about an error, without what asyncio puts around it."""
    if not isinstance(error, OSError) or error.errno is None:
        return str(error)
    return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)  # below 0: no such name


def on_signals(stop: asyncio.Event) -> None:
    """Let the first signal end a server in order, and the second one at once."""
    loop = asyncio.get_running_loop()

    def ask() -> None:
        stop.set()
        for name in SIGNALS:
            loop.remove_signal_handler(name)
            signal.signal(name, signal.SIG_DFL)

    if sys.platform == "win32":  # its event loop knows no signals; Ctrl-C cancels what the runner runs
        return
    for name in SIGNALS:
        loop.add_signal_handler(name, ask)


def stop_with_parent(stop: asyncio.Event) -> None:
    """Let a worker end when the process that started it is gone: its standard input ends then."""
    loop = asyncio.get_running_loop()

    def look() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    loop.add_reader(sys.stdin.fileno(), look)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of them; the parent ends the workers
