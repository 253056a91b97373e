"""A load run while it goes on: what there is so far, and whether it must end. Pure: lines and times in, facts out."""

from __future__ import annotations

from collections import Counter, deque
from typing import TYPE_CHECKING

from imageproof.loadtests.books import End
from imageproof.loadtests.lines import Beat, Made, Over

if TYPE_CHECKING:
    from imageproof.loadtests.books import Job
    from imageproof.loadtests.lines import Line

WINDOW_S = 10.0
FEWEST = 20  # jobs in the window, before a share of them means anything
DENIED = (401, 403)


class Live:
    """What the processes have said so far. `melt` is the share of failed jobs at which the target counts as molten.

    `is_disturbed` says that the upstream was asked to fail.
    """

    def __init__(self, melt: float) -> None:
        self._melt = melt
        self._recent: deque[tuple[float, bool]] = deque()
        self._statuses: Counter[int | None] = Counter()
        self._beats: dict[int, Beat] = {}
        self.jobs: list[Job] = []
        self.direct: list[Job] = []
        self.beats: list[Beat] = []
        self.failed = self.requests = self.micro_usd = 0
        self.why = ""
        self.is_disturbed = False
        self.upstream_cpu: float | None = None

    def saw(self, line: Line, now_s: float) -> None:
        """Take a line; `now_s` is any clock that does not go back."""
        match line:
            case Made(job=job) if job.direct:
                self.direct.append(job)
            case Made(job=job):
                self.jobs.append(job)
                is_bad = job.end is not End.DONE
                self.failed += is_bad
                self.requests += len(job.calls)
                self.micro_usd += job.micro_usd * (job.end is not End.REFUSED)
                self._recent.append((now_s, is_bad))
                self._statuses[job.calls[0].status if job.calls else None] += 1
            case Beat():
                self.beats.append(line)
                self._beats[line.worker] = line
            case Over(why=why) if why:
                self.why = why
            case _:
                pass

    @property
    def open(self) -> int:
        """Jobs in flight, as last heard."""
        return sum(beat.open for beat in self._beats.values())

    def is_molten(self, now_s: float) -> bool:
        """Whether so many of the jobs that ended in the last ten seconds failed that it is no use to go on."""
        while self._recent and self._recent[0][0] < now_s - WINDOW_S:
            self._recent.popleft()
        bad = sum(is_bad for _, is_bad in self._recent)
        return len(self._recent) >= FEWEST and bad >= self._melt * len(self._recent)

    @property
    def is_denied(self) -> bool:
        """Whether the target has taken the key of no job."""
        total = sum(self._statuses.values())
        return total > 0 and total == sum(self._statuses[status] for status in DENIED)

    @property
    def is_dead(self) -> bool:
        """Whether no job had any answer."""
        return bool(self.jobs) and set(self._statuses) == {None}

    def trouble(self) -> str:
        """What the first call that went wrong says."""
        return next((call.says for job in self.jobs for call in job.calls if call.fault is not None), "")
