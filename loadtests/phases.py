"""How long each phase of the jobs took: from the intended start, and beside it as seen by who forgot to be on time.

A generator that is held up sends its next request late. Measured from when it was sent, the time that a user would have
waited vanishes (coordinated omission); `corrected` is measured from when it was due, `naive` from when it was sent.
Jobs of the warm-up are left out. A call that went wrong is no latency, but one that timed out is: it took that long at
the least. Queue, lag and end to end are told of jobs that were done.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Self

import msgspec

from imageproof.loadtests.books import Call, End, Fault, Job, Kind
from imageproof.loadtests.histograms import Histogram, HistogramError, Unit

CALLS = (Kind.SUBMIT, Kind.POLL, Kind.RESULT, Kind.DOWNLOAD, Kind.GENERATE, Kind.EDIT, Kind.STREAM)
NAMES = (
    *(kind.value for kind in CALLS),
    "queue",
    "run",
    "polls",
    "lag",
    "e2e",
    "first_event",
    "partial",
    "late",
)
"""All phases; of `partial` there is one histogram for each number: partial.1, partial.2 ..."""
HAS_NAIVE = frozenset({"submit", "generate", "edit", "stream", "e2e", "first_event", "partial"})
"""Those that begin at a planned time; for the others both ways of measuring are one."""


class Measured(msgspec.Struct, frozen=True):
    """One value of one phase; `naive` is the same where nothing was planned."""

    phase: str
    corrected: float
    naive: float


def is_latency(call: Call) -> bool:
    """Whether the time of a call counts: it was answered well, or not in time."""
    return call.fault is None or call.fault is Fault.TIMEOUT


def measured(job: Job) -> Iterator[Measured]:
    """All that one job has to tell of."""
    for call in job.calls:
        if is_latency(call):
            yield Measured(call.kind.value, call.ended_s - call.intended_s, call.ended_s - call.began_s)
    if not job.calls:
        return
    first, last = job.calls[0], job.calls[-1]
    late = first.began_s - job.intended_s
    yield Measured("late", late, late)
    yield from _events(job.calls)
    if job.end is not End.DONE:
        return
    yield Measured("e2e", last.ended_s - job.intended_s, last.ended_s - first.began_s)
    for name, seconds in (("queue", job.queue_s), ("run", job.run_s), ("lag", job.done_ago_s)):
        if seconds is not None:
            yield Measured(name, seconds, seconds)
    polls = sum(call.kind is Kind.POLL for call in job.calls)
    if polls:
        yield Measured("polls", polls, polls)


def _events(calls: tuple[Call, ...]) -> Iterator[Measured]:
    """When the first event came, and each of the partial images: all but the last event of a stream."""
    for call in calls:
        if call.kind is not Kind.STREAM or not call.events_s:
            continue
        yield Measured("first_event", call.events_s[0] - call.intended_s, call.events_s[0] - call.began_s)
        for number, at_s in enumerate(call.events_s[:-1], start=1):
            yield Measured(f"partial.{number}", at_s - call.intended_s, at_s - call.began_s)


class _Text(msgspec.Struct, frozen=True):
    """Phases between processes and in files."""

    corrected: dict[str, str]
    naive: dict[str, str]
    warm_up: int
    jobs: int


class Phases:
    """Histograms by phase. `jobs` were measured, `warm_up` were left out."""

    def __init__(self, jobs: Iterable[Job] = ()) -> None:
        self.corrected: dict[str, Histogram] = {}
        self.naive: dict[str, Histogram] = {}
        self.jobs = 0
        self.warm_up = 0
        for job in jobs:
            self.add(job)

    def add(self, job: Job) -> None:
        """Measure one job more."""
        if job.warm_up:
            self.warm_up += 1
            return
        self.jobs += 1
        for value in measured(job):
            _of(self.corrected, value.phase).record(value.corrected)
            if value.phase.partition(".")[0] in HAS_NAIVE:
                _of(self.naive, value.phase).record(value.naive)

    def merge(self, other: Phases) -> None:
        """Take in what another process has measured."""
        for mine, theirs in ((self.corrected, other.corrected), (self.naive, other.naive)):
            for phase, histogram in theirs.items():
                _of(mine, phase).merge(histogram)
        self.jobs += other.jobs
        self.warm_up += other.warm_up

    def names(self) -> list[str]:
        """The phases that have values, in the order of a job's life."""
        order = {name: at for at, name in enumerate(NAMES)}
        return sorted(self.corrected, key=lambda name: (order[name.partition(".")[0]], len(name), name))

    def text(self) -> str:
        """All of it as one line of text, for another process or a file."""
        kept = _Text(
            {name: histogram.text() for name, histogram in self.corrected.items()},
            {name: histogram.text() for name, histogram in self.naive.items()},
            self.warm_up,
            self.jobs,
        )
        return msgspec.json.encode(kept).decode()

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The phases that a text holds. Raises HistogramError."""
        try:
            kept = msgspec.json.decode(text, type=_Text)
        except msgspec.DecodeError as error:
            raise HistogramError(f"expected the text of a run's phases, got {text[:40]!r}") from error
        made = cls()
        made.corrected = {name: Histogram.from_text(item) for name, item in kept.corrected.items()}
        made.naive = {name: Histogram.from_text(item) for name, item in kept.naive.items()}
        made.warm_up, made.jobs = kept.warm_up, kept.jobs
        return made


def unit_of(phase: str) -> Unit:
    """What a phase is counted in."""
    return Unit.COUNT if phase == "polls" else Unit.SECONDS


def _of(histograms: dict[str, Histogram], phase: str) -> Histogram:
    """The histogram of a phase, a new one the first time."""
    if phase not in histograms:
        histograms[phase] = Histogram(unit_of(phase))
    return histograms[phase]
