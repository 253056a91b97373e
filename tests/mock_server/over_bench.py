"""One provider whose clock stands still, to see what is dropped when."""

from __future__ import annotations

from imageproof.mock_server.accounts import Account, Ledger
from imageproof.mock_server.clock import ClockMode
from imageproof.mock_server.options import Options
from imageproof.mock_server.record import Moves, Record, pack_tail
from imageproof.mock_server.server import Mock
from imageproof.mock_server.upstream import Upstream
from imageproof.specs.library import load

START = 1_795_000_000.0
KEEP_S = 100.0
SIGNS = {"charge": -1, "refund": 1, "top_up": 1, "carried": 1}
TOAPIS = load("toapis")


class Bench:
    """One provider whose clock stands still, seen from inside. Every job costs a dollar."""

    def __init__(self, *, keep_s: float | None = KEEP_S, max_tasks: int = 1_000_000) -> None:
        options = Options(clock=ClockMode(rate=0.0), start=START, keep_tasks_s=keep_s, max_tasks=max_tasks, journal=100)
        self.service = Mock([TOAPIS], options).services["toapis"]
        self.upstream: Upstream = self.service.upstream
        self.serial = 0

    def account(self, key: str = "sk-a") -> Account:
        return self.upstream.account("toapis", key)

    def submit(self, account: Account, *, run_s: float = 10.0, moves: Moves = Moves.BY_TIME, alias: str = "") -> str:
        self.serial += 1
        account.jobs += 1
        task_id = f"task_{self.serial}"
        record = record_of(account, run_s, moves, alias)
        self.upstream.add_task("toapis", task_id, record)
        account.ledger.charge(1_000_000, record.submitted, account.jobs)
        if alias:
            account.aliases[alias] = task_id
        return task_id

    def has(self, task_id: str) -> bool:
        return self.upstream.has_task("toapis", task_id)


def record_of(account: Account, run_s: float, moves: Moves = Moves.BY_TIME, alias: str = "") -> Record:
    return Record(
        account=account.number,
        operation=0,
        model=0,
        submitted=account.clock.now(),
        queue_s=0.0,
        run_s=run_s,
        moves=moves,
        failure=0,
        width=1024,
        height=1024,
        images=1,
        format=0,
        compression=255,
        flags=0,
        micro_usd=1_000_000,
        job=account.jobs,
        tail=pack_tail("a red fox", [], {"client_business_id": alias or None}),
    )


def balances(ledger: Ledger) -> bool:
    return ledger.opening + sum(SIGNS[move.kind] * move.micro_usd for move in ledger.movements()) == ledger.balance
