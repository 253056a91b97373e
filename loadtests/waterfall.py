"""A waterfall that adds up: the parts of what a client waited for a job, and by how much their sum misses the whole.

A polled job: submit (from the intended start to its answer), queue and run (the upstream's own), lag (from done to the
answer of the poll that saw it), result, download. A held job: held (the upstream's own), overhead, download.

The parts come from two clocks, so the sum can't be exact. It may be too large by the way back of the submit's answer,
during which the task already waits, and too small by the way back of the poll that saw it and by the client's own
pauses. `bound` is how large each can be: all of a call's time that the upstream did not hold it. An error beyond its
bound is no rounding: somebody tells wrong times.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from imageproof.loadtests.books import Call, End, Job, Kind

POLLED = ("submit", "queue", "run", "lag", "result", "download")
HELD = ("late", "held", "overhead", "download")
HELD_KINDS = (Kind.GENERATE, Kind.EDIT, Kind.STREAM)
ROUNDING_S = 2e-5  # the upstream's headers tell thousandths of a millisecond, a few of them are added


@dataclass(frozen=True, slots=True)
class Fall:
    """The parts of one job by name, in seconds, and the whole that they should add up to.

    The error, `sum - whole`, is from `-short_s` to `long_s` for reasons that are known.
    """

    parts: dict[str, float]
    whole_s: float
    short_s: float
    long_s: float

    @property
    def error_s(self) -> float:
        """The sum of the parts, less the whole."""
        return sum(self.parts.values()) - self.whole_s

    @property
    def is_explained(self) -> bool:
        """Whether the error is no larger than the ways between the two clocks allow."""
        return -self.short_s - ROUNDING_S <= self.error_s <= self.long_s + ROUNDING_S


def fall_of(job: Job) -> Fall | None:
    """The waterfall of a job that was done; None for others, and where the upstream told no times."""
    if job.end is not End.DONE or not job.calls:
        return None
    if any(call.kind in HELD_KINDS for call in job.calls):
        return _held(job)
    return _polled(job)


def _polled(job: Job) -> Fall | None:
    submits, polls = _calls(job, Kind.SUBMIT), _calls(job, Kind.POLL)
    if not submits or not polls or job.queue_s is None or job.run_s is None or job.done_ago_s is None:
        return None
    submit, seen = submits[-1], polls[-1]
    results, downloads = _calls(job, Kind.RESULT), _calls(job, Kind.DOWNLOAD)
    pauses = _pauses([seen, *results, *downloads])
    return Fall(
        parts={
            "submit": submit.ended_s - job.intended_s,
            "queue": job.queue_s,
            "run": job.run_s,
            "lag": job.done_ago_s,
            "result": _span(results),
            "download": _span(downloads),
        },
        whole_s=job.calls[-1].ended_s - job.intended_s,
        short_s=_unheld(seen) + pauses,
        long_s=_time(submit),  # a gateway may keep back the answer as long as it likes
    )


def _held(job: Job) -> Fall | None:
    held = [call for call in job.calls if call.kind in HELD_KINDS]
    last = held[-1]
    if last.held_s is None:
        return None
    downloads = _calls(job, Kind.DOWNLOAD)
    return Fall(
        parts={
            "late": last.began_s - job.intended_s,
            "held": last.held_s,
            "overhead": _time(last) - last.held_s,
            "download": _span(downloads),
        },
        whole_s=job.calls[-1].ended_s - job.intended_s,
        short_s=_pauses([last, *downloads]),
        long_s=0.0,
    )


def _calls(job: Job, kind: Kind) -> list[Call]:
    return [call for call in job.calls if call.kind is kind]


def _time(call: Call) -> float:
    return call.ended_s - call.began_s


def _unheld(call: Call) -> float:
    return max(0.0, _time(call) - (call.held_s or 0.0))


def _span(calls: Sequence[Call]) -> float:
    """From the beginning of the first to the end of the last; zero for none."""
    return max(call.ended_s for call in calls) - calls[0].began_s if calls else 0.0


def _pauses(calls: Sequence[Call]) -> float:
    """What passes between the end of one kind of call and the beginning of the next."""
    return sum(
        max(0.0, after.began_s - before.ended_s) for before, after in pairwise(calls) if before.kind is not after.kind
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """The waterfalls of many jobs of one sort: mean parts, which add up as the jobs do, and the error.

    `worst_s` keeps its sign. `explained` counts the jobs whose error is within its bound. `untold` were done, but the
    upstream told no times of theirs.
    """

    parts: dict[str, float]
    medians: dict[str, float]
    whole_s: float
    error_s: float
    worst_s: float
    jobs: int
    explained: int
    untold: int

    @property
    def says(self) -> str:
        """One sentence on how well it adds up."""
        if not self.jobs:
            return "no job was done of which the upstream told its times"
        beyond = self.jobs - self.explained
        told = f"the parts of {self.jobs:,} jobs add up to what the client waited within {abs(self.error_s) * 1000:.2f}"
        told += f" ms (median; {abs(self.worst_s) * 1000:.2f} ms at the worst)"
        return told if not beyond else f"{told}; {beyond:,} miss it by more than the ways between two clocks explain"


def waterfalls(jobs: Iterable[Job]) -> dict[str, Waterfall]:
    """The waterfalls of all jobs that were done after the warm-up: `polled` and `held`, where there are such."""
    falls: dict[str, list[Fall]] = {}
    untold = {"polled": 0, "held": 0}
    for job in jobs:
        if job.warm_up or job.end is not End.DONE or not job.calls:
            continue
        sort = "held" if any(call.kind in HELD_KINDS for call in job.calls) else "polled"
        falls.setdefault(sort, [])
        fall = fall_of(job)
        if fall is None:
            untold[sort] += 1
        else:
            falls[sort].append(fall)
    return {sort: _whole(found, untold[sort]) for sort, found in falls.items()}


def _whole(falls: Sequence[Fall], untold: int) -> Waterfall:
    if not falls:
        return Waterfall(
            parts={}, medians={}, whole_s=0.0, error_s=0.0, worst_s=0.0, jobs=0, explained=0, untold=untold
        )
    names = list(falls[0].parts)
    errors = [fall.error_s for fall in falls]
    return Waterfall(
        parts={name: fmean(fall.parts[name] for fall in falls) for name in names},
        medians={name: median(fall.parts[name] for fall in falls) for name in names},
        whole_s=fmean(fall.whole_s for fall in falls),
        error_s=median(abs(error) for error in errors),
        worst_s=max(errors, key=abs),
        jobs=len(falls),
        explained=sum(fall.is_explained for fall in falls),
        untold=untold,
    )
