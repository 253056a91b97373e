"""The same account for tests that are coroutines: nothing blocks their event loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imageproof.specs.model import JsonTree
    from imageproof.testing.account import ImageproofMock
    from imageproof.testing.calls import Call


class AsyncImageproofMock:
    """`ImageproofMock` with methods to await; what needs no waiting is a property as there. Needs asyncio."""

    def __init__(self, mock: ImageproofMock) -> None:
        self.sync = mock

    def __repr__(self) -> str:
        """Give the provider, never the key."""
        return f"AsyncImageproofMock({self.provider!r})"

    @property
    def provider(self) -> str:
        """The name of the provider that is played."""
        return self.sync.provider

    @property
    def base_url(self) -> str:
        """Where a client is to be pointed at, without a slash at the end."""
        return self.sync.base_url

    @property
    def key(self) -> str:
        """The API key of this test."""
        return self.sync.key

    @property
    def headers(self) -> dict[str, str]:
        """The header that carries the key."""
        return self.sync.headers

    def env(self) -> dict[str, str]:
        """Environment variables for a program, as those of `ImageproofMock`."""
        return self.sync.env()

    def allow_violations(self, *patterns: str) -> None:
        """Let the test pass although requests break rules: all, or those whose id matches."""
        self.sync.allow_violations(*patterns)

    async def set(self, **settings: JsonTree) -> None:
        """Set `balance_usd`, `limits`, `faults`, `clock` and so on. Raises ValueError for nonsense."""
        await asyncio.to_thread(lambda: self.sync.set(**settings))

    async def scenario(self, scenario: str) -> None:
        """Play a scenario from now on. Raises ValueError for one that is not understood."""
        await asyncio.to_thread(self.sync.scenario, scenario)

    async def fault(self, fault: str | dict[str, JsonTree]) -> None:
        """Let something go wrong from now on. Raises ValueError for a fault that is not understood."""
        await asyncio.to_thread(self.sync.fault, fault)

    async def advance(self, step: str | float) -> None:
        """Move the clock on. A client that can be given an awaited sleep can be given this."""
        await asyncio.to_thread(self.sync.advance, step)

    async def advance_to_next(self) -> None:
        """Move the clock to the next thing that happens."""
        await asyncio.to_thread(self.sync.advance_to_next)

    async def now(self) -> float:
        """The provider's time in seconds since 1970."""
        return await asyncio.to_thread(self.sync.now)

    async def calls(self, operation: str | None = None) -> list[Call]:
        """The requests that have arrived, oldest first. Raises ValueError for an unknown operation."""
        return await asyncio.to_thread(self.sync.calls, operation)

    async def tasks(self) -> list[dict[str, JsonTree]]:
        """The tasks of this test with their whole plans, which a client never sees."""
        return await asyncio.to_thread(self.sync.tasks)

    async def balance_usd(self) -> float:
        """What is left, in dollars."""
        return await asyncio.to_thread(lambda: self.sync.balance_usd)

    async def spent_usd(self) -> float:
        """What has been charged and not been given back, in dollars."""
        return await asyncio.to_thread(lambda: self.sync.spent_usd)

    async def assert_called(self, operation: str, *, times: int | None = None) -> list[Call]:
        """Require that an operation was called: so many times, or at least once. Gives these calls."""
        __tracebackhide__ = True
        return await asyncio.to_thread(lambda: self.sync.assert_called(operation, times=times))

    async def assert_not_called(self, operation: str) -> None:
        """Require that an operation was never called."""
        __tracebackhide__ = True
        await asyncio.to_thread(self.sync.assert_not_called, operation)

    async def assert_polled_as_advised(self) -> None:
        """Require that tasks were polled as the documents advise, and not after their end."""
        __tracebackhide__ = True
        await asyncio.to_thread(self.sync.assert_polled_as_advised)

    async def assert_billed(self, *, micro_usd: int | None = None, usd: float | None = None) -> None:
        """Require that exactly so much was spent: charged, and not given back."""
        __tracebackhide__ = True
        await asyncio.to_thread(lambda: self.sync.assert_billed(micro_usd=micro_usd, usd=usd))

    async def assert_no_violations(self) -> None:
        """Require that every request so far keeps the contract, whatever has been allowed."""
        __tracebackhide__ = True
        await asyncio.to_thread(self.sync.assert_no_violations)
