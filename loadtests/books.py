"""The client's books of a load run: every job, every call, in plain values that travel between processes.

All times are seconds on the generator's monotonic clock since the start of the run; what the upstream tells of itself
(queue, run, how long ago a task was done) are seconds of its own, real ones. Nothing here measures or sends anything.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What a call was for."""

    SUBMIT = "submit"
    POLL = "poll"
    RESULT = "result"
    DOWNLOAD = "download"
    GENERATE = "generate"
    EDIT = "edit"
    STREAM = "stream"


class Fault(StrEnum):
    """Who is to blame for a call that went wrong."""

    TRANSPORT = "transport"
    GATEWAY = "gateway"
    UPSTREAM = "upstream"
    CONTRACT = "contract"
    TIMEOUT = "timeout"
    CLIENT = "client"


class End(StrEnum):
    """How a job ended in the client's books."""

    DONE = "done"
    FAILED = "failed"
    REFUSED = "refused"
    LOST = "lost"
    OPEN = "open"


class Call(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request and its answer. `held_s` is how long the upstream says that it held it, None where it says nothing.

    `intended_s` is when it should have begun: for the first call of a job the planned arrival, for others `began_s`.
    `events_s` are the arrivals of server-sent events.
    """

    kind: Kind
    intended_s: float
    began_s: float
    ended_s: float
    first_byte_s: float | None = None
    status: int | None = None
    fault: Fault | None = None
    says: str = ""
    sent: int = 0
    received: int = 0
    held_s: float | None = None
    events_s: tuple[float, ...] = ()


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One job, from its planned arrival to what the caller got.

    `mark` is the number in its prompt by which both sides' books are joined. `queue_s` and `run_s` are the upstream's
    own; `done_ago_s` is how long the task had been done when the poll that saw it was answered. `swapped` says that an
    image was another job's. `micro_usd` is what it should cost. `direct` jobs went to the upstream past the target:
    they tell what the own path takes, and are no jobs of the run.
    """

    mark: int
    model: str
    worker: int
    end: End
    intended_s: float
    calls: tuple[Call, ...]
    task: str | None = None
    queue_s: float | None = None
    run_s: float | None = None
    done_ago_s: float | None = None
    images: int = 0
    swapped: int = 0
    micro_usd: int = 0
    warm_up: bool = False
    direct: bool = False
