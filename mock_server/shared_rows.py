"""The rows of a shared account in Redis: where they are, how they are read for work, how changes are written."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from imageproof.mock_server.overlay import Overlay
from imageproof.mock_server.redis_link import PREFIX
from imageproof.mock_server.shared_files import sources_key, upload_key
from imageproof.mock_server.shared_journal import SharedExchanges
from imageproof.mock_server.truths import Held

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.redis_link import Command, RedisLink
    from imageproof.mock_server.stored import Wanted
    from imageproof.mock_server.upstream import Upstream

K = TypeVar("K")
V = TypeVar("V")
COUNT = PREFIX + "tasks"
MOST_WORDS = 1_000  # of one command: a script of Redis takes some thousand


class AccountKeys:
    """The names under which an account's rows are kept."""

    __slots__ = (
        "account",
        "aliases",
        "amended",
        "attempts",
        "held",
        "idempotent",
        "journal",
        "place",
        "rows",
        "tasks",
        "turn",
        "uploads",
    )

    def __init__(self, account: Account) -> None:
        self.place = f"{account.provider}\0{account.key}"
        end = f"{account.provider}:{account.key}"
        self.account = f"{PREFIX}account:{end}"
        self.aliases = f"{PREFIX}aliases:{end}"
        self.amended = f"{PREFIX}amended:{end}"
        self.attempts = f"{PREFIX}attempts:{end}"
        self.held = f"{PREFIX}held:{end}"
        self.idempotent = f"{PREFIX}idempotent:{end}"
        self.journal = f"{PREFIX}journal:{end}"
        self.rows = f"{PREFIX}rows:{end}"
        self.tasks = f"{PREFIX}account_tasks:{end}"
        self.turn = f"{PREFIX}turn:{end}"
        self.uploads = f"{PREFIX}account_uploads:{end}"

    def all_rows(self) -> tuple[str, ...]:
        """All of them but the account itself."""
        return (
            self.aliases,
            self.amended,
            self.attempts,
            self.held,
            self.idempotent,
            self.journal,
            self.rows,
            self.tasks,
            self.uploads,
        )


def task_key(provider: str, task_id: str) -> str:
    """The name under which a task is kept."""
    return f"{PREFIX}task:{provider}:{task_id}"


@dataclass(slots=True)
class Found:
    """What the store knows: the version of the account, its state, None for a new one, and whose turn it is."""

    version: int
    core: bytes | None
    turn: bytes | None


