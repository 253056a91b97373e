"""Accounts and tasks that several workers share through Redis.

Laws: work on an account reads its state, computes, and writes all its changes at once, and only if nobody else has
changed the account meanwhile; else it is done again. So any worker answers any request, money is never wrong, and a
worker that is killed has either done a thing or not. What waits for an account at one worker is done together.
"""

from __future__ import annotations

import asyncio
import logging
import time
from secrets import token_hex
from typing import TYPE_CHECKING, TypeVar

from imageproof.mock_server.account_state import packed_state, restore_state
from imageproof.mock_server.fate import job_digest
from imageproof.mock_server.overlay import Overlay
from imageproof.mock_server.redis_link import PREFIX
from imageproof.mock_server.shared_expiry import Everlasting
from imageproof.mock_server.shared_files import fetch_sources, fetch_uploads, sources_command, upload_command
from imageproof.mock_server.shared_journal import SharedExchanges
from imageproof.mock_server.shared_lines import Line, Work
from imageproof.mock_server.shared_news import end_hearing, hear
from imageproof.mock_server.shared_outbox import Outbox
from imageproof.mock_server.shared_rows import AccountKeys, Reader, task_key
from imageproof.mock_server.stored import StoreMismatchError, StoreUnavailableError, Wanted
from imageproof.mock_server.triggers import HEADER
from imageproof.specs.model import MAKES_IMAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.record import Record
    from imageproof.mock_server.redis_link import Command, RedisLink
    from imageproof.mock_server.results import Sources
    from imageproof.mock_server.upstream import Upload, Upstream

log = logging.getLogger("imageproof.mock")
T = TypeVar("T")
MOST_TOGETHER = 64
MOST_TRIES = 200
PATIENCE = 5  # tries after which a worker asks the others to let it pass: who lost reads more, so it would lose again
TURN_MS, ASIDE_S = 100, 0.003
NUMBER, NUMBERS, WORKERS, SETUP, STARTED = (
    PREFIX + name for name in ("number", "numbers", "workers", "setup", "started")
)
NEWS = PREFIX + "news"
NOTHING_WANTED = Wanted()
Outcome = tuple[object, Exception | None]


