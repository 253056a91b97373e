"""Jobs made up for tests: a polled job and a held one, whose times are given."""

from __future__ import annotations

from typing import Any, TypeVar

from imageproof.loadtests.books import Call, End, Job, Kind
from imageproof.loadtests.truth import Upstream

Made = TypeVar("Made")
WAY_S = 0.001  # each way between client and upstream


def made_of(kind: type[Made], fields: dict[str, Any]) -> Made:
    """A value of this kind from its fields by name."""
    return kind(**fields)


def call(kind: Kind, began: float, seconds: float, **more: object) -> Call:
    return made_of(
        Call, {"kind": kind, "intended_s": began, "began_s": began, "ended_s": began + seconds, "status": 200, **more}
    )


def polled(
    mark: int,
    at: float,
    *,
    queue: float = 1.0,
    run: float = 4.0,
    every: float = 2.0,
    added: float = 0.0,
    **more: object,
) -> Job:
    """A job that was submitted, polled at an even interval until done, and downloaded; `added` is a gateway's time."""
    began = at
    took = 2 * WAY_S + added
    submit = call(Kind.SUBMIT, began, took, intended_s=at, held_s=0.0)
    done = began + WAY_S + added / 2 + queue + run
    calls, now = [submit], submit.ended_s
    while True:
        now += every
        poll = call(Kind.POLL, now, took, held_s=0.0)
        calls.append(poll)
        if now + WAY_S + added / 2 >= done:
            break
    ago = poll.began_s + WAY_S + added / 2 - done
    calls.append(call(Kind.DOWNLOAD, poll.ended_s, 0.05))
    return made_of(
        Job,
        {
            "mark": mark,
            "model": "m",
            "worker": 0,
            "end": End.DONE,
            "intended_s": at,
            "calls": tuple(calls),
            "task": f"task-{mark}",
            "queue_s": queue,
            "run_s": run,
            "done_ago_s": ago,
            "images": 1,
            "micro_usd": 40_000,
            **more,
        },
    )


def held(mark: int, at: float, *, seconds: float = 10.0, added: float = 0.0, late: float = 0.0, **more: object) -> Job:
    """A job of one call that was held; nothing but `added` is beyond what the upstream says."""
    made = call(Kind.GENERATE, at + late, seconds + added, intended_s=at, held_s=seconds)
    return made_of(
        Job,
        {
            "mark": mark,
            "model": "m",
            "worker": 0,
            "end": End.DONE,
            "intended_s": at,
            "calls": (made,),
            "queue_s": 0.0,
            "run_s": seconds,
            "images": 1,
            "micro_usd": 40_000,
            **more,
        },
    )


def row(job: Job, **more: object) -> Upstream:
    """The upstream's side of a job."""
    return made_of(
        Upstream,
        {
            "mark": job.mark,
            "task": f"up-{job.mark}",
            "micro_usd": job.micro_usd,
            "queue_s": job.queue_s or 0.0,
            "run_s": job.run_s or 0.0,
            "images": 1,
            **more,
        },
    )
