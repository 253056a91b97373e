"""What other workers did to an account: clocks that were moved, faults that were set, accounts that were forgotten."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from imageproof.mock_server.stored import StoreUnavailableError

if TYPE_CHECKING:
    from imageproof.mock_server.shared import Shared

log = logging.getLogger("imageproof.mock")
REST_S = 0.5
HEARD_S = 0.1  # in which a task that is cancelled ends
TRIES = 10


async def hear(shared: Shared, channel: str) -> None:
    """Read every account again of which somebody tells, until cancelled; what waits for its clock wakes up then."""
    is_gone = False
    while True:
        try:
            subscription = await shared.link.listen(channel)
            async with subscription:
                if is_gone:
                    is_gone = False
                    await _refresh_all(shared)
                async for message in subscription.listen():
                    await _refresh(shared, message["data"])
        except (RedisError, StoreUnavailableError, OSError) as error:
            is_gone = True
            log.debug("no news from the store, tried again until it answers: %s", error)
        await asyncio.sleep(REST_S)


async def end_hearing(hearing: asyncio.Task[None]) -> None:
    """Cancel what hears until it has ended: redis-py loses a cancellation that comes while it subscribes."""
    for _ in range(TRIES):
        hearing.cancel()
        await asyncio.wait([hearing], timeout=HEARD_S)
        if hearing.done():
            return


async def _refresh(shared: Shared, place: object) -> None:
    if not isinstance(place, bytes):
        return
    provider, key, *released = place.decode().split("\0")
    for task_id in released:
        if task_id in shared.upstream.holds:
            shared.upstream.holds[task_id].set()
    account = shared.upstream.by_key.get((provider, key))
    if account is not None:
        await shared.do(account, lambda: None)


async def _refresh_all(shared: Shared) -> None:
    """Read every account again: there may have been news while nobody could hear them."""
    for account in [*shared.upstream.by_key.values()]:
        await shared.do(account, lambda: None)
