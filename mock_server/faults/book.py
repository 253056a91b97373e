"""The faults of one account: which of them strikes which request.

Laws: whether one strikes is a pure function of the fault, the request, the account's time, how many requests it was
meant for before, and a draw by the seed; so a run repeats. What is meant for one job counts on its own.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from imageproof.mock_server.fate import fate_of
from imageproof.mock_server.faults.words import written
from imageproof.specs.fault_answers import (
    ContentLength,
    ContentType,
    Drip,
    ErrorAnswer,
    FieldChange,
    Garbled,
    Gzip,
    HalfClosed,
    Lost,
    OtherState,
    Refused,
    Reset,
    Silent,
    Skew,
    Slow,
    Stall,
    StatusAnswer,
)
from imageproof.specs.fault_tasks import (
    BrokenResult,
    BrokenStream,
    BrokenWebhook,
    ErrorInSuccess,
    Fails,
    FewerImages,
    Flips,
    GoesBack,
    Hidden,
    LateDetail,
    NoResult,
    ShortLived,
    Stuck,
    Unreadable,
    Vanishes,
)
from imageproof.specs.faults import ALWAYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from imageproof.specs.fault_base import What
    from imageproof.specs.faults import Fault

MOST_JOBS = 10_000
ORDERS = frozenset({"submit", "generate", "edit"})


class Stage(Enum):
    """When in the life of a request a fault is asked for."""

    ARRIVING = "while the request arrives"
    BEFORE = "in place of the work"
    JOB = "at the taking of a job"
    SHOWN = "while the answer is made"
    RESULT = "in place of an image that is fetched"
    STREAM = "while a stream is sent"
    AFTER = "on the answer, once the work is done"
    DOOR = "before there is a connection"


STAGES: dict[type[What], Stage] = {
    **dict.fromkeys((ErrorAnswer, StatusAnswer, ErrorInSuccess, Silent, HalfClosed), Stage.BEFORE),
    **dict.fromkeys((Stuck, Fails, Vanishes, NoResult, FewerImages, Flips, GoesBack, Hidden), Stage.JOB),
    **dict.fromkeys((Unreadable, ShortLived, LateDetail, BrokenWebhook), Stage.JOB),
    **dict.fromkeys((OtherState, Skew), Stage.SHOWN),
    **dict.fromkeys((Lost, Garbled, ContentType, ContentLength, Gzip, FieldChange, Slow, Drip, Stall), Stage.AFTER),
    BrokenResult: Stage.RESULT,
    BrokenStream: Stage.STREAM,
    Refused: Stage.DOOR,
}
"""The stage of each kind; `stage_of` knows those that depend on more."""
RESETS = {"request": Stage.ARRIVING, "before": Stage.BEFORE, "during": Stage.AFTER, "after": Stage.AFTER}


def stage_of(what: What) -> Stage:
    """When a fault is asked for."""
    return RESETS[what.how] if isinstance(what, Reset) else STAGES[type(what)]


class Asked(NamedTuple):
    """What is known of a request: where it goes, when, about which model, and the jobs that it belongs to."""

    place: str
    now: float
    model: str | None = None
    jobs: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Active:
    """One fault at work: how many requests it was meant for so far, and how many it has struck."""

    fault: Fault
    text: str
    salt: bytes
    met: int = 0
    struck: int = 0

    @property
    def what(self) -> What:
        """What goes wrong."""
        return self.fault.what


def is_at(fault: Fault, place: str) -> bool:
    """Whether a fault is meant for a place. What is meant for the submit is meant for every way to order images.

    Faults of a whole job are asked for when it is ordered, so a place where it only shows later is no hindrance.
    """
    if fault.on in ("any", place) or (fault.on == "submit" and place in ORDERS):
        return True
    return stage_of(fault.what) is Stage.JOB and fault.on not in ORDERS


def is_meant(fault: Fault, asked: Asked, *, key: str, elapsed_s: float) -> bool:
    """Whether a fault is meant for this request: its place, its window, its model and its key."""
    if not is_at(fault, asked.place) or elapsed_s < fault.from_s:
        return False
    if fault.until_s is not None and elapsed_s >= fault.until_s:
        return False
    if fault.key is not None and not fnmatchcase(key, fault.key):
        return False
    return fault.model is None or (asked.model is not None and fnmatchcase(asked.model, fault.model))


def strikes(fault: Fault, *, met: int, struck: int, draw: float) -> bool:
    """Whether a fault strikes the request that is the `met`-th it is meant for, having struck so many before."""
    if met <= fault.after or (fault.times != ALWAYS and struck >= fault.times):
        return False
    return fault.share >= 1 or draw < fault.share


class JobFaults:
    """What goes wrong with one job that was struck when it was taken, and how far its telling has come."""

    __slots__ = ("_whats", "ends_shown", "runs_shown", "texts")

    def __init__(self, struck: Iterable[Active]) -> None:
        self._whats: dict[type[What], What] = {}
        self.texts: dict[type[What], str] = {}
        for active in struck:
            self._whats.setdefault(type(active.what), active.what)
            self.texts.setdefault(type(active.what), active.text)
        self.runs_shown = 0
        self.ends_shown = 0

    def has(self, kind: type[What]) -> bool:
        """Whether a fault of this kind struck the job."""
        return kind in self._whats

    def get(self, kind: type[What]) -> What | None:
        """The fault of this kind that struck the job."""
        return self._whats.get(kind)


class FaultBook:
    """The faults of one account with their counters. `first` is the account's time of its first request."""

    __slots__ = ("_by_job", "_key", "_key_bytes", "_seed", "_wide", "first", "job_of", "jobs", "lost", "reads_models")

    def __init__(self, *, seed: bytes, key: str, first: float | None = None) -> None:
        self._seed = seed
        self._key = key
        self._key_bytes = key.encode()
        self._wide: list[Active] = []
        self._by_job: OrderedDict[bytes, list[Active]] = OrderedDict()
        self.first = first
        self.reads_models = False
        self.jobs: dict[str, JobFaults] = {}
        self.job_of: dict[str, bytes] = {}
        self.lost: set[str] = set()

    def add(self, fault: Fault) -> None:
        """Let a fault strike whatever it is meant for."""
        self._wide.append(Active(fault, written(fault), b"%d" % len(self._wide)))
        self.reads_models = self.reads_models or fault.model is not None

    def replace(self, faults: Iterable[Fault]) -> None:
        """Let these faults strike, and none that were set for the whole account before."""
        self._wide.clear()
        for fault in faults:
            self.add(fault)

    def add_to_job(self, job: bytes, fault: Fault) -> None:
        """Let a fault strike one job only; the same one again goes on counting. The last ten thousand jobs are kept."""
        text = written(fault)
        mine = self._by_job.setdefault(job, [])
        if all(active.text != text for active in mine):
            mine.append(Active(fault, text, job + b"%d" % len(mine)))
            self.reads_models = self.reads_models or fault.model is not None
        if len(self._by_job) > MOST_JOBS:
            self._by_job.popitem(last=False)

    def faults(self) -> list[Fault]:
        """The faults that were set for the whole account."""
        return [active.fault for active in self._wide]

    def struck(self) -> list[tuple[str, int, int]]:
        """Each fault of the whole account as text, how many requests it was meant for, and how many it struck."""
        return [(active.text, active.met, active.struck) for active in self._wide]

    def elapsed_s(self, now: float) -> float:
        """How many of the account's seconds have passed since its first request."""
        if self.first is None:
            self.first = now
        return now - self.first

    def strike(
        self,
        stage: Stage,
        asked: Asked,
        *,
        of_jobs: bool | None = None,
        only_one: bool = False,
        fits: Callable[[What], bool] | None = None,
    ) -> list[Active]:
        """Those that strike a request at a stage; each is counted.

        `of_jobs` restricts them to those of a job (or to the others), `only_one` lets the first one keep the rest from
        striking, `fits` says which ones can show here at all: the others are neither counted nor struck.
        """
        elapsed_s = self.elapsed_s(asked.now)
        out: list[Active] = []
        for active in self._those(asked, of_jobs):
            fault = active.fault
            if stage_of(fault.what) is not stage or not is_meant(fault, asked, key=self._key, elapsed_s=elapsed_s):
                continue
            if fits is not None and not fits(fault.what):
                continue
            active.met += 1
            draw = 0.0
            if fault.share < 1:
                draw = fate_of(self._seed, self._key_bytes, b"fault " + active.salt, active.met).share(0)
            if (out and only_one) or not strikes(fault, met=active.met, struck=active.struck, draw=draw):
                continue
            active.struck += 1
            out.append(active)
        return out

    def _those(self, asked: Asked, of_jobs: bool | None) -> Iterator[Active]:  # noqa: FBT001  (passed on)
        if of_jobs is not True:
            yield from self._wide
        if of_jobs is not False:
            for job in asked.jobs:
                yield from self._by_job.get(job, ())

    def has(self, stage: Stage) -> bool:
        """Whether any fault of the whole account is asked for at a stage."""
        return any(stage_of(active.what) is stage for active in self._wide)
