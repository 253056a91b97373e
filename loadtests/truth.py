"""The upstream's books of a load run: what it was asked for, what it made, and what it took for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec

MICRO = 1_000_000
Tree = Mapping[str, object]


class Upstream(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One order as the upstream took it, joined with the client's job by `mark`.

    `accepted` counts how often it took this very order; `micro_usd` is what is left to pay after refunds, for all of
    them. Times are real seconds. `succeeded` is None for one that had not ended when the books were closed.
    """

    mark: int
    task: str
    accepted: int = 1
    micro_usd: int = 0
    queue_s: float = 0.0
    run_s: float = 0.0
    images: int = 0
    succeeded: bool | None = True

    @property
    def is_owed(self) -> bool:
        """Whether it has made images that somebody ought to have fetched."""
        return self.succeeded is True and self.accepted > 0


class _MockJob(msgspec.Struct, frozen=True, kw_only=True):
    """What the mock's control API tells of a job, as far as it is needed here; times are its account's own."""

    id: str
    prompt: str
    phase: str = "succeeded"
    queue_s: float = 0.0
    run_s: float = 0.0
    failure: str | None = None
    count: int = 0
    cost_usd: float = 0.0


def from_mock(
    jobs: Iterable[Tree], mark_of: Callable[[str], int | None], *, scale: float = 1.0
) -> tuple[list[Upstream], int]:
    """The books in the form in which the mock's `jobs` tells them, and how many of its jobs bear no mark.

    `scale` is how many of its seconds pass in a real one. A failed job costs nothing. Raises msgspec.ValidationError
    for what is no job.
    """
    out: list[Upstream] = []
    unmarked = 0
    for job in msgspec.convert(list(jobs), list[_MockJob]):
        mark = mark_of(job.prompt)
        if mark is None:
            unmarked += 1
            continue
        succeeded = False if job.failure else True if job.phase == "succeeded" else None
        out.append(
            Upstream(
                mark=mark,
                task=job.id,
                micro_usd=0 if succeeded is False else round(job.cost_usd * MICRO),
                queue_s=job.queue_s / scale,
                run_s=job.run_s / scale,
                images=job.count,
                succeeded=succeeded,
            )
        )
    return out, unmarked
