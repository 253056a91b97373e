"""The truth about the jobs of an account, for whoever judges what a client made of them."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from imageproof.mock_server.record import Moves, completed_at, unpack
from imageproof.specs.model import MAKES_IMAGES

if TYPE_CHECKING:
    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.record import Record
    from imageproof.mock_server.service import Service
    from imageproof.specs.model import JsonTree


class Held(NamedTuple):
    """A job of a call that is held and leaves no task behind, as it failed or was streamed; its record is bytes."""

    task_id: str
    packed: bytes
    has_failed: bool

    @property
    def record(self) -> Record:
        """What is known of it."""
        return unpack(self.packed)


async def truths_of(service: Service, account: Account) -> list[dict[str, JsonTree]]:
    """Each job of an account, in the order in which they came.

    `entry` is the number of the exchange that ordered it, `began` and `ended` are the account's own time (`ended` as
    planned, null for a job that no time ends), `images` the SHA-256 digests of what it delivers, `micro_usd` what it
    costs in the end, and `was_lost` says whether its answer was made to get lost.
    """
    out: list[dict[str, JsonTree]] = []
    for (task_id, record, has_succeeded), fact in await service.upstream.whole(
        account, lambda: _facts(service, account)
    ):
        shown = [await service.gallery.shown(task_id, record, index) for index in range(record.images * has_succeeded)]
        out.append({**fact, "images": [sha256(data).hexdigest() for data in shown]})
    return out


def _facts(service: Service, account: Account) -> list[tuple[tuple[str, Record, bool], dict[str, JsonTree]]]:
    """Each job in the order in which they came, with all that is true of it but what it delivers."""
    account.ledger.settle(account.clock.now())
    entries = _entries(service, account)
    costs = account.ledger.net_by_job()
    lost = account.faults.lost if account.faults else frozenset()
    return [
        (
            (task_id, record, has_succeeded),
            {
                "task": task_id,
                "entry": entries.get(task_id),
                "began": record.submitted,
                "ended": completed_at(record) if record.moves == Moves.BY_TIME else None,
                "succeeded": has_succeeded,
                "micro_usd": costs.get(record.job, 0),
                "was_lost": task_id in lost,
            },
        )
        for task_id, record, has_succeeded in sorted(
            jobs_of(service, account), key=lambda job: (job[1].submitted, job[1].job)
        )
    ]


def jobs_of(service: Service, account: Account) -> list[tuple[str, Record, bool]]:
    """Id, record and whether it succeeds, of each job of an account: those of held calls too."""
    held = {job.task_id: job for job in account.held}
    packed = service.upstream.tasks_owned(service.provider, account.number)
    tasks = [(task_id, record) for task_id, data in packed if task_id not in held for record in [unpack(data)]]
    return [
        *((task_id, record, record.moves == Moves.BY_TIME and not record.failure) for task_id, record in tasks),
        *((job.task_id, job.record, job.record.moves == Moves.BY_TIME and not job.has_failed) for job in held.values()),
    ]


def _entries(service: Service, account: Account) -> dict[str, int]:
    """The number of the exchange that ordered each job, as far as the journal goes back."""
    orders = {item.name for item in service.operations if item.does in MAKES_IMAGES}
    out: dict[str, int] = {}
    for entry in account.journal:
        if entry.task is not None and entry.operation in orders:
            out.setdefault(entry.task, entry.number)
    return out
