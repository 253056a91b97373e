"""The processes that make load, as their parent sees them: started, heard, told to stop, and always ended.

Each is in a process group of its own, so that Ctrl-C reaches the parent alone, which then ends them in order.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TYPE_CHECKING, Self

import msgspec
from msgspec.structs import replace

from imageproof.loadtests.lines import Line, Over, Ready

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from imageproof.loadtests.options import Options

COMMAND = (sys.executable, "-m", "imageproof.loadtests.worker")
BEGIN_S = 0.25  # from when all are ready to when they begin together
READY_S = 60.0
GRACE_S = 5.0
ERROR_KEPT = 4000


class GeneratorError(Exception):
    """A process that makes load could not begin, or died. The message is a sentence for a person."""


class Generator:
    """So many processes as `options.workers` says; their lines come as one stream."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._lines: SimpleQueue[Line | None] = SimpleQueue()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._threads: list[threading.Thread] = []
        self._errors: list[bytes] = []
        self.begin = 0.0

    def start(self) -> None:
        """Start all and let them begin at the same moment. Raises GeneratorError when one can't begin."""
        for number in range(self._options.workers):
            process = subprocess.Popen(  # noqa: S603  (our own module, with this interpreter)
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},
            )
            self._processes.append(process)
            self._threads += [
                threading.Thread(target=self._hear, args=(process,), daemon=True, name=f"load-{number}"),
                threading.Thread(target=self._collect, args=(process,), daemon=True, name=f"load-{number}-errors"),
            ]
            self._tell(process, msgspec.json.encode(replace(self._options, worker=number)))
        for thread in self._threads:
            thread.start()
        self._await_ready()
        self.begin = monotonic() + BEGIN_S
        for process in self._processes:
            self._tell(process, b"%.6f" % self.begin)

    def _await_ready(self) -> None:
        until = monotonic() + READY_S
        ready = 0
        while ready < len(self._processes):
            try:
                line = self._lines.get(timeout=max(0.01, until - monotonic()))
            except Empty:
                raise GeneratorError(f"expected the load generator to be ready within {READY_S:g} s") from None
            if line is None:
                raise GeneratorError(f"the load generator could not begin: {self._last_words()}")
            ready += isinstance(line, Ready)

    def _last_words(self) -> str:
        """Why the one that has ended did so. The others are of no more use."""
        for process in self._processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.2)
        codes = [process.poll() for process in self._processes]
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        for thread in self._threads:
            thread.join(GRACE_S)
        text = b"".join(self._errors).decode(errors="replace").strip()
        if text:
            return text.splitlines()[-1]
        by_signal = next((-code for code in codes if code is not None and code < 0), None)
        return f"it was ended by signal {by_signal}" if by_signal else "it said nothing"

    def lines(self, *, every_s: float) -> Iterator[Line | None]:
        """What they say, until all are over; None when nothing was said for so long.

        Raises GeneratorError when one has died.
        """
        left = len(self._processes)
        while left:
            try:
                line = self._lines.get(timeout=every_s)
            except Empty:
                yield None
                continue
            if line is None:
                why = self._last_words()
                raise GeneratorError(f"a process of the load generator died, what was measured is kept: {why}")
            left -= isinstance(line, Over)
            yield line

    def stop(self) -> None:
        """Begin no more jobs; those that are open go on."""
        for process in self._processes:
            self._tell(process, b"stop")

    def cut(self) -> None:
        """End all jobs now; their books come as they stand."""
        for process in self._processes:
            self._tell(process, b"cut")

    def close(self) -> None:
        """End the processes, whatever they do."""
        for process in self._processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(GRACE_S)
        for process in self._processes:
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    stream.close()

    def __enter__(self) -> Self:
        """Start."""
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes."""
        self.close()

    def _tell(self, process: subprocess.Popen[bytes], line: bytes) -> None:
        if process.stdin is None:
            return
        try:
            process.stdin.write(line + b"\n")
            process.stdin.flush()
        except BrokenPipeError:  # it has ended: its last lines say so
            return

    def _hear(self, process: subprocess.Popen[bytes]) -> None:
        decoder = msgspec.json.Decoder(Line)
        is_over = False
        for line in process.stdout or ():
            said = decoder.decode(line)
            is_over = is_over or isinstance(said, Over)
            self._lines.put(said)
        if not is_over:
            self._lines.put(None)

    def _collect(self, process: subprocess.Popen[bytes]) -> None:
        for line in process.stderr or ():
            self._errors.append(line)
            if sum(map(len, self._errors)) > ERROR_KEPT:
                self._errors.pop(0)
