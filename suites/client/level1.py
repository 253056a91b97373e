"""Level 1: one long-lived process that is given jobs as lines of JSON and answers in kind. Standard error is its log.

Laws: a line that can't be read costs at most its own job; a crash costs the jobs that were under way; every job has an
ending, whatever the client does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from itertools import count
from time import monotonic
from typing import TYPE_CHECKING

from imageproof.suites.client import process
from imageproof.suites.client.level0 import prepare
from imageproof.suites.client.protocol import (
    VERSION,
    Assignment,
    Bye,
    Hello,
    ProtocolError,
    RunResult,
    answer_of,
    files_in,
    id_in,
    line,
    read_line,
    run_message,
)
from imageproof.suites.client.watch import Answer, End, Ending, Told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imageproof.suites.client.process import Process

HELLO_S = 30.0
WRITE_S = 5.0
BYE_S = 2.0
RESTARTS = 1
LONGEST_LINE = 128 << 20
MOST_NOTES = 20
SILENT = Answer(told=Told.SILENT)
Outcome = tuple[Answer, Ending]


@dataclass(slots=True)
class _Job:
    """A job that is under way, or was left so."""

    assignment: Assignment
    began: float
    done: asyncio.Future[Outcome]


class Level1:
    """Keeps one process and gives it jobs. `slots` is how many it takes at once, known after `begin`."""

    def __init__(self, command: Sequence[str], before: Mapping[str, str], provider: str) -> None:
        self._command = tuple(command)
        self._before = {name: value for name, value in before.items() if not name.startswith("IMAGEPROOF_")}
        self._provider = provider
        self._process: Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._hello: asyncio.Future[Hello] | None = None
        self._jobs: dict[str, _Job] = {}
        self._late: set[str] = set()
        self._numbers = count(1)
        self._rest = bytearray()
        self._crashes = 0
        self._turn = asyncio.Lock()
        self._notes: list[str] = []
        self._more_notes = 0
        self.slots: int | None = 1

    @property
    def notes(self) -> list[str]:
        """What went wrong in the talk itself, in the order in which it did."""
        more = [f"{self._more_notes} more lines could not be read"] if self._more_notes else []
        return self._notes + more

    async def begin(self) -> None:
        """Start the process and hear its hello. Raises NotStartedError when there is none."""
        async with self._turn:
            await self._start()

    async def do(self, assignment: Assignment) -> Outcome:
        """Let the client do a job; call no more than `slots` at once."""
        began = monotonic()
        prepare(assignment)
        try:
            async with self._turn:
                running = await self._running()
        except process.NotStartedError as error:
            return SILENT, Ending(end=End.UNANSWERED, seconds=_since(began), output=str(error))
        number = str(next(self._numbers))
        job = _Job(assignment, monotonic(), asyncio.get_running_loop().create_future())
        self._jobs[number] = job
        running.limit = max(running.stdout.size, running.stderr.size) + process.FLOOD + LONGEST_LINE
        try:
            await running.write(run_message(assignment, number), seconds=WRITE_S)
            return await asyncio.wait_for(job.done, assignment.seconds)
        except TimeoutError:
            return await self._unanswered(number, job)
        except OSError:  # nobody reads any more: the end of the process says how it came
            return await job.done
        finally:
            self._jobs.pop(number, None)

    async def end(self) -> None:
        """Say goodbye, and end the process with all it started."""
        running, self._process = self._process, None
        if self._watcher is not None:
            self._watcher.cancel()
        if running is None:
            return
        try:
            if not running.is_over:
                await running.write(line(Bye()), seconds=BYE_S)
                running.close_input()
                await running.wait(BYE_S)
        except (OSError, TimeoutError) as error:
            self._note(f"the client did not hear its bye: {error}")
        finally:
            await running.end()

    # the process

    async def _running(self) -> Process:
        """The process, started again after a crash. Raises NotStartedError when there have been too many."""
        if self._process is not None:
            return self._process
        if self._crashes > RESTARTS:
            raise process.NotStartedError(f"the client crashed {self._crashes} times and was not started again")
        return await self._start()

    async def _start(self) -> Process:
        loop = asyncio.get_running_loop()
        self._rest.clear()
        self._hello = loop.create_future()
        started = process.start(self._command, env=self._before, talks=True, on_stdout=self._heard)
        started.limit = process.FLOOD
        self._process = started
        try:
            hello = Hello(protocol=VERSION, name="imageproof", provider=self._provider)
            await started.write(line(hello), seconds=WRITE_S)
            said = await self._first_hello(started)
        except BaseException as error:
            self._process = None
            await started.end()
            if isinstance(error, OSError | TimeoutError):
                raise process.NotStartedError(self._no_hello(started)) from None
            raise
        if said.protocol != VERSION:
            self._process = None
            await started.end()
            raise process.NotStartedError(f"expected a client of protocol {VERSION}, got one of {said.protocol}")
        self.slots = max(1, said.max_parallel)
        self._watcher = asyncio.create_task(self._watch(started))
        return started

    async def _first_hello(self, started: Process) -> Hello:
        """Wait for the hello. Raises TimeoutError when none comes, also because the process is over."""
        assert self._hello is not None  # noqa: S101  (set by the caller)
        over = asyncio.ensure_future(started.wait(HELLO_S))
        try:
            await asyncio.wait((self._hello, over), return_when=asyncio.FIRST_COMPLETED)
        finally:
            over.cancel()
        if not self._hello.done():
            raise TimeoutError
        return self._hello.result()

    def _no_hello(self, started: Process) -> str:
        last = started.stderr.text().strip().rpartition("\n")[2]
        said = f'; it last said "{last[:200]}"' if last else ""
        how = f"it ended with code {started.code}" if started.code is not None else "none came"
        return f'expected a line {{"type": "hello", "protocol": {VERSION}}} from the client, but {how}{said}'

    async def _watch(self, running: Process) -> None:
        """Wait for the end of the process, and end the jobs that it leaves behind."""
        end = await running.wait(1e9)
        if self._process is running:
            self._process = None
            self._crashes += 1
        await running.end()
        self._drop(running, End.FLOODED if end is End.FLOODED else End.CRASHED)

    def _drop(self, running: Process, end: End) -> None:
        for job in self._jobs.values():
            if not job.done.done():
                ending = Ending(end=end, code=running.code, seconds=_since(job.began), output=running.stderr.text())
                job.done.set_result((SILENT, ending))

    async def _unanswered(self, number: str, job: _Job) -> Outcome:
        """Give a job up. A client whose places are all taken by such jobs is started again."""
        self._late.add(number)
        running = self._process
        output = running.stderr.text() if running else ""
        stuck = len(self._late)
        if running is not None and stuck >= (self.slots or 1):
            self._process = None
            if self._watcher is not None:
                self._watcher.cancel()
            self._late.clear()
            await running.end()
            self._jobs.pop(number, None)
            self._drop(running, End.UNANSWERED)
        return SILENT, Ending(end=End.UNANSWERED, seconds=_since(job.began), output=output)

    # what it says

    def _heard(self, data: bytes) -> None:
        self._rest += data
        *lines, rest = self._rest.split(b"\n") if b"\n" in data else [self._rest]
        if len(rest) > LONGEST_LINE:
            self._note("a line of more than 128 MiB was left out")
            rest = bytearray()
        self._rest = bytearray(rest)
        for text in lines:
            if text.strip():
                self._take(bytes(text))

    def _take(self, text: bytes) -> None:
        try:
            said = read_line(text)
        except ProtocolError as error:
            self._note(str(error))
            self._answered(id_in(text), Answer(told=Told.SILENT, message=str(error)))
            return
        if isinstance(said, RunResult):
            self._result(said)
        elif self._hello is not None and not self._hello.done():
            self._hello.set_result(said)
        else:
            self._note("a second hello was left out")

    def _result(self, said: RunResult) -> None:
        job = self._jobs.get(said.id)
        if job is None:
            late = said.id in self._late
            self._late.discard(said.id)
            self._note(f"a result for {said.id[:40]!r} came {'too late' if late else 'for no job that is under way'}")
            return
        try:
            answer = answer_of(said, job.assignment.out)
        except ProtocolError as error:
            self._note(f"{job.assignment.scenario}: {error}")
            answer = Answer(told=Told.SILENT, message=str(error))
        else:
            if said.images is None:
                answer = answer_of_files(answer, job.assignment)
        self._answered(said.id, answer)

    def _answered(self, number: str | None, answer: Answer) -> None:
        job = self._jobs.get(number) if number is not None else None
        if job is None or job.done.done():
            return
        output = self._process.stderr.text() if self._process else ""
        job.done.set_result((answer, Ending(end=End.EXITED, code=0, seconds=_since(job.began), output=output)))

    def _note(self, text: str) -> None:
        if len(self._notes) < MOST_NOTES:
            self._notes.append(text)
        else:
            self._more_notes += 1


def answer_of_files(answer: Answer, assignment: Assignment) -> Answer:
    """The answer of a client that names no images, with those that it left in its folder."""
    return replace(answer, images=files_in(assignment.out))


def _since(began: float) -> float:
    return round(monotonic() - began, 3)
