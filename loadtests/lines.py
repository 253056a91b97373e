"""What a process that makes load says while it runs: one line of JSON each, on its standard output."""

from __future__ import annotations

import msgspec

from imageproof.loadtests.books import Job


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """It has read its options and is about to begin. `jobs` is how many it expects to make, None where nobody knows."""

    worker: int


class Made(msgspec.Struct, frozen=True, kw_only=True, tag="made"):
    """A job is over."""

    job: Job


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag="beat"):
    """How the process itself is doing, each second: the self-check of the generator.

    `lag_s` is by how much its loop was late at the worst, `cpu` the share of a core that it took, `late_s` by how much
    the start of a job was late at the worst, `open` the jobs in flight, `began` the jobs begun so far.
    """

    worker: int
    at_s: float
    lag_s: float
    cpu: float
    late_s: float
    open: int
    began: int


class Over(msgspec.Struct, frozen=True, kw_only=True, tag="over"):
    """It has ended; `why` is empty for an end as planned."""

    worker: int
    began: int
    why: str = ""


Line = Ready | Made | Beat | Over
