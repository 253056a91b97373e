"""A client as a process: started without a shell, read without end, and ended with everything that it started.

Laws: nothing here waits longer than the deadline and the grace after it; a process that prints a gigabyte costs no more
memory than one that prints a line; when `end` has returned, nothing is left of what was started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

from imageproof.suites.client.watch import End, Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

KEPT = 65_536  # bytes of each output
FLOOD = 16 << 20  # bytes of one output: more is no log of a job
CHUNK = 65_536
GRACE_S = 2.0
LOOK_S = 0.01  # between two looks at a process, where the system can't tell of its end by itself
MOST_ROUNDS = 100  # of ending what a process started: each finds what the last one missed
MARK = "IMAGEPROOF_PROCESS"
PROC = Path("/proc")


class NotStartedError(Exception):
    """A command that can't be started: one sentence that says why."""


class Tail:
    """The last of what was written, and how much it was."""

    __slots__ = ("_chunks", "_kept", "size")

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._kept = 0
        self.size = 0

    def add(self, data: bytes) -> None:
        """Take what was read."""
        self.size += len(data)
        self._chunks.append(data)
        self._kept += len(data)
        while self._kept - len(self._chunks[0]) >= KEPT:
            self._kept -= len(self._chunks.popleft())

    def text(self) -> str:
        """The last 64 KiB, as text."""
        return b"".join(self._chunks)[-KEPT:].decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A process that is over: how it ended, and the last of what it wrote to standard output."""

    ending: Ending
    stdout: str


class Process:
    """A running command in a session of its own. Made by `start`; `end` must be called, whatever happened."""

    def __init__(self, popen: subprocess.Popen[bytes], mark: str, on_stdout: Callable[[bytes], None] | None) -> None:
        self._popen = popen
        self._mark = mark
        self._loop = asyncio.get_running_loop()
        self._readers: dict[int, Callable[[bytes], None]] = {}
        self._on_stdout = on_stdout
        self._began = monotonic()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._pidfd = _pidfd(popen.pid)
        self._look: asyncio.TimerHandle | None = None
        self._is_closed = False
        self.stdout, self.stderr = Tail(), Tail()
        self.flooded = asyncio.Event()
        self.limit = FLOOD
        self._listen()

    @property
    def is_over(self) -> bool:
        """Whether the command itself has ended; what it started may go on."""
        return self._over.done()

    @property
    def pid(self) -> int:
        """The number of the process, which is that of its session too."""
        return self._popen.pid

    @property
    def code(self) -> int | None:
        """The exit code, below zero for the number of the signal that ended it; None while it runs."""
        return self._popen.returncode

    async def write(self, data: bytes, *, seconds: float) -> None:
        """Send bytes to standard input. Raises OSError when nobody reads there, TimeoutError when somebody is slow."""
        if self._popen.stdin is None:
            raise BrokenPipeError("the command was started without standard input")
        fd, left = self._popen.stdin.fileno(), memoryview(data)
        async with asyncio.timeout(seconds):
            while left:
                try:
                    left = left[os.write(fd, left) :]
                except BlockingIOError:
                    await self._has_room(fd)

    async def _has_room(self, fd: int) -> None:
        room: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(fd, _settle, room)
        try:
            await room
        finally:
            self._loop.remove_writer(fd)

    def close_input(self) -> None:
        """Say that nothing more comes."""
        if self._popen.stdin is not None:
            with contextlib.suppress(OSError):
                self._popen.stdin.close()

    async def wait(self, seconds: float) -> End:
        """Wait for the end, a flood or the deadline: EXITED, FLOODED or HUNG."""
        flooded = asyncio.ensure_future(self.flooded.wait())
        try:
            await asyncio.wait((self._over, flooded), timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        finally:
            flooded.cancel()
        if self.flooded.is_set():
            return End.FLOODED
        return End.EXITED if self._over.done() else End.HUNG

    async def end(self) -> None:
        """End the command and all it started: politely, after a grace of 2 s for good. Also when it is cancelled."""
        try:
            if not self.is_over:
                _signal(self._popen.pid, self._mark, signal.SIGTERM)
                await asyncio.wait((self._over,), timeout=GRACE_S)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the command and all it started at once. Harmless when all is over."""
        if self._is_closed:
            return
        for _ in range(MOST_ROUNDS):
            if not _signal(self._popen.pid, self._mark, signal.SIGKILL):
                break
            sleep(LOOK_S / 10)
        with contextlib.suppress(subprocess.TimeoutExpired):  # one that hangs in the kernel is nobody's to end
            self._popen.wait(GRACE_S)
        self._close()

    def ending(self, end: End) -> Ending:
        """How it ended, as a value."""
        return Ending(
            end=end,
            code=self.code,
            seconds=round(monotonic() - self._began, 3),
            output=self.stderr.text(),
        )

    # listening

    def _listen(self) -> None:
        for pipe, take in ((self._popen.stdout, self._from_stdout), (self._popen.stderr, self.stderr.add)):
            if pipe is not None:
                os.set_blocking(pipe.fileno(), False)
                self._readers[pipe.fileno()] = take
                self._loop.add_reader(pipe.fileno(), self._read, pipe.fileno())
        if self._popen.stdin is not None:
            os.set_blocking(self._popen.stdin.fileno(), False)
        if self._pidfd is not None:
            self._loop.add_reader(self._pidfd, self._is_over_now)
        else:
            self._look = self._loop.call_later(LOOK_S, self._look_again)

    def _from_stdout(self, data: bytes) -> None:
        self.stdout.add(data)
        if self._on_stdout is not None:
            self._on_stdout(data)

    def _read(self, fd: int) -> bool:
        """Read once; whether there was anything."""
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # a terminal in place of a pipe ends like this
            data = b""
        if not data:
            self._loop.remove_reader(fd)
            self._readers.pop(fd, None)
            return False
        self._readers[fd](data)
        if max(self.stdout.size, self.stderr.size) > self.limit:
            self.flooded.set()
            self._loop.remove_reader(fd)  # nobody wants more of it
        return True

    def _look_again(self) -> None:
        if _has_ended(self._popen.pid):
            self._is_over_now()
        else:
            self._look = self._loop.call_later(LOOK_S, self._look_again)

    def _is_over_now(self) -> None:
        """Note the end, but leave the process for `kill` to collect: until then nobody else gets its number."""
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
        for fd in tuple(self._readers):
            while not self.flooded.is_set() and self._read(fd):
                pass
        _settle(self._over)

    # ending

    def _close(self) -> None:
        self._is_closed = True
        if self._look is not None:
            self._look.cancel()
        self._is_over_now()
        for fd in tuple(self._readers):
            self._loop.remove_reader(fd)
        self._readers.clear()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None
        self.close_input()
        for pipe in (self._popen.stdout, self._popen.stderr):
            if pipe is not None:
                pipe.close()


