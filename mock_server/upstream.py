"""Everything that the fake upstream knows: accounts, tasks, uploads, counters. One event loop owns it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from imageproof.mock_server.accounts import Account
from imageproof.mock_server.clock import Clock, ClockMode
from imageproof.mock_server.expiry import Expiry
from imageproof.mock_server.record import Record, owner_of, unpack
from imageproof.mock_server.triggers import in_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.mock_server.call import Call
    from imageproof.mock_server.options import Options
    from imageproof.mock_server.picture import Picture
    from imageproof.mock_server.pictures import Painter
    from imageproof.mock_server.shared import Shared

SECRET_SEED = b"imageproof"
T = TypeVar("T")


class FullError(Exception):
    """A limit of the mock is reached. The message says which, and how to raise it."""


@dataclass(slots=True)
class Upload:
    """A file that a client has uploaded."""

    data: bytes
    content_type: str
    account: int


@dataclass(slots=True)
class Tally:
    """Answers by status, and the seconds spent on them, of one operation; `head` is what was last sent with a request.

    Clients send the same headers again and again: the journal keeps one copy of those that repeat, as fresh memory for
    each of them costs more time than all else that it does.
    """

    answers: dict[int, int] = field(default_factory=dict)
    seconds: float = 0.0
    head: tuple[tuple[bytes, bytes], ...] = ()


@dataclass(slots=True)
class Counts:
    """What the metrics show. Only ever grows."""

    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    violations: Counter[str] = field(default_factory=Counter)
    images: int = 0
    image_bytes: int = 0
    webhooks: Counter[str] = field(default_factory=Counter)
    called: Counter[str] = field(default_factory=Counter)  # calls back that somebody answered, by URL; for no metrics

    def tally(self, provider: str, operation: str) -> Tally:
        """The tally of an operation, opened when it is new."""
        return self.tallies.setdefault((provider, operation), Tally())


class Upstream:
    """The state of one mock. Tasks are kept by provider and id, packed; what is bounded says so when it is full."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.seed = SECRET_SEED + options.seed.to_bytes(16, "big", signed=True)
        self.started = time.time() if options.start is None else options.start
        self.accounts: dict[int, Account] = {}
        self._numbers = count()
        self.by_key: dict[tuple[str, str], Account] = {}
        self.tasks: dict[str, dict[str, bytes]] = {}
        self.polls_left: dict[str, int] = {}
        self.holds: dict[str, asyncio.Event] = {}
        self.expired: dict[str, bool] = {}
        self.twins: dict[str, Record] = {}
        self.uploads: OrderedDict[str, Upload] = OrderedDict()
        self.upload_bytes = 0
        self.task_count = 0
        self.expiry = Expiry(self)
        self.requests = 0
        self.counts = Counts()
        self._painter: Painter | None = None
        self.running: set[asyncio.Task[object]] = set()
        self.dress: Callable[[Account], None] | None = None
        self.shared: Shared | None = None

    def render(self, picture: Picture) -> bytes:
        """Draw a picture; the tools for it are loaded when they are first needed, as they would slow the start down."""
        if self.options.pictures == "plain":
            from imageproof.mock_server.picture_plain import plain  # noqa: PLC0415  (as below)

            return plain(picture)
        return self.warm_up().render(picture)

    def warm_up(self) -> Painter:
        """Load what drawing needs. Called soon after the start, in a thread."""
        if self._painter is None:
            from imageproof.mock_server.pictures import Painter  # noqa: PLC0415  (heavy)

            self._painter = Painter()
        return self._painter

    def account(self, provider: str, key: str) -> Account:
        """The account of a key, opened when it is first seen. Raises FullError when there are too many."""
        known = self.by_key.get((provider, key))
        if known is not None:
            return known
        if len(self.by_key) >= self.options.max_accounts:
            message = (
                f"the mock holds {self.options.max_accounts} accounts, its limit: reset some, or raise --max-accounts"
            )
            raise FullError(message)
        script = in_key(key)
        account = Account(
            key=key,
            number=next(self._numbers),
            provider=provider,
            clock=Clock(self.options.clock, start=self.started),
            journal_size=self.options.journal,
            script=script,
        )
        account.limited = account.limited or self.options.limits == "documented"
        self.accounts[account.number] = account
        self.by_key[provider, key] = account
        if self.dress is not None:
            self.dress(account)
        if self.shared is not None:
            self.shared.prepare(account)
        return account

    def set_next_number(self, number: int) -> None:
        """Let the next account have this number: those before it are taken."""
        self._numbers = count(number)

    def add_task(self, provider: str, task_id: str, record: Record) -> None:
        """Keep a task, and drop some that are over. Raises FullError when there are too many."""
        self.expiry.sweep(self.accounts[record.account], record.submitted)
        if self.task_count >= self.options.max_tasks and not self.expiry.make_room():
            message = (
                f"the mock holds {self.options.max_tasks} tasks, its limit: reset an account, or raise --max-tasks"
            )
            raise FullError(message)
        packed = self.tasks[provider][task_id] = record.pack()
        self.task_count += 1
        self.expiry.add(provider, record.account, task_id, packed)

    def keep_task(self, provider: str, task_id: str, record: Record) -> None:
        """Keep a synchronous job, so that its result can be fetched; a job that is repeated replaces its twin.

        Raises what `add_task` raises.
        """
        if task_id in self.tasks[provider]:
            self.put_task(provider, task_id, record)
        else:
            self.add_task(provider, task_id, record)

    def has_task(self, provider: str, task_id: str) -> bool:
        """Whether an id is taken."""
        return task_id in self.tasks[provider]

    def put_task(self, provider: str, task_id: str, record: Record) -> None:
        """Replace the record of a task that is there."""
        self.tasks[provider][task_id] = record.pack()

    def find_task(self, provider: str, task_id: str) -> Record | None:
        """The record of a task, or None."""
        packed = self.tasks.get(provider, {}).get(task_id)
        return unpack(packed) if packed is not None else None

    def add_upload(self, upload_id: str, upload: Upload) -> None:
        """Keep an uploaded file. Raises FullError when there are too many bytes."""
        if self.upload_bytes + len(upload.data) > self.options.max_uploads:
            limit = self.options.max_uploads
            message = f"the mock holds {self.upload_bytes} bytes of uploads, its limit is {limit}: reset an account"
            raise FullError(message)
        self.uploads[upload_id] = upload
        if self.shared is not None:
            self.shared.keep_upload(upload_id, upload)
        self.upload_bytes += len(upload.data)

    async def do(self, call: Call, work: Callable[[], T]) -> T:
        """Do a part of a call that reads or changes state: at once, or by the store that workers share.

        There it may be done more than once, until nobody else has changed the account meanwhile.
        """
        return work() if self.shared is None else await self.shared.of_call(call, work)

    async def whole(self, account: Account, work: Callable[[], T]) -> T:
        """Do something with all that there is of an account: at once, or by the store that workers share."""
        return work() if self.shared is None else await self.shared.whole(account, work)

    async def current(self, account: Account, task_id: str) -> Record | None:
        """The record of a task of an account, or None."""
        if self.shared is None:
            return self.find_task(account.provider, task_id)
        return await self.shared.task_of(account, task_id)

    async def wait_until(self, account: Account, when: float) -> None:
        """Return when the account's time has reached `when`; a jumping clock goes there at once."""
        if self.shared is not None and account.clock.mode.jumps:
            await self.shared.do(account, lambda: account.clock.advance_to(when))
        else:
            await account.clock.wait_until(when)

    def spawn(self, work: asyncio.Task[object]) -> None:
        """Keep a reference to work that outlives its request, such as a call back."""
        self.running.add(work)
        work.add_done_callback(self.running.discard)

    def tasks_owned(self, provider: str, number: int) -> list[tuple[str, bytes]]:
        """The packed tasks of an account. Looks at every task of the provider."""
        return [(task_id, packed) for task_id, packed in self.tasks[provider].items() if owner_of(packed) == number]

    def drop_account(self, provider: str, account: Account) -> None:
        """Forget an account, its tasks and its uploads. What its clock holds ends now, as nobody can move it later."""
        account.clock.set_mode(ClockMode(rate=0.0, jumps=True))
        self.expiry.forget(account)
        for task_id, _ in self.tasks_owned(provider, account.number):
            if task_id in self.holds:
                self.holds[task_id].set()
            del self.tasks[provider][task_id]
            self.task_count -= 1
            self.polls_left.pop(task_id, None)
            self.expired.pop(task_id, None)
        for upload_id in [name for name, upload in self.uploads.items() if upload.account == account.number]:
            self.upload_bytes -= len(self.uploads.pop(upload_id).data)
        self.twins = {name: twin for name, twin in self.twins.items() if twin.account != account.number}
        self.by_key.pop((provider, account.key), None)
        account.journal.clear()
        if self.shared is not None:
            self.shared.drop(account)
