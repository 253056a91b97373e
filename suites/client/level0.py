"""Level 0: any program, unchanged. One process for each scenario; what it is told stands in its environment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from imageproof.suites.client import process
from imageproof.suites.client.protocol import (
    Assignment,
    ProtocolError,
    environment,
    files_in,
    filled,
    read_result,
)
from imageproof.suites.client.watch import Answer, End, Ending, Told

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DONE, FAILED, UNSUPPORTED = 0, 2, 64  # exit codes of a client
MOST_RESULT = 128 << 20  # bytes of a result file, which may hold images in base64
BY_CODE = {DONE: Told.DONE, FAILED: Told.FAILED, UNSUPPORTED: Told.UNSUPPORTED}


class Level0:
    """Starts a command anew for each scenario. `slots` None: as many at once as one likes."""

    slots: int | None = None

    def __init__(self, command: Sequence[str], before: Mapping[str, str]) -> None:
        self._command = tuple(command)
        self._before = dict(before)
        self.notes: list[str] = []

    async def begin(self) -> None:
        """Nothing is to be done before the first scenario."""

    async def do(self, assignment: Assignment) -> tuple[Answer, Ending]:
        """Let the client do a job. A command that can't be started is an ending too."""
        prepare(assignment)
        try:
            finished = await process.run(
                filled(self._command, assignment),
                env=environment(assignment, self._before),
                seconds=assignment.seconds,
            )
        except process.NotStartedError as error:
            return Answer(told=Told.SILENT), Ending(end=End.NOT_STARTED, output=str(error))
        ending = finished.ending
        if ending.end is End.EXITED and ending.code not in BY_CODE:
            ending = replace(ending, end=End.CRASHED)
        return self._answer(assignment, ending), replace(ending, output=ending.output or finished.stdout)

    async def end(self) -> None:
        """Nothing is left to end."""

    def _answer(self, assignment: Assignment, ending: Ending) -> Answer:
        """What the result file says; without one, what the exit code and the files say."""
        by_code = _told(ending)
        try:
            written = _read(assignment)
            said = None if written is None else read_result(written, assignment.out)
        except ProtocolError as error:
            self.notes.append(f"{assignment.scenario}: the result file can't be read: {error}")
            return Answer(told=by_code, images=files_in(assignment.out), message=str(error))
        if said is None:
            return Answer(told=by_code, images=files_in(assignment.out))
        if by_code is Told.UNSUPPORTED:
            return replace(said, told=by_code)
        return said if said.images is not None else replace(said, images=files_in(assignment.out))


def prepare(assignment: Assignment) -> None:
    """Write down the job, and make the folder for images."""
    assignment.out.mkdir(parents=True, exist_ok=True)
    assignment.job_path.write_bytes(msgspec.json.format(msgspec.json.encode(assignment.job)) + b"\n")


def _told(ending: Ending) -> Told:
    """What an exit code says."""
    if ending.end is not End.EXITED or ending.code is None:
        return Told.SILENT
    return BY_CODE.get(ending.code, Told.SILENT)


def _read(assignment: Assignment) -> bytes | None:
    """The result file, None where the client wrote none. Raises ProtocolError for one that is too long."""
    path = assignment.result_path
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            data = file.read(MOST_RESULT + 1)
    except OSError as error:
        raise ProtocolError(f"expected a result that can be read: {error.strerror or error}") from None
    if len(data) > MOST_RESULT:
        raise ProtocolError("expected a result of at most 128 MiB")
    return data if data.strip() else None
