"""The link to Redis: one connection pool, the one script that changes state, and errors as one sentence.

What several accounts ask for at a time travels together: for each message alone, packing, sending and reading cost more
than all that the mock does for a request.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from itertools import count
from secrets import token_hex
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from imageproof.mock_server.stored import StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from redis.asyncio.client import PubSub

log = logging.getLogger("imageproof.mock")
Word = bytes | str | int
Command = tuple[Word, ...]

CONNECT_S = 1.0
ANSWER_S = 3.0
MOST_LINKS = 64
MOST_MESSAGES = 3  # on their way at a time: with more of them less travels together, with one a long answer stops all
MOST_COMMANDS = 1_000  # in one message, but for a single question that has more
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


class Question(NamedTuple):
    """Some commands that wait to be sent, and whom their answers are for."""

    commands: Sequence[Command]
    answers: asyncio.Future[list[object]]


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
        self._apply_sha = self._redis.register_script(APPLY).sha
        self._waiting: deque[Question] = deque()
        self._senders: set[asyncio.Task[None]] = set()
        self._sending = 0

    async def _told(self, commands: Sequence[Command], *, again: Command | None = None) -> list[object]:
        """The answers to some commands; `again` is sent for a script that Redis does not know yet."""
        try:
            told = await self._answered(commands)
            if again is not None and isinstance(told[0], NoScriptError):
                told = await self._answered([again])
            wrong = next((answer for answer in told if isinstance(answer, Exception)), None)
            if wrong is not None:
                raise wrong
        except (RedisError, OSError, TimeoutError) as error:
            raise self._unavailable(error) from error
        self._has_answered = True
        if self._is_told:
            self._is_told = False
            log.warning("the store at %s answers again", shown_url(self.url))
        return told

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        """What to raise for an error of the link; the log is told of it now and then."""
        message = f"the store at {shown_url(self.url)} does not answer: {error}"
        if self._has_answered and monotonic() >= self._quiet_until:
            self._quiet_until, self._is_told = monotonic() + QUIET_S, True
            log.warning("%s; requests are refused until it does", message)
        return StoreUnavailableError(message)

    async def _answered(self, commands: Sequence[Command]) -> list[object]:
        """The answers to some commands, errors among them. Raises what the link raises."""
        loop = asyncio.get_running_loop()
        question = Question(commands, loop.create_future())
        self._waiting.append(question)
        if self._sending < MOST_MESSAGES:
            self._sending += 1  # counted here and in the task: it is in the set a little longer than it looks for work
            sender = loop.create_task(self._send_off())
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
        return await question.answers

    async def _send_off(self) -> None:
        """Send what waits until nothing does."""
        try:
            while self._waiting:
                batch = [self._waiting.popleft()]
                size = len(batch[0].commands)
                while self._waiting and size + len(self._waiting[0].commands) <= MOST_COMMANDS:
                    batch.append(self._waiting.popleft())
                    size += len(batch[-1].commands)
                await self._send(batch)
        finally:
            self._sending -= 1

    async def _send(self, batch: list[Question]) -> None:
        """Send some questions as one message, and hand the answers out."""
        pipe = self._redis.pipeline(transaction=False)
        for question in batch:
            for command in question.commands:
                pipe.execute_command(*command)
        try:
            answers = await pipe.execute(raise_on_error=False)
        except asyncio.CancelledError:
            for question in (*batch, *self._waiting):
                question.answers.cancel()
            self._waiting.clear()
            raise
        except Exception as error:  # noqa: BLE001  (whoever asked must learn of it, whatever it is)
            for question in batch:
                if not question.answers.done():
                    question.answers.set_exception(error)
            return
        at = 0
        for question in batch:
            if not question.answers.done():  # nobody waits any more where the client has left
                question.answers.set_result(answers[at : at + len(question.commands)])
            at += len(question.commands)

    async def ask(self, commands: Sequence[Command]) -> list[object]:
        """The answers to some commands, sent in one go."""
        return await self._told(commands)

    async def apply(self, key: str, version: int, commands: Sequence[Command]) -> int:
        """Make changes to an account of this version; its new version, 0 when it has another one by now."""
        words: list[Word] = [version, self._sender, next(self._sent)]
        for command in commands:
            words += [len(command), *command]
        (done,) = await self._told(
            [("EVALSHA", self._apply_sha, 1, key, *words)], again=("EVAL", APPLY, 1, key, *words)
        )
        return done if isinstance(done, int) else 0

    async def listen(self, channel: str) -> PubSub:
        """A subscription to a channel."""
        subscription = self._redis.pubsub(ignore_subscribe_messages=True)
        try:
            await subscription.subscribe(channel)
        except (RedisError, OSError, TimeoutError) as error:
            raise self._unavailable(error) from error
        return subscription

    async def close(self) -> None:
        """Let go of the connections, once what is on its way has come."""
        await asyncio.gather(*self._senders, return_exceptions=True)
        await self._redis.aclose()


def shown_url(url: str) -> str:
    """The URL without a password."""
    head, marker, rest = url.partition("://")
    return f"{head}{marker}{rest.rpartition('@')[2]}"
