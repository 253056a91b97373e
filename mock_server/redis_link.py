"""The link to Redis: one connection pool, the one script that changes state, and errors as one sentence."""

from __future__ import annotations

import logging
from itertools import count
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from imageproof.mock_server.stored import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from redis.asyncio.client import PubSub

log = logging.getLogger("imageproof.mock")
Word = bytes | str | int
Command = tuple[Word, ...]

CONNECT_S = 1.0
ANSWER_S = 3.0
MOST_LINKS = 64
QUIET_S = 60.0  # the log says it once a minute that the store is gone, not with every request
PREFIX = "imageproof:1:"  # the number changes with the form of what is kept

# Changes are made only if nobody else has changed the account since it was read; all of them, or none. Each change is
# a count of words and the words of a command of Redis. Who sends changes numbers them, and the last number is kept: a
# link that broke before the answer came sends them again, and they are not to be made twice.
APPLY = """
local known = redis.call('HMGET', KEYS[1], 'v', ARGV[2])
if (known[1] or '0') ~= ARGV[1] then
  if known[2] == ARGV[3] then return tonumber(ARGV[1]) + 1 end
  return 0
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
local at = 4
while at <= #ARGV do
  local words = {}
  local count = tonumber(ARGV[at])
  for i = 1, count do words[i] = ARGV[at + i] end
  redis.call(unpack(words))
  at = at + count + 1
end
return redis.call('HINCRBY', KEYS[1], 'v', 1)
"""


class RedisLink:
    """What the shared state needs of Redis. Every method raises StoreUnavailableError."""

    def __init__(self, url: str) -> None:
        self.url = url
        pool = BlockingConnectionPool.from_url(
            url,
            timeout=ANSWER_S,
            socket_connect_timeout=CONNECT_S,
            socket_timeout=ANSWER_S,
            socket_keepalive=True,
            max_connections=MOST_LINKS,
            retry=Retry(NoBackoff(), 1),  # a link that Redis has closed, as after a restart, is made again at once
        )
        self._redis: Redis = Redis.from_pool(pool)
        self._sender = f"by:{token_hex(8)}"
        self._sent = count(1)
        self._has_answered = self._is_told = False  # a store that never answered is told of by who opens the mock
        self._quiet_until = 0.0
        self._apply = self._redis.register_script(APPLY)

    async def _told(self, answer: Awaitable[object]) -> object:
        try:
            told = await answer
        except (RedisError, OSError, TimeoutError) as error:
            message = f"the store at {shown_url(self.url)} does not answer: {error}"
            if self._has_answered and monotonic() >= self._quiet_until:
                self._quiet_until, self._is_told = monotonic() + QUIET_S, True
                log.warning("%s; requests are refused until it does", message)
            raise StoreUnavailableError(message) from error
        self._has_answered = True
        if self._is_told:
            self._is_told = False
            log.warning("the store at %s answers again", shown_url(self.url))
        return told

    async def ask(self, commands: Sequence[Command]) -> list[object]:
        """The answers to some commands, sent in one go."""
        pipe = self._redis.pipeline(transaction=False)
        for command in commands:
            pipe.execute_command(*command)
        answers = await self._told(pipe.execute())
        return answers if isinstance(answers, list) else []

    async def apply(self, key: str, version: int, commands: Sequence[Command]) -> int:
        """Make changes to an account of this version; its new version, 0 when it has another one by now."""
        words: list[Word] = [version, self._sender, next(self._sent)]
        for command in commands:
            words += [len(command), *command]
        done = await self._told(self._apply(keys=[key], args=words))
        return int(done) if isinstance(done, int) else 0

    async def listen(self, channel: str) -> PubSub:
        """A subscription to a channel."""
        subscription = self._redis.pubsub(ignore_subscribe_messages=True)
        await self._told(subscription.subscribe(channel))
        return subscription

    async def close(self) -> None:
        """Let go of the connections."""
        await self._redis.aclose()


def shown_url(url: str) -> str:
    """The URL without a password."""
    head, marker, rest = url.partition("://")
    return f"{head}{marker}{rest.rpartition('@')[2]}"
