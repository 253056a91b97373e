"""Nothing may vanish and nothing be paid twice: the client's jobs joined with the upstream's by their marks.

Each job must end exactly once in both books. One job can break several of these: a task that the gateway forgets after
the upstream has made it is lost to the client, and orphaned, as it is paid and never fetched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from imageproof.loadtests.books import End, Fault, Job
from imageproof.loadtests.truth import Upstream

GOOD = range(200, 300)


class Breach(StrEnum):
    """What can go wrong with a job; the value is the slug of its rule."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    ORPHANED = "orphaned"
    SWAPPED = "swapped"
    INVENTED = "invented"
    SHORT = "short"

    @property
    def means(self) -> str:
        """What is so for a job of this kind, as the end of a sentence."""
        return MEANS[self]

    @property
    def needs_upstream(self) -> bool:
        """Whether nobody can tell without the upstream's books."""
        return self not in (Breach.LOST, Breach.SWAPPED)


MEANS: Mapping[Breach, str] = {
    Breach.LOST: "accepted, and never came to an end",
    Breach.DUPLICATED: "made and billed more than once",
    Breach.ORPHANED: "paid, and never fetched",
    Breach.SWAPPED: "answered with the image of another job",
    Breach.INVENTED: "answered with an image that the upstream never made",
    Breach.SHORT: "answered with fewer images than the upstream made",
}


@dataclass(frozen=True, slots=True)
class _Pair:
    """All that both sides know of one mark."""

    jobs: tuple[Job, ...]
    rows: tuple[Upstream, ...]
    has_books: bool
    was_cut: bool

    @property
    def is_done(self) -> bool:
        return any(job.end is End.DONE for job in self.jobs)

    @property
    def owed(self) -> int:
        """How many orders of it were made and are to be paid."""
        return sum(row.accepted for row in self.rows if row.is_owed)


def _is_lost(pair: _Pair) -> bool:
    """Accepted by the gateway (2xx), and no end: but an open job that the upstream still works at is none."""
    return any(_has_no_end(job, pair) for job in pair.jobs)


def _has_no_end(job: Job, pair: _Pair) -> bool:
    if job.end is End.LOST:
        return job.task is not None or any(call.status in GOOD and call.fault is not None for call in job.calls)
    if job.end is not End.OPEN or job.task is None:
        return False
    if pair.was_cut:
        return pair.has_books and not pair.rows
    return not any(row.succeeded is None for row in pair.rows)


def _is_swapped(pair: _Pair) -> bool:
    return any(job.swapped for job in pair.jobs)


def _is_duplicated(pair: _Pair) -> bool:
    return pair.owed > 1


def _is_orphaned(pair: _Pair) -> bool:
    is_waiting = pair.was_cut and any(job.end is End.OPEN for job in pair.jobs)
    return pair.owed > 0 and not pair.is_done and not is_waiting


def _is_invented(pair: _Pair) -> bool:
    return pair.is_done and not any(row.succeeded is not False for row in pair.rows)


def _is_short(pair: _Pair) -> bool:
    made = max((row.images for row in pair.rows if row.is_owed), default=0)
    return pair.is_done and max((job.images for job in pair.jobs), default=0) < made


CHECKS: Mapping[Breach, Callable[[_Pair], bool]] = {
    Breach.LOST: _is_lost,
    Breach.DUPLICATED: _is_duplicated,
    Breach.ORPHANED: _is_orphaned,
    Breach.SWAPPED: _is_swapped,
    Breach.INVENTED: _is_invented,
    Breach.SHORT: _is_short,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conservation:
    """What the books say together. `breaches` holds the marks of each kind; `jobs` were looked at.

    `upstream` counts the orders in the upstream's books, None where there are none to join. `ends` counts how the jobs
    ended at the client, `faults` whose the errors of calls were, among `calls`. `refused_billed` were refused to the
    client and paid all the same: they are among the orphaned. `expected_micro_usd` is the price of what was done,
    `paid_micro_usd` what the upstream took.
    """

    breaches: Mapping[Breach, tuple[int, ...]]
    jobs: int
    upstream: int | None
    ends: Mapping[End, int]
    faults: Mapping[Fault, int]
    calls: int
    refused_billed: int
    expected_micro_usd: int
    paid_micro_usd: int

    def count(self, breach: Breach) -> int | None:
        """How many jobs break it; None where that can't be told without the upstream's books."""
        if self.upstream is None and breach.needs_upstream:
            return None
        return len(self.breaches[breach])

    @property
    def is_kept(self) -> bool:
        """Whether nothing was lost, duplicated, orphaned, swapped, invented or cut short, as far as one can tell."""
        return not any(self.breaches.values())

    @property
    def errors(self) -> int:
        """How many calls went wrong."""
        return sum(self.faults.values())

    @property
    def says(self) -> str:
        """One sentence."""
        known = {breach: self.count(breach) for breach in Breach}
        if not self.is_kept:
            told = ", ".join(f"{count:,} {breach}" for breach, count in known.items() if count)
            return f"of {self.jobs:,} jobs, {told}"
        if self.upstream is None:
            return f"none of {self.jobs:,} jobs was lost or swapped; without the upstream's books nobody knows the rest"
        return f"all {self.jobs:,} jobs ended exactly once in both books"


def conserved(jobs: Sequence[Job], upstream: Iterable[Upstream] | None, *, was_cut: bool = False) -> Conservation:
    """Join both books. All jobs count, those of the warm-up too.

    `upstream` is None where nobody can look into it. `was_cut` says that the run was ended before its jobs were: an
    open one is then nobody's fault.
    """
    rows = None if upstream is None else list(upstream)
    pairs = _joined(jobs, rows, was_cut=was_cut)
    breaches = {
        breach: tuple(mark for mark, pair in pairs.items() if check(pair))
        for breach, check in CHECKS.items()
        if rows is not None or not breach.needs_upstream
    }
    refused = {job.mark for job in jobs if job.end is End.REFUSED}
    calls = [call for job in jobs for call in job.calls]
    return Conservation(
        breaches={breach: breaches.get(breach, ()) for breach in Breach},
        jobs=len(jobs),
        upstream=None if rows is None else len(rows),
        ends=Counter(job.end for job in jobs),
        faults=Counter(call.fault for call in calls if call.fault is not None),
        calls=len(calls),
        refused_billed=sum(mark in refused for mark in breaches.get(Breach.ORPHANED, ())),
        expected_micro_usd=sum(job.micro_usd for job in jobs if job.end is End.DONE),
        paid_micro_usd=sum(row.micro_usd for row in rows or [] if row.is_owed),
    )


def _joined(jobs: Iterable[Job], rows: list[Upstream] | None, *, was_cut: bool) -> dict[int, _Pair]:
    """Both sides by mark, in order."""
    mine: dict[int, list[Job]] = {}
    theirs: dict[int, list[Upstream]] = {}
    for job in jobs:
        mine.setdefault(job.mark, []).append(job)
    for row in rows or []:
        theirs.setdefault(row.mark, []).append(row)
    return {
        mark: _Pair(tuple(mine.get(mark, ())), tuple(theirs.get(mark, ())), rows is not None, was_cut)
        for mark in sorted({*mine, *theirs})
    }
