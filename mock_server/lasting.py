"""State that outlives a process: taken up before a mock serves, and kept until it ends. In a store, or in a file."""

from __future__ import annotations

import asyncio
import logging
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.mock_server.server import Mock
    from imageproof.mock_server.state_file import StateKeeper

log = logging.getLogger("imageproof.mock")


class Lasting:
    """What a mock keeps beyond its own memory; nothing, unless its options name a store or a file."""

    def __init__(self, mock: Mock) -> None:
        self._mock = mock
        self._keeper: StateKeeper | None = None
        self._keeping: asyncio.Task[None] | None = None

    async def begin(self) -> Iterator[int]:
        """Take up the state, if there is any; the result numbers the connections of this process.

        Raises StoreUnavailableError, StoreMismatchError when the mocks of the store were set up in another way, and
        StateFileError.
        """
        options = self._mock.options
        if options.state is not None and self._keeper is None:
            from imageproof.mock_server.state_file import StateKeeper, read  # noqa: PLC0415  (only some mocks need it)

            tasks = read(self._mock, options.state)
            if tasks:
                log.info("%d tasks taken up from %s", tasks, options.state)
            self._keeper = StateKeeper(self._mock, options.state, options.state_every_s)
            self._keeping = asyncio.get_running_loop().create_task(self._keeper.keep())
        if options.store is None or self._mock.upstream.shared is not None:
            return count(1)
        from imageproof.mock_server.redis_link import RedisLink  # noqa: PLC0415  (its package is an extra)
        from imageproof.mock_server.shared import Shared  # noqa: PLC0415  (as above)

        link = RedisLink(options.store)
        shared = Shared(self._mock.upstream, link)
        specs = ", ".join(self._mock.services)
        try:
            await shared.open(
                f"seed {options.seed}, clock {options.clock}, specs {specs}, limits {options.limits}, "
                f"{len(options.faults)} faults, scenario {options.scenario}"
            )
        except BaseException:
            await link.close()
            raise
        return count((shared.worker << 32) + 1)

    async def end(self) -> None:
        """Keep what is still to be kept, and let go."""
        if self._keeper is not None:
            await self._keeper.save()
        await self.let_go()

    async def let_go(self) -> None:
        """Let go of the file or the store, and keep nothing: for a mock that has not served."""
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None
        self._keeper = None
        if self._mock.upstream.shared is not None:
            await self._mock.upstream.shared.close()
