"""One key = one tenant: clock, money, limits, attempts and journal are its own, so parallel tests never meet."""

from __future__ import annotations

from array import array
from collections import OrderedDict, deque
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from imageproof.mock_server.exchanges import Exchanges
from imageproof.mock_server.triggers import NOTHING, Script

if TYPE_CHECKING:
    from collections.abc import Container

    from imageproof.mock_server.clock import Clock
    from imageproof.mock_server.faults.book import FaultBook
    from imageproof.mock_server.truths import Held

OPENING_MICRO_USD = 1_000_000_000_000  # a million dollars: ample for any test, and still an exact number
REMEMBERED_JOBS = 65_536
CHARGE, REFUND, TOP_UP, CARRIED = 0, 1, 2, 3
KIND_NAMES = ("charge", "refund", "top_up", "carried")
ROW = 3


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of a ledger; `job` is the number of the submission that it belongs to, 0 for none.

    A line `carried` is the sum of old lines, negative where more was charged than given.
    """

    kind: str
    micro_usd: int
    time: float
    job: int


class Ledger:
    """The money of an account in micro-dollars: opening plus all movements is the balance, always.

    `spent` is what has been charged for jobs and not been given back. Movements are kept as plain numbers, 24 bytes
    each, so that a million of them cost no garbage collection.
    """

    __slots__ = ("_due", "_rows", "balance", "opening", "spent")

    def __init__(self, opening: int = OPENING_MICRO_USD) -> None:
        self.opening = opening
        self.balance = opening
        self.spent = 0
        self._rows = array("q")
        self._due: list[tuple[float, int, int]] = []

    def _add(self, kind: int, micro_usd: int, now: float, job: int) -> None:
        self._rows.extend((micro_usd, int(now * 1000), job << 2 | kind))
        self.balance += -micro_usd if kind == CHARGE else micro_usd
        if kind != TOP_UP:
            self.spent += micro_usd if kind == CHARGE else -micro_usd

    def charge(self, micro_usd: int, now: float, job: int) -> None:
        """Take money for a job."""
        self._add(CHARGE, micro_usd, now, job)

    def refund_at(self, when: float, micro_usd: int, job: int) -> None:
        """Give the money of a job back once the time has come; `settle` books it exactly once."""
        heappush(self._due, (when, job, micro_usd))

    def settle(self, now: float) -> None:
        """Book every refund that is due; called before anybody sees the balance or a failed task."""
        while self._due and self._due[0][0] <= now:
            when, job, micro_usd = heappop(self._due)
            self._add(REFUND, micro_usd, when, job)

    def settle_job(self, job: int, now: float) -> None:
        """Book the refund of one job now: it was moved by hand, or by polls."""
        for index, (_, number, micro_usd) in enumerate(self._due):
            if number == job:
                self._due[index] = self._due[-1]
                self._due.pop()
                self._due.sort()
                self._add(REFUND, micro_usd, now, job)
                return

    def top_up(self, micro_usd: int, now: float) -> None:
        """Add money, or take it where the number is negative, outside of any job."""
        self._add(TOP_UP, micro_usd, now, 0)

    def carry(self, before: float, kept: Container[int]) -> None:
        """Fold the lines of before a time into one that is carried forward, but for those of the jobs that are kept."""
        rows, total, end, limit = self._rows, 0, 0, int(before * 1000)
        stay = array("q")
        while end < len(rows) and rows[end + 1] < limit:
            if rows[end + 2] >> 2 in kept:
                stay.extend(rows[end : end + ROW])
            else:
                total += -rows[end] if rows[end + 2] & 3 == CHARGE else rows[end]
            end += ROW
        if end > ROW:
            rows[:end] = array("q", (total, rows[end - ROW + 1], CARRIED)) + stay

    def net_by_job(self) -> dict[int, int]:
        """What each job costs in the end, in micro-dollars: charged, less what has been or will be given back."""
        rows, out = self._rows, dict[int, int]()
        for i in range(0, len(rows), ROW):
            kind, job = rows[i + 2] & 3, rows[i + 2] >> 2
            if kind < TOP_UP:
                out[job] = out.get(job, 0) + (rows[i] if kind == CHARGE else -rows[i])
        for _, job, micro_usd in self._due:
            out[job] = out.get(job, 0) - micro_usd
        return out

    def state(self) -> tuple[int, int, int, list[tuple[float, int, int]]]:
        """Opening, balance and spent, and what is due to be given back: all but the movements."""
        return self.opening, self.balance, self.spent, self._due

    def set_state(self, opening: int, balance: int, spent: int, due: list[tuple[float, int, int]]) -> None:
        """Go on with a ledger that was kept."""
        self.opening, self.balance, self.spent, self._due = opening, balance, spent, due

    def rows(self) -> bytes:
        """The movements as bytes, 24 for each."""
        return self._rows.tobytes()

    def set_rows(self, rows: bytes) -> None:
        """Put these movements in place of those that are held."""
        self._rows = array("q", rows)

    def movements(self) -> list[Movement]:
        """All lines, oldest first."""
        rows = self._rows
        return [
            Movement(KIND_NAMES[rows[i + 2] & 3], rows[i], rows[i + 1] / 1000, rows[i + 2] >> 2)
            for i in range(0, len(rows), ROW)
        ]


@dataclass(slots=True)
class Bucket:
    """A token bucket on the account's own clock."""

    tokens: float
    at: float

    def take(self, now: float, per_minute: float, burst: float) -> float:
        """Take one token; the result is 0, or how many seconds to wait for the next one."""
        self.tokens = min(burst, self.tokens + max(0.0, now - self.at) * per_minute / 60)
        self.at = now
        if self.tokens >= 1:
            self.tokens -= 1
            return 0.0
        return (1 - self.tokens) * 60 / per_minute


class Account:
    """The state of one key at one provider. `number` stands for it in task records."""

    __slots__ = (
        "aliases",
        "attempts",
        "buckets",
        "clock",
        "faults",
        "header",
        "held",
        "idempotent",
        "jobs",
        "journal",
        "key",
        "key_bytes",
        "ledger",
        "limited",
        "number",
        "provider",
        "queue",
        "script",
        "webhook",
    )

    def __init__(
        self, *, key: str, number: int, provider: str, clock: Clock, journal_size: int, script: Script = NOTHING
    ) -> None:
        self.key = key
        self.key_bytes = key.encode()
        self.number = number
        self.provider = provider
        self.clock = clock
        self.script = script
        self.limited = script.limited
        self.ledger = Ledger(0 if script.nocredit else OPENING_MICRO_USD)
        self.journal = Exchanges(journal_size)
        self.attempts: OrderedDict[bytes, int] = OrderedDict()
        self.buckets: dict[str, Bucket] = {}
        self.aliases: dict[str, str] = {}
        self.idempotent: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self.webhook: tuple[str, str] | None = None
        self.queue: list[float] = []
        self.jobs = 0
        self.faults: FaultBook | None = None
        self.held: deque[Held] = deque(maxlen=journal_size)

    def attempt(self, job: bytes) -> int:
        """How often this job has been asked for, this time included; the last 65,536 jobs are remembered."""
        count = self.attempts.pop(job, 0) + 1
        self.attempts[job] = count
        if len(self.attempts) > REMEMBERED_JOBS:
            self.attempts.popitem(last=False)
        return count