def start(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    folder: Path | None = None,
    talks: bool = False,
    on_stdout: Callable[[bytes], None] | None = None,
) -> Process:
    """Start a command. `talks` gives it a standard input; `on_stdout` gets what it writes, piece by piece.

    Raises NotStartedError when there is no such program, or none that may be run.
    """
    mark = secrets.token_hex(8)
    try:
        popen = subprocess.Popen(  # noqa: S603  (to run the user's own command is what this is for)
            list(command),
            env={**env, MARK: mark},
            cwd=folder,
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise NotStartedError(_why(command, error)) from None
    return Process(popen, mark, on_stdout)


async def run(
    command: Sequence[str], *, env: Mapping[str, str], seconds: float, folder: Path | None = None
) -> Finished:
    """Run a command to its end, at most so many seconds. Raises NotStartedError."""
    process = start(command, env=env, folder=folder)
    try:
        end = await process.wait(seconds)
    except BaseException:  # we are being ended ourselves
        process.kill()
        raise
    await process.end()
    return Finished(ending=process.ending(end), stdout=process.stdout.text())


def _settle(future: asyncio.Future[None]) -> None:
    """Let those go on who wait for it."""
    if not future.done():
        future.set_result(None)


def _why(command: Sequence[str], error: Exception) -> str:
    name = command[0] if command else ""
    reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return f"expected a command that can be started, got {name!r}: {reason[:1].lower()}{reason[1:]}"


def _pidfd(pid: int) -> int | None:
    """A handle that becomes readable when the process ends, where the system has such."""
    opener = getattr(os, "pidfd_open", None)
    if opener is None:
        return None
    try:
        handle: int = opener(pid)
    except OSError:  # an old kernel, or a sandbox that forbids it: look every now and then instead
        return None
    return handle


def _has_ended(pid: int) -> bool:
    """Whether a child has ended; it is not collected."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _members(session: int, mark: str) -> set[int]:
    """The processes of a session, and those that left it but still carry its mark. Empty where there is no /proc."""
    found = set()
    for entry in PROC.iterdir() if PROC.is_dir() else ():
        if not entry.name.isdigit():
            continue
        try:
            state, _, _, its_session = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[:4]
            if state in "ZX":
                continue
            if int(its_session) == session or f"{MARK}={mark}".encode() in (entry / "environ").read_bytes():
                found.add(int(entry.name))
        except (OSError, ValueError):  # it has ended meanwhile, or belongs to somebody else
            continue
    return found


def _signal(leader: int, mark: str, number: signal.Signals) -> bool:
    """Send a signal to a command, which is not collected yet, and to all it started; whether anybody was there."""
    if not PROC.is_dir():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, number)
        return False
    everyone = _members(leader, mark)
    for pid in everyone:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    return bool(everyone)
