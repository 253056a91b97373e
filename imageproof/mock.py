"""The mock from Python: `with Mock("reapi") as mock: ...`, in sync and in async code.

With all powers of the control API.

The mock runs on an event loop in a thread of its own, so the code under test may block or use another loop as it likes.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self, TypeVar

from imageproof.door import Door
from imageproof.mock_server import powers
from imageproof.mock_server.clock import clock_mode
from imageproof.mock_server.faults.words import fault_in
from imageproof.mock_server.har import as_har
from imageproof.mock_server.options import Options, Physics, read_physics
from imageproof.mock_server.server import Mock as Handler
from imageproof.mock_server.truths import truths_of
from imageproof.scenario_names import scenario_named
from imageproof.specs.library import load, shipped

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from types import TracebackType

    from imageproof.mock_server.accounts import Account
    from imageproof.mock_server.connection import MockServer
    from imageproof.mock_server.service import Service
    from imageproof.specs.model import JsonTree
    from imageproof.specs.scenario import Scenario

T = TypeVar("T")
START_S = 30.0
LONG_S = 120.0  # pictures of a whole account may have to be drawn


@dataclass(frozen=True, slots=True)
class MockAccount:
    """One key at one provider of a running mock. What is done to it does not touch any other account."""

    mock: Mock
    provider: str
    key: str

    @property
    def base_url(self) -> str:
        """Where a client of this provider is to be pointed at, without a slash at the end."""
        return f"{self.mock.url}/{self.provider}"

    @property
    def headers(self) -> dict[str, str]:
        """The header that names this account."""
        auth = load(self.mock.specs[self.provider]).auth
        return {auth.header: f"{auth.scheme} {self.key}".strip()}

    def _do(self, work: Callable[[Service, Account], T]) -> T:
        async def run() -> T:
            service = powers.service_named(self.mock.handler, self.provider)
            account = powers.account_of(service, self.key)
            return await self.mock.handler.upstream.whole(account, lambda: work(service, account))

        return self.mock.run_async(run)

    def describe(self) -> dict[str, JsonTree]:
        """Settings and state: balance, limits, clock, number of tasks, journal."""
        return self._do(powers.describe_account)

    def set(self, **settings: JsonTree) -> None:
        """Set `balance_usd`, `balance_credits`, `limits`, `scenario`, `faults`, `clock` or `webhook`.

        Raises PowerError for nonsense.
        """
        self._do(lambda service, account: powers.set_account(service, account, settings))

    def fault(self, fault: str | dict[str, JsonTree]) -> None:
        """Let the account fail: a mapping, or a text such as `{status: 502, on: poll, times: 2}`.

        Faults add up; `set(faults=[])` ends them. Raises PowerError for one that is not understood.
        """
        self._do(lambda service, account: powers.add_fault(service, account, fault))

    def play(self, scenario: Scenario | str) -> None:
        """Put a scenario (or the one of this name) on the account: its plan, its faults, its limits.

        Raises PowerError for one that this provider can't play.
        """
        if isinstance(scenario, str):
            self.set(scenario=scenario)
        else:
            self._do(lambda service, account: powers.play(service, account, scenario))

    def truths(self) -> list[dict[str, JsonTree]]:
        """Each job of the account as the provider knows it, oldest first; none whose task is over and dropped.

        `task`; `entry`, the number in the journal of the exchange that ordered it; `began` and `ended` in the account's
        time, the end as planned, None for a job that no time ends; `succeeded`; `images`, the SHA-256 digests of what
        it delivers, drawn for that; `micro_usd`, what it costs in the end; `was_lost`, whether its answer was lost.
        """

        async def tell() -> list[dict[str, JsonTree]]:
            service = powers.service_named(self.mock.handler, self.provider)
            return await truths_of(service, powers.account_of(service, self.key))

        return self.mock.run_async(tell)

    def advance(self, step: str | float) -> None:
        """Move the account's clock on: `"95s"`, `"3m"` or seconds. Held calls and call backs that are due wake up."""
        self._do(lambda _, account: powers.move_clock(self.mock.handler, [account], {"advance": step}))

    def advance_to_next(self) -> None:
        """Move the account's clock to the next thing that happens to it."""
        self._do(lambda _, account: powers.move_clock(self.mock.handler, [account], {"to": "next"}))

    def journal(self) -> list[JsonTree]:
        """The exchanges of the account, oldest first, without its key."""
        entries = self._do(lambda _, account: powers.journal_of(account))["entries"]
        return entries if isinstance(entries, list) else []

    def har(self) -> str:
        """The exchanges as the text of a HAR file."""
        return self._do(lambda service, account: as_har(account, service))

    def ledger(self) -> dict[str, JsonTree]:
        """The money of the account: opening, movements, balance."""
        return self._do(powers.ledger_of)

    def tasks(self) -> list[dict[str, JsonTree]]:
        """The tasks of the account with their whole plans."""
        return self._do(
            lambda service, account: [
                powers.describe_task(service, account, *task) for task in powers.tasks_of(service, account)
            ]
        )

    def finish(self, task_id: str) -> dict[str, JsonTree]:
        """End a task now as planned. Raises PowerError for one that has ended."""
        return self._do(lambda service, account: powers.move_task(service, account, task_id, "finish", None))

    def fail(self, task_id: str, failure: str = "upstream_failed") -> dict[str, JsonTree]:
        """End a task now with a documented failure. Raises PowerError for one that has ended."""
        return self._do(lambda service, account: powers.move_task(service, account, task_id, "fail", failure))

    def reset(self) -> None:
        """Forget all that belongs to the account."""
        self._do(powers.reset_account)


