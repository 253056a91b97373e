"""Tasks whose time is over are dropped, so that a mock can run for weeks in the same memory.

A task is over when it has ended and its result could be fetched for as long as the provider documents, and an hour
more. It is dropped at a later submit of its account, some at a time, so that none waits for it; no timer runs.
What the account keeps beside its tasks goes with them, and old lines of its ledger become one line carried forward.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from imageproof.mock_server.faults.jobs import twin_id_of
from imageproof.mock_server.record import Moves, completed_at, times_in, unpack

if TYPE_CHECKING:
    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.truths import Held
    from imageproof.mock_server.upstream import Upstream
    from imageproof.specs.model import Spec

USUAL_S = 86_400.0  # for providers whose pages give no lifetime of results
GRACE_S = 3600.0
BLOCK = 64  # the collector visits some 700 blocks at a time, once
LOOKS = 4  # for each submit: more than a task needs, which is two at most, so that what has piled up shrinks
TURNS = 16  # submits after which a long line is looked at, as often for each: many at a time take half the time
PATIENCE_S = 120.0  # for which the oldest task may run, before those that came after it are looked at
CARRIED = 1024  # lines of a ledger that are folded at a time
ROOM = 1024  # tasks dropped at a time when the mock is full
REST_S = 1.0  # between two searches of a full mock
NEVER = float("inf")
BY_TIME = int(Moves.BY_TIME)  # to compare with it takes a third of the time


class Terms(NamedTuple):
    """How long the tasks of a provider are kept after their end, and what of its contract their side tables need."""

    keep_s: float
    id_template: str
    alias_field: str | None


def terms_of(spec: Spec, keep_s: float | None) -> Terms:
    """The terms of a provider; `keep_s` is the time that was asked for, None for the documented one."""
    lifetime = spec.results.expires_s if spec.results else None
    usual = (USUAL_S if lifetime is None else lifetime) + GRACE_S
    tasks = spec.tasks
    return Terms(
        keep_s=usual if keep_s is None else keep_s,
        id_template=tasks.id_template if tasks else "{uuid}",
        alias_field=tasks.alias_field if tasks else None,
    )


def over_at(packed: bytes, keep_s: float) -> float:
    """When a task is over, by its account's time; infinity for one that no time ends."""
    submitted, queue_s, run_s, moves, _ = times_in(packed)
    return submitted + queue_s + run_s + keep_s if moves == BY_TIME else NEVER


class Ids:
    """Ids in the order in which they came. Full `blocks` are tuples of text, which the collector leaves alone."""

    __slots__ = ("_at", "_open", "blocks")

    def __init__(self) -> None:
        self.blocks: deque[tuple[str, ...]] = deque()
        self._open: list[str] = []
        self._at = 0

    def push(self, task_id: str) -> None:
        """Add the newest one."""
        self._open.append(task_id)
        if len(self._open) == BLOCK:
            self.blocks.append(tuple(self._open))
            self._open.clear()

    def first(self) -> str | None:
        """The oldest one; None when there is none."""
        if self.blocks:
            return self.blocks[0][self._at]
        return self._open[self._at] if self._open else None

    def pop(self) -> str | None:
        """Take the oldest one away, and give the one that is the oldest now."""
        at = self._at = self._at + 1
        if self.blocks:
            if at < BLOCK:
                return self.blocks[0][at]
            self.blocks.popleft()
            self._at = 0
            return self.first()
        if at < len(self._open):
            return self._open[at]
        self._open.clear()
        self._at = 0
        return None


class Line:
    """The tasks of one account as they wait to be over.

    `ids` are those that nobody has looked at yet; the first of them was submitted at `since`, and is looked at at
    `first_at`. `late` are those that were not over then, each with the time to look again and the number of its job.
    `tasks` are those of the provider, kept for `keep_s` after their end; at the end of its `turn` a long line is looked
    at.
    """

    __slots__ = ("first_at", "gone", "ids", "keep_s", "late", "since", "tasks", "turn")

    def __init__(self, tasks: dict[str, bytes], keep_s: float) -> None:
        self.tasks = tasks
        self.keep_s = keep_s
        self.turn = 0
        self.ids = Ids()
        self.since = self.first_at = NEVER
        self.late: list[tuple[float, int, str]] = []
        self.gone = 0  # jobs since lines of the ledger were folded

    def wait_for(self, packed: bytes | None) -> None:
        """Wait for the oldest task that nobody has looked at; None when there is none."""
        if packed is None:
            self.since = self.first_at = NEVER
        else:
            self.since = times_in(packed)[0]
            self.first_at = min(over_at(packed, self.keep_s), self.since + self.keep_s + PATIENCE_S)


