"""Who may move money while somebody reads balances: many at a time, or one alone."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Quiet:
    """A lock that many may share, and one may have alone; who waits to be alone keeps newcomers out."""

    __slots__ = ("_changed", "_is_alone", "_sharing", "_waiting")

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._sharing = 0
        self._waiting = 0
        self._is_alone = False

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        """Be one of many."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._is_alone and not self._waiting)
            self._sharing += 1
        try:
            yield
        finally:
            async with self._changed:
                self._sharing -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        """Be the only one, as soon as all others have ended."""
        async with self._changed:
            self._waiting += 1
            try:
                await self._changed.wait_for(lambda: not self._is_alone and not self._sharing)
            finally:
                self._waiting -= 1
                self._changed.notify_all()  # who was kept out by somebody that has given up may come in
            self._is_alone = True
        try:
            yield
        finally:
            async with self._changed:
                self._is_alone = False
                self._changed.notify_all()