class Mock:
    """A mock upstream on a free port of loopback, for as long as the `with` block lasts.

    `specs` are shipped names or paths of YAML files; none means all that are shipped. `clock` is `real`, a scale such
    as `60x`,
    `manual` or `jump`; `limits` is `off` or `documented`; `queue` is a text such as `slots=4,p50=20s,p99=90s`;
    `patience_s` is how many seconds a body may take to arrive; `sabotage` is the id of one rule's sabotage, which the
    mock then breaks; `pictures` plain are drawn quickly and show nothing; `payload` photo makes results as many
    bytes as photographs have; `faults` strike every account, and each of them plays the `scenario`;
    `timing_header` tells the mock's own times in real milliseconds in each answer; `store` is the URL of a Redis server
    in which several mocks keep the same accounts and tasks, `state` a file in which one keeps them for the next; a task
    is kept for `keep_tasks_s` of its account's time after its end, or as documented.

    Raises UnknownSpecError, SpecError or ValueError before anything is started, OSError when the address can't be had.
    """

    def __init__(  # noqa: PLR0913  (named options of one thing, all with defaults)
        self,
        *specs: str,
        clock: str = "real",
        seed: int = 1,
        limits: Literal["off", "documented"] = "off",
        queue: str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        start: float | None = None,
        journal: int = 10_000,
        max_tasks: int = 1_000_000,
        keep_tasks_s: float | None = None,
        patience_s: float = 30.0,
        sabotage: str | None = None,
        pictures: Literal["full", "plain"] = "full",
        payload: Literal["drawn", "photo"] = "drawn",
        faults: Sequence[str | dict[str, JsonTree]] = (),
        scenario: str | None = None,
        timing_header: bool = False,
        store: str | None = None,
        state: str | Path | None = None,
    ) -> None:
        if limits not in ("off", "documented"):
            message = f"expected limits to be off or documented, got {limits!r}"
            raise ValueError(message)
        if payload not in ("drawn", "photo"):
            message = f"expected payload to be drawn or photo, got {payload!r}"
            raise ValueError(message)
        physics: Physics | None = read_physics(queue) if queue else None
        self.options = Options(
            seed=seed,
            clock=clock_mode(clock),
            limits=limits,
            physics=physics,
            start=start,
            journal=journal,
            max_tasks=max_tasks,
            keep_tasks_s=keep_tasks_s,
            head_timeout_s=patience_s / 2,
            body_timeout_s=patience_s,
            sabotage=sabotage,
            pictures=pictures,
            payload=payload,
            faults=tuple(fault_in(fault) for fault in faults),
            scenario=scenario,
            scenarios=scenario_named,
            timing_header=timing_header,
            store=store,
            state=Path(state) if state is not None else None,
        )
        loaded = {name: load(name) for name in specs or shipped()}
        self.specs = {spec.name: name for name, spec in loaded.items()}
        self.handler = Handler(list(loaded.values()), self.options)
        self._address = (host, port)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: MockServer | None = None
        self._numbers = count(1)
        self._doors: list[Door] = []

    @property
    def url(self) -> str:
        """The root of the mock. Raises RuntimeError when it is not running."""
        if self._server is None:
            message = "the mock is not running: use it as `with Mock(...) as mock:`"
            raise RuntimeError(message)
        return self._server.url

    def account(self, provider: str | None = None, key: str | None = None) -> MockAccount:
        """An account of a provider; without a key a new one of the provider's form.

        Without a provider the only one served.
        """
        name = provider or next(iter(self.specs))
        service = powers.service_named(self.handler, name)
        if key is None:
            key = f"{service.spec.auth.key_example}-{next(self._numbers)}"
        self.run(lambda: powers.account_of(service, key))
        return MockAccount(self, name, key)

    def run(self, work: Callable[[], T]) -> T:
        """Do something on the mock's own loop and give its result."""
        if self._loop is None:
            message = "the mock is not running: use it as `with Mock(...) as mock:`"
            raise RuntimeError(message)

        async def inside() -> T:
            return work()

        return asyncio.run_coroutine_threadsafe(inside(), self._loop).result(START_S)

    def run_async(self, work: Callable[[], Coroutine[object, object, T]]) -> T:
        """Do something that waits on the mock's own loop and give its result."""
        if self._loop is None:
            message = "the mock is not running: use it as `with Mock(...) as mock:`"
            raise RuntimeError(message)
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(LONG_S)

    def door(self) -> Door:
        """Another way to the mock, at a port where connections are refused until it is opened."""
        if self._server is None:
            message = "the mock is not running: use it as `with Mock(...) as mock:`"
            raise RuntimeError(message)
        door = Door(self, self._address[0])
        self._doors.append(door)
        return door

    def start(self) -> Mock:
        """Start to serve. Raises OSError when the address can't be had."""
        loop = self._loop = _new_loop()
        self._thread = threading.Thread(target=_run, args=(loop,), name="imageproof-mock", daemon=True)
        self._thread.start()
        try:
            self._server = asyncio.run_coroutine_threadsafe(self.handler.serve(*self._address), loop).result(START_S)
        except BaseException:
            self._end()
            raise
        return self

    def stop(self) -> None:
        """Stop to serve and end the thread; held calls are cut."""
        while self._doors:
            self._doors.pop().close()
        if self._server is not None and self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(START_S)
            asyncio.run_coroutine_threadsafe(self.handler.lasting.end(), self._loop).result(START_S)
        self._server = None
        self._end()

    def _end(self) -> None:
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(START_S)
        self._loop = self._thread = None

    def __enter__(self) -> Self:
        """Start to serve."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    async def __aenter__(self) -> Self:
        """Start to serve, without blocking the caller's loop."""
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, without blocking the caller's loop."""
        await asyncio.to_thread(self.stop)


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop  # noqa: PLC0415  (does not exist on Windows)
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