class Expiry:
    """Drops what is over. It belongs to one `Upstream`, and runs where that runs."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._terms: dict[str, Terms] = {}
        self._lines: dict[int, Line] = {}
        self._rested_at = 0.0

    def register(self, spec: Spec) -> None:
        """Take up the terms of a provider that is served."""
        self._terms[spec.name] = terms_of(spec, self._upstream.options.keep_tasks_s)

    def add(self, provider: str, account: int, task_id: str, packed: bytes) -> None:
        """Watch over a task that is new."""
        line = self._lines.get(account) or self._new_line(provider, account)
        if line.since == NEVER:
            line.wait_for(packed)
        line.ids.push(task_id)

    def forget(self, account: Account) -> None:
        """Let go of an account that is dropped with all its tasks."""
        self._lines.pop(account.number, None)

    def sweep(self, account: Account, now: float) -> None:
        """Look at a few tasks of an account at its submits, and drop those that are over.

        A long line has its turn every so many submits.
        """
        line = self._lines.get(account.number)
        if line is None:
            return
        looks = LOOKS
        if line.ids.blocks:
            line.turn = (line.turn + 1) % TURNS
            if line.turn:
                return
            looks *= TURNS
        for _ in range(looks):
            if now < line.first_at and (not line.late or now < line.late[0][0]):
                return
            self._look(account, line, now)

    def make_room(self) -> bool:
        """Drop what is over in any account when the mock is full; whether there is room now."""
        upstream = self._upstream
        limit = upstream.options.max_tasks
        if monotonic() < self._rested_at:
            return upstream.task_count < limit
        looks = 0
        for account in list(upstream.by_key.values()):
            line = self._lines.get(account.number)
            while line is not None and self._look(account, line, account.clock.now()):
                looks += 1
                if looks >= ROOM and upstream.task_count < limit:
                    return True
        self._rested_at = monotonic() + REST_S
        return upstream.task_count < limit

    def note_held(self, account: Account, job: Held, now: float) -> None:
        """Keep the truth about a call that is held; the faults of the oldest one go when there is no room for it."""
        held = account.held
        if held and len(held) == held.maxlen:
            self._let_go(account, held.popleft().task_id)
        held.append(job)
        line = self._lines.get(account.number) or self._new_line(account.provider, account.number)
        line.gone += 1
        self._carry(account, line, now)

    def _new_line(self, provider: str, account: int) -> Line:
        line = self._lines[account] = Line(self._upstream.tasks[provider], self._terms[provider].keep_s)
        return line

    def _look(self, account: Account, line: Line, now: float) -> bool:
        """Look at the task whose turn it is; whether there was one."""
        tasks, keep_s = line.tasks, line.keep_s
        if line.late and line.late[0][0] <= now:
            task_id: str | None = heappop(line.late)[2]
        elif line.first_at <= now:
            task_id = line.ids.first()
            following = line.ids.pop()
            while following is not None and following not in tasks:
                following = line.ids.pop()
            line.wait_for(tasks[following] if following is not None else None)
        else:
            return False
        packed = tasks.get(task_id) if task_id is not None else None
        if packed is None or task_id is None:
            return True
        over = over_at(packed, keep_s)
        if over > now:
            again = now + max(keep_s, PATIENCE_S) if over == NEVER else over
            heappush(line.late, (again, times_in(packed)[-1], task_id))
            return True
        self._drop(account, task_id, packed)
        line.gone += 1
        self._carry(account, line, now)
        return True

    def _drop(self, account: Account, task_id: str, packed: bytes) -> None:
        upstream, terms = self._upstream, self._terms[account.provider]
        tasks = upstream.tasks[account.provider]
        del tasks[task_id]
        upstream.task_count -= 1
        upstream.polls_left.pop(task_id, None)
        upstream.expired.pop(task_id, None)
        if account.aliases and terms.alias_field:
            alias = str(unpack(packed).extra()[2].get(terms.alias_field))
            if account.aliases.get(alias) == task_id:
                del account.aliases[alias]
        self._drop_repeats(account, tasks)
        self._let_go(account, task_id)

    def _drop_repeats(self, account: Account, tasks: dict[str, bytes]) -> None:
        """Forget the oldest idempotency keys whose tasks are gone; a task that stays long is passed over."""
        keys = account.idempotent
        for _ in range(LOOKS):
            if not keys:
                return
            key, (_, task_id) = next(iter(keys.items()))
            if task_id not in tasks:
                del keys[key]
            elif self._lines[account.number].late:
                keys.move_to_end(key)
            else:
                return

    def _let_go(self, account: Account, task_id: str) -> None:
        """Forget what was to go wrong with a job."""
        book = account.faults
        if book is None or task_id in self._upstream.tasks[account.provider]:
            return
        if book.jobs.pop(task_id, None) is not None and self._upstream.twins:
            self._upstream.twins.pop(twin_id_of(self._terms[account.provider].id_template, task_id), None)
        book.job_of.pop(task_id, None)
        book.lost.discard(task_id)

    def _carry(self, account: Account, line: Line, now: float) -> None:
        """Fold the lines of a ledger that no job needs any more, once there are enough of them."""
        if line.gone < max(CARRIED, len(line.late)):
            return
        line.gone = 0
        keep_s = self._terms[account.provider].keep_s
        held = account.held
        while held and completed_at(held[0].record) + keep_s <= now:
            self._let_go(account, held.popleft().task_id)
        before = min(now - keep_s, line.since)
        if held:
            before = min(before, held[0].record.submitted)
        account.ledger.settle(now)
        account.ledger.carry(before, {job for _, job, _ in line.late})