@dataclass(slots=True)
class Reader:
    """Reads what the work on an account will look up, puts it where the work looks, and takes it away again."""

    upstream: Upstream
    account: Account
    keys: AccountKeys
    tasks: dict[str, None] = field(default_factory=dict)
    jobs: dict[bytes, None] = field(default_factory=dict)
    again: dict[str, None] = field(default_factory=dict)
    is_whole: bool = False
    _tasks: dict[str, list[object]] = field(default_factory=dict)
    _attempts: dict[bytes, int] = field(default_factory=dict)
    _aliases: dict[str, str] = field(default_factory=dict)
    _again: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    _count: int = 0
    _rows: bytes = b""
    _held: list[Held] = field(default_factory=list)
    _uploads: list[str] = field(default_factory=list)
    _journal: tuple[list[bytes], list[bytes], int] = ([], [], 0)

    def want(self, wanted: Wanted) -> None:
        """Look these up as well."""
        self.tasks |= dict.fromkeys(wanted.tasks)
        if wanted.job:
            self.jobs[wanted.job] = None
        if wanted.again is not None:
            self.again[wanted.again] = None
        self.is_whole = self.is_whole or wanted.whole

    async def read(self, link: RedisLink) -> Found:
        """Read it all. Raises StoreUnavailableError."""
        keys, tasks, jobs, again = self.keys, [*self.tasks], [*self.jobs], [*self.again]
        asked: list[Command] = [("HMGET", keys.account, "v", "core", "n"), ("GET", COUNT), ("GET", keys.turn)]
        asked += [_ask_task(self.account.provider, task_id) for task_id in tasks]
        asked += [("HGET", keys.aliases, task_id) for task_id in tasks]
        asked += [("HGET", keys.attempts, job) for job in jobs]
        asked += [("HGET", keys.idempotent, key) for key in again]
        if self.is_whole:
            lists = (keys.tasks, keys.rows, keys.held, keys.journal, keys.uploads, keys.amended)
            asked += [("LRANGE", key, 0, -1) for key in lists]
        answers = iter(await link.ask(asked))
        version, core, ever = _list(next(answers))
        self._count = _number(next(answers))
        turn = next(answers)
        self._tasks = {task_id: _list(next(answers)) for task_id in tasks}
        more: dict[str, None] = {}
        for task_id in tasks:
            alias = next(answers)
            if isinstance(alias, bytes):
                self._aliases[task_id] = alias.decode()
                more[alias.decode()] = None
        self._attempts = {job: _number(next(answers)) for job in jobs}
        for key in again:
            known = next(answers)
            if isinstance(known, bytes):
                self._again[key] = (known[:8], known[8:].decode())
                more[known[8:].decode()] = None
        if self.is_whole:
            self._read_whole(answers, _number(ever), more)
        await self._read_more(link, [task_id for task_id in more if task_id not in self._tasks])
        return Found(_number(version), core if isinstance(core, bytes) else None, _bytes(turn) or None)

    def _read_whole(self, answers: Iterator[object], ever: int, more: dict[str, None]) -> None:
        more |= dict.fromkeys(_bytes(item).decode() for item in _list(next(answers)))
        self._rows = b"".join(_bytes(item) for item in _list(next(answers)))
        self._held = [_read_held(_bytes(item)) for item in _list(next(answers))]
        journal = [_bytes(item) for item in _list(next(answers))]
        self._uploads = [_bytes(item).decode() for item in _list(next(answers))]
        amended = [_bytes(item) for item in _list(next(answers))]
        self._journal = journal, amended, max(ever, len(journal))

    async def _read_more(self, link: RedisLink, tasks: list[str]) -> None:
        if tasks:
            answers = await link.ask([_ask_task(self.account.provider, task_id) for task_id in tasks])
            self._tasks |= {task_id: _list(answer) for task_id, answer in zip(tasks, answers, strict=True)}

    def fill(self) -> None:
        """Put what was read where the work looks for it."""
        upstream, account = self.upstream, self.account
        table = upstream.tasks[account.provider]
        for task_id, (packed, polls, is_expired) in self._tasks.items():
            if isinstance(packed, bytes):
                overlay(table).fill(task_id, packed)
            if polls is not None:
                overlay(upstream.polls_left).fill(task_id, _number(polls))
            if is_expired is not None:
                overlay(upstream.expired).fill(task_id, True)  # noqa: FBT003  (the value of a row)
        for job, count in self._attempts.items():
            if count:
                overlay(account.attempts).fill(job, count)
        for alias, task_id in self._aliases.items():
            overlay(account.aliases).fill(alias, task_id)
        for key, known in self._again.items():
            overlay(account.idempotent).fill(key, known)
        upstream.task_count = self._count
        account.ledger.set_rows(self._rows)
        account.held = deque(self._held)
        if self.is_whole and isinstance(account.journal, SharedExchanges):
            account.journal.show(*self._journal)

    def files(self) -> list[str]:
        """The names of the files that belong to the account, once all of it has been read."""
        sources = {*self._tasks, *(item.task_id for item in self._held)}
        return [*(upload_key(name) for name in self._uploads), *(sources_key(name) for name in sources)]

    def wipe(self) -> None:
        """Take it away again: the next work reads anew."""
        account, upstream = self.account, self.upstream
        overlay(upstream.tasks[account.provider]).wipe()
        overlay(upstream.polls_left).wipe()
        overlay(upstream.expired).wipe()
        overlay(account.attempts).wipe()
        overlay(account.aliases).wipe()
        overlay(account.idempotent).wipe()
        account.ledger.set_rows(b"")
        account.held = deque()
        if isinstance(account.journal, SharedExchanges):
            account.journal.hide()

    def changes(self) -> list[Command]:
        """The commands that write what the work has changed of the rows."""
        account, keys = self.account, self.keys
        commands = self._task_changes()
        commands += [("HSET", keys.attempts, job, n) for job, n, _ in overlay(account.attempts).changes() if n]
        commands += [("HSET", keys.aliases, one, task) for one, task, _ in overlay(account.aliases).changes() if task]
        for key, known, _ in overlay(account.idempotent).changes():
            if known is not None:
                commands.append(("HSET", keys.idempotent, key, known[0] + known[1].encode()))
        rows = account.ledger.rows()[len(self._rows) :]
        if rows:
            commands.append(("RPUSH", keys.rows, rows))
        held = [*account.held][len(self._held) :]
        commands += [("RPUSH", keys.held, _written_held(item)) for item in held]
        return commands

    def _task_changes(self) -> list[Command]:
        upstream, provider = self.upstream, self.account.provider
        commands: list[Command] = []
        gone: set[str] = set()
        added = 0
        for task_id, packed, is_new in overlay(upstream.tasks[provider]).changes():
            key = task_key(provider, task_id)
            if packed is None:
                commands.append(("DEL", key))
                gone.add(task_id)
                continue
            commands.append(("HSET", key, "r", packed))
            if is_new:
                commands.append(("RPUSH", self.keys.tasks, task_id))
                added += 1
        if added or gone:
            commands.append(("INCRBY", COUNT, added - len(gone)))
        for name, table in (("p", overlay(upstream.polls_left)), ("x", overlay(upstream.expired))):
            for task_id, value, _ in table.changes():
                if task_id not in gone:
                    key = task_key(provider, task_id)
                    commands.append(("HDEL", key, name) if value is None else ("HSET", key, name, int(value)))
        return commands


def overlay(table: Mapping[K, V]) -> Overlay[K, V]:
    """A table as what it is in a shared mock. Raises TypeError for one of a mock that shares nothing."""
    if not isinstance(table, Overlay):
        raise TypeError(f"expected the table of a shared mock, got {type(table).__name__}")
    return table


def _ask_task(provider: str, task_id: str) -> Command:
    return ("HMGET", task_key(provider, task_id), "r", "p", "x")


def _written_held(held: Held) -> bytes:
    return b"%d %b\0%b" % (held.has_failed, held.task_id.encode(), held.packed)


def _read_held(data: bytes) -> Held:
    head, _, packed = data.partition(b"\0")
    failed, _, task_id = head.partition(b" ")
    return Held(task_id.decode(), packed, has_failed=failed == b"1")


def _list(answer: object) -> list[object]:
    return answer if isinstance(answer, list) else []


def _bytes(answer: object) -> bytes:
    return answer if isinstance(answer, bytes) else b""


def _number(answer: object) -> int:
    return int(answer) if isinstance(answer, bytes | int) else 0