class Shared:
    """The shared state, seen from one worker. Its methods raise StoreUnavailableError."""

    def __init__(self, upstream: Upstream, link: RedisLink) -> None:
        self.link = link
        self.upstream = upstream
        self.worker = 0
        self._me = token_hex(8).encode()
        self.outbox = Outbox(link)
        self._lines: dict[tuple[str, str], Line] = {}
        self._pristine: dict[tuple[str, str], bytes] = {}
        self._extra: list[Command] = []
        self._hearing: asyncio.Task[None] | None = None

    async def open(self, setup: str) -> None:
        """Join the workers of this store. Raises StoreMismatchError when those were set up in another way."""
        upstream = self.upstream
        answers = await self.link.ask(
            [
                ("INCR", WORKERS),
                ("SET", STARTED, repr(upstream.started), "NX"),
                ("GET", STARTED),
                ("SET", SETUP, setup, "NX"),
                ("GET", SETUP),
            ]
        )
        self.worker = int(str(answers[0]))
        upstream.started = float(_bytes(answers[2]))
        known = _bytes(answers[4]).decode()
        if known != setup:
            raise StoreMismatchError(
                f"the store holds the state of a mock with {known}, this one has {setup}: "
                "choose another database of the Redis server (redis://host/1), or empty this one"
            )
        upstream.requests = self.worker << 40
        for provider in upstream.tasks:
            upstream.tasks[provider] = Overlay()
        upstream.polls_left = Overlay()
        upstream.expired = Overlay()
        upstream.expiry = Everlasting(upstream)
        upstream.shared = self
        self._hearing = asyncio.get_running_loop().create_task(hear(self, NEWS))

    def prepare(self, account: Account) -> None:
        """Make a new account of this worker one that stands for a shared one."""
        place = account.provider, account.key
        account.clock.measure_by(time.time)
        account.aliases, account.idempotent, account.attempts = Overlay(), Overlay(), Overlay()
        keys = AccountKeys(account)
        if account.journal.maxlen:
            first_id = (self.worker << 40) + (len(self._pristine) << 24)
            account.journal = SharedExchanges(
                account.journal.maxlen,
                first_id,
                lambda row: self.outbox.put(keys, row, account.journal.maxlen),
                lambda number, changes: self.outbox.amend(keys, number, changes),
            )
        self._pristine[place] = packed_state(account)
        self._lines[place] = Line(account, keys)

    def drop(self, account: Account) -> None:
        """Called while work is done on an account: all of it goes when the work is over."""
        line = self._lines.get((account.provider, account.key))
        if line is not None and line.account is account:
            line.is_dropped = True

    async def know(self, call: Call) -> None:
        """Read the account of a call if this worker has not seen it yet: its time, its faults."""
        account = call.account
        line = self._lines.get((account.provider, account.key))
        if line is not None and line.version is None:
            await self.do(account, lambda: None)
        call.resets = line.resets if line is not None else 0
        call.now = account.clock.now()

    async def whole(self, account: Account, work: Callable[[], T]) -> T:
        """Do something with all that there is of an account."""
        await self.outbox.settled()
        return await self.do(account, work, Wanted(whole=True))

    async def task_of(self, account: Account, task_id: str) -> Record | None:
        """The record of a task of an account, or None."""
        found = self.upstream.find_task
        return await self.do(account, lambda: found(account.provider, task_id), Wanted(tasks=(task_id,)))

    def keep_upload(self, upload_id: str, upload: Upload) -> None:
        """Called while work is done on an account: keep an upload with what else the work changes."""
        owner = self.upstream.accounts[upload.account]
        uploads = self._lines[owner.provider, owner.key].keys.uploads
        self._extra += [upload_command(upload_id, upload), ("RPUSH", uploads, upload_id)]

    def keep_sources(self, task_id: str, sources: Sources) -> None:
        """The same for what a job was given."""
        command = sources_command(task_id, sources)
        if command is not None:
            self._extra.append(command)

    def let_go(self, account: Account, task_id: str) -> None:
        """Called while work is done on an account: end the call that another worker holds for a task."""
        self._extra.append(("PUBLISH", NEWS, f"{account.provider}\0{account.key}\0{task_id}"))

    async def know_uploads(self, urls: Iterable[str]) -> None:
        """Bring the uploads here that these URLs stand for."""
        await fetch_uploads(self.link, self.upstream, urls)

    async def sources_of(self, task_id: str) -> Sources:
        """What a job was given, wherever it was taken."""
        return await fetch_sources(self.link, task_id)

    async def of_call(self, call: Call, work: Callable[[], T]) -> T:
        """Do a part of a call. It may be done again, so the call is put back to where it was before each try."""
        line = self._lines.get((call.account.provider, call.account.key))
        if line is not None and line.account is call.account and line.resets != call.resets:
            return self._in_vain(line, work)
        saved = call.saved()

        def again() -> T:
            call.put_back(saved)
            return work()

        return await self.do(call.account, again, wanted_by(call))

    def _in_vain(self, line: Line, work: Callable[[], T]) -> T:
        """Do a part of a call whose account was forgotten by another worker meanwhile: it touches nobody."""
        state = packed_state(line.account)
        try:
            return work()
        finally:
            restore_state(line.account, state)
            Reader(self.upstream, line.account, line.keys).wipe()
            self._extra.clear()

    async def do(self, account: Account, work: Callable[[], T], wanted: Wanted = NOTHING_WANTED) -> T:
        """Do something with an account as it is now, and keep what it changes; `work` may be called more than once."""
        line = self._lines.get((account.provider, account.key))
        if line is None or line.account is not account:
            return work()  # the account was forgotten meanwhile: what is still done with it touches nobody
        done: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        line.waiting.append(Work(work, wanted, done))
        if not line.is_busy:
            line.is_busy = True
            self.upstream.spawn(asyncio.get_running_loop().create_task(self._work_off(line)))
        return await done  # type: ignore[return-value]  # what the work gave

    async def _work_off(self, line: Line) -> None:
        try:
            while line.waiting:
                batch = line.waiting[:MOST_TOGETHER]
                del line.waiting[:MOST_TOGETHER]
                try:
                    await self._together(line, batch)
                except Exception as error:  # noqa: BLE001  (whoever waits must learn of it, whatever it is)
                    line.version = None
                    for work in batch:
                        if not work.done.done():
                            work.done.set_exception(error)
        finally:
            line.is_busy = False

    async def _together(self, line: Line, batch: list[Work]) -> None:
        for tries in range(MOST_TRIES):
            if tries and tries % PATIENCE == 0:
                await self.link.ask([("SET", line.keys.turn, self._me, "NX", "PX", TURN_MS)])
            outcomes = await self._tried(line, batch)
            if outcomes is None:
                continue
            if line.is_dropped and self._lines.get((line.account.provider, line.account.key)) is line:
                del self._lines[line.account.provider, line.account.key]
            for work, (value, error) in zip(batch, outcomes, strict=True):
                if work.done.done():
                    continue
                if error is not None:
                    work.done.set_exception(error)
                else:
                    work.done.set_result(value)
            return
        raise StoreUnavailableError(f"too many workers change one account at once: given up after {MOST_TRIES} tries")

    async def _tried(self, line: Line, batch: list[Work]) -> list[Outcome] | None:
        """What the work of a batch gives, once it is kept; None where another worker was first, so it is void."""
        reader = Reader(self.upstream, line.account, line.keys)
        for work in batch:
            reader.want(work.wanted)
        state = await reader.read(self.link)
        if state.turn not in (None, self._me):
            await asyncio.sleep(ASIDE_S)
            return None
        number = 0
        if state.core is None:
            (given,) = await self.link.ask([("INCR", NUMBER)])
            number = int(str(given))
        # from here to the end of `_changes` nothing is awaited: no other work can see what is half done
        self._restore(line, state.version, state.core, number)
        reader.fill()
        clock, had_faults = line.account.clock.state(), line.account.faults is not None
        outcomes = [_outcome(work) for work in batch]
        commands = self._changes(line, reader)
        if commands and (line.account.clock.state() != clock or (line.account.faults is not None) != had_faults):
            commands.append(("PUBLISH", NEWS, line.keys.place))
        if commands and state.turn == self._me:
            commands.append(("DEL", line.keys.turn))
        reader.wipe()
        if commands:
            line.version = await self.link.apply(line.keys.account, state.version, commands) or None
            if line.version is None:
                line.is_dropped = False
                return None
            line.number = None if line.is_dropped else line.account.number
        return outcomes

    def _restore(self, line: Line, version: int, core: bytes | None, number: int) -> None:
        """Make the account here what it is in the store; one that the store does not know is a new one."""
        account = line.account
        if core is not None:
            if line.version != version:
                restore_state(account, core)
                line.version, line.clean = version, packed_state(account)
        else:
            restore_state(account, self._pristine[account.provider, account.key])
            account.number = number
            account.clock.set_state(account.clock.mode, self.upstream.started, time.time())
            line.version, line.clean = version, packed_state(account)
        line.is_new = core is None
        kept = account.number if core is not None else None
        if line.number is not None and line.number != kept:
            line.resets += 1
            account.clock.let_go()
        line.number = kept
        self.upstream.accounts[account.number] = account

    def _changes(self, line: Line, reader: Reader) -> list[Command]:
        """The commands that write what the work has changed."""
        account, keys = line.account, line.keys
        extra, self._extra = self._extra, []
        commands = reader.changes()
        if line.is_dropped:
            commands += [("DEL", key) for key in (*keys.all_rows(), *reader.files())]
            commands += [("HDEL", keys.account, "core", "n"), ("HDEL", NUMBERS, account.number)]
            return commands + extra + [("PUBLISH", NEWS, keys.place)]
        core = packed_state(account)
        if core != line.clean or (line.is_new and (commands or extra)):
            commands.append(("HSET", keys.account, "core", core))
            if line.is_new:
                commands.append(("HSET", NUMBERS, account.number, keys.place))
            line.clean = core
        return commands + extra

    async def find_owner(self, provider: str, task_id: str) -> Account | None:
        """The account to which a task belongs, None for a task that nobody has."""
        (packed,) = await self.link.ask([("HGET", task_key(provider, task_id), "r")])
        if not isinstance(packed, bytes):
            return None
        number = int.from_bytes(packed[:4], "little")
        (place,) = await self.link.ask([("HGET", NUMBERS, number)])
        if not isinstance(place, bytes):
            return None
        name, _, key = place.decode().partition("\0")
        return self.upstream.account(name, key)

    async def everybody(self) -> list[Account]:
        """All accounts."""
        (places,) = await self.link.ask([("HVALS", NUMBERS)])
        pairs = [_bytes(place).decode().partition("\0") for place in places] if isinstance(places, list) else []
        known = {self.upstream.account(provider, key): None for provider, _, key in pairs}
        return [*(known | dict.fromkeys(self.upstream.by_key.values()))]

    async def close(self) -> None:
        """Send what is still to be sent, and let go of the store."""
        if self._hearing is not None:
            await end_hearing(self._hearing)
        await self.outbox.settled()
        self.outbox.tell_lost()
        await self.link.close()


def wanted_by(call: Call) -> Wanted:
    """What the work on a call will look up."""
    header = call.endpoint.service.spec.idempotency_header
    job = b""
    if call.operation.does in MAKES_IMAGES:
        job = job_digest(call.raw)
    elif HEADER in call.headers:
        job = job_digest(call.path.encode())
    return Wanted((call.task_id,) if call.task_id else (), job, call.headers.get(header) if header else None)


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


def _outcome(work: Work) -> Outcome:
    """What a piece of work gives, or the error that it ends with, which only its own caller is to learn of."""
    try:
        return work.do(), None
    except Exception as error:  # noqa: BLE001  (passed on to who waits for it)
        return None, error
