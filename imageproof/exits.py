"""How the command ends: the exit codes, which scripts and CI gates rely on."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """A code keeps its meaning for ever; a new meaning gets a new code."""

    CONFORMS = 0
    DOES_NOT_CONFORM = 1
    USAGE = 2
    UNREACHABLE = 3
    NOTHING_JUDGED = 4
    BUDGET_ENDED = 5

    @property
    def meaning(self) -> str:
        """What the code says, for the docs."""
        return MEANINGS[self]


MEANINGS: dict[ExitCode, str] = {
    ExitCode.CONFORMS: "done; for a judgement: it conforms",
    ExitCode.DOES_NOT_CONFORM: "it does not conform",
    ExitCode.USAGE: "a mistake in the command, in an option or in a spec",
    ExitCode.UNREACHABLE: "the target could not be reached, or imageproof itself failed",
    ExitCode.NOTHING_JUDGED: "nothing was judged, which is no pass",
    ExitCode.BUDGET_ENDED: "the budget ended before everything was judged",
}
