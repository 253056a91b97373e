"""Exchanges on their way to the store: many in one message, soon after they were kept, and nobody waits for them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import orjson

from imageproof.mock_server.shared_journal import written_row
from imageproof.mock_server.stored import StoreUnavailableError

if TYPE_CHECKING:
    from imageproof.mock_server.journal import Row
    from imageproof.mock_server.redis_link import Command, RedisLink
    from imageproof.mock_server.shared_rows import AccountKeys

log = logging.getLogger("imageproof.mock")
SOON_S = 0.005
MOST_ROWS = 500  # in one command


class Outbox:
    """What is still to be sent. When the store is gone, it is dropped, and the log says how much that was."""

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._rows: dict[str, tuple[AccountKeys, int, list[Row]]] = {}
        self._amended: list[tuple[AccountKeys, int, dict[str, object]]] = []
        self._lost = 0
        self._sending: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def put(self, keys: AccountKeys, row: Row, most: int) -> None:
        """Send an exchange; the store keeps `most` of them for the account."""
        waiting = self._rows.get(keys.journal)
        if waiting is None:
            waiting = self._rows[keys.journal] = (keys, most, [])
        waiting[2].append(row)
        self._arrange()

    def amend(self, keys: AccountKeys, number: int, changes: dict[str, object]) -> None:
        """Send a change of an exchange."""
        self._amended.append((keys, number, changes))
        self._arrange()

    def _arrange(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(SOON_S, self._start)

    def _start(self) -> None:
        self._timer = None
        if self._sending is not None and not self._sending.done():
            self._arrange()
            return
        self._sending = asyncio.get_running_loop().create_task(self.flush())

    async def settled(self) -> None:
        """Send all that waits, after what is on its way already."""
        if self._sending is not None:
            await self._sending
        await self.flush()

    async def flush(self) -> None:
        """Send all that waits."""
        rows, self._rows = self._rows, {}
        amended, self._amended = self._amended, []
        commands: list[Command] = []
        for keys, most, waiting in rows.values():
            for start in range(0, len(waiting), MOST_ROWS):
                part = [written_row(row) for row in waiting[start : start + MOST_ROWS]]
                commands.append(("RPUSH", keys.journal, *part))
            commands += [("LTRIM", keys.journal, -most, -1), ("HINCRBY", keys.account, "n", len(waiting))]
        commands += [("RPUSH", keys.amended, orjson.dumps([number, changes])) for keys, number, changes in amended]
        if not commands:
            return
        try:
            await self._link.ask(commands)
        except StoreUnavailableError:  # the link tells of it, and the count is told at the end
            self._lost += sum(len(waiting) for _, _, waiting in rows.values())
            return
        self.tell_lost()

    def tell_lost(self) -> None:
        """Say how much could not be sent."""
        lost, self._lost = self._lost, 0
        if lost:
            log.warning("%d exchanges were lost to the journal while the store did not answer", lost)
