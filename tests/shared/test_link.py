"""The link to the store: answers that get lost change nothing twice, and a crowd waits instead of being turned away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpx2 as httpx
import pytest
import redis

from imageproof import Mock
from imageproof.mock_server.redis_link import MOST_LINKS, MOST_MESSAGES, PREFIX, Command, RedisLink, shown_url
from imageproof.mock_server.shared import PATIENCE
from imageproof.mock_server.stored import StoreUnavailableError
from tests.shared.leaky import leaky
from tests.shared.stores import Store, free_port, running_store

PAUSE_MS = 300
SUBMIT = "/api/v1/images/generations"


def test_changes_are_made_once_though_the_answer_got_lost(store: Store) -> None:
    with leaky(store) as way, redis.Redis.from_url(store.url) as own:

        async def run() -> list[int]:
            link = RedisLink(way.url)
            versions = [await link.apply("account", 0, [("INCR", "changes")])]
            way.losing = 1
            versions.append(await link.apply("account", versions[-1], [("INCR", "changes")]))
            versions.append(await link.apply("account", versions[-1], [("INCR", "changes")]))
            versions.append(await link.apply("account", 1, [("INCR", "changes")]))
            await link.close()
            return versions

        assert asyncio.run(run()) == [1, 2, 3, 0]
        assert (own.get("changes"), way.lost) == (b"3", 1)
        own.flushdb()


def test_a_submit_is_taken_once_though_the_answer_of_the_store_got_lost(store: Store) -> None:
    with leaky(store) as way, Mock("reapi", clock="manual", store=way.url) as mock:
        account = mock.account("reapi")
        body = {"model": "gpt-image-2", "prompt": "a red fox"}
        with httpx.Client(base_url=account.base_url, headers=account.headers, timeout=30) as http:
            first = http.post(SUBMIT, json=body)
            way.losing = 1
            second = http.post(SUBMIT, json=body)
        assert (first.status_code, second.status_code, way.lost) == (200, 200, 1)
        assert [task["id"] for task in account.tasks()] == [first.json()["id"], second.json()["id"]]
        assert account.describe()["jobs"] == 2
        account.reset()


def test_a_worker_that_loses_again_and_again_asks_for_its_turn_and_gives_it_back(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, lost, turns = RedisLink.apply, [0], list[bytes | None]()
    with redis.Redis.from_url(store.url) as own, Mock("reapi", clock="manual", store=store.url) as mock:
        account = mock.account("reapi")
        turn = f"{PREFIX}turn:reapi:{account.key}"

        async def losing(link: RedisLink, key: str, version: int, commands: Sequence[Command]) -> int:
            turns.append(own.get(turn))
            lost[0] += 1
            return 0 if lost[0] <= PATIENCE + 1 else await real(link, key, version, commands)

        monkeypatch.setattr(RedisLink, "apply", losing)
        made = httpx.post(
            account.base_url + SUBMIT, json={"model": "gpt-image-2", "prompt": "a fox"}, headers=account.headers
        )
        monkeypatch.undo()
        assert made.status_code == 200
        assert turns[:PATIENCE] == [None] * PATIENCE
        assert None not in turns[PATIENCE:]
        assert own.get(turn) is None
        assert len(account.tasks()) == 1
        account.reset()


def test_a_worker_steps_aside_while_it_is_the_turn_of_another_one(store: Store) -> None:
    with redis.Redis.from_url(store.url) as own, Mock("reapi", clock="manual", store=store.url) as mock:
        account = mock.account("reapi")
        turn = f"{PREFIX}turn:reapi:{account.key}"
        own.set(turn, "another", px=PAUSE_MS)
        made = httpx.post(
            account.base_url + SUBMIT, json={"model": "gpt-image-2", "prompt": "a fox"}, headers=account.headers
        )
        assert (made.status_code, own.get(turn)) == (200, None)
        account.reset()


def test_a_crowd_waits_for_its_turn(store: Store) -> None:
    """More work at once than a worker has connections."""
    with redis.Redis.from_url(store.url) as own:

        async def run() -> list[list[object]]:
            link = RedisLink(store.url)
            own.execute_command("CLIENT", "PAUSE", PAUSE_MS, "ALL")
            answers = await asyncio.gather(*(link.ask([("ECHO", number)]) for number in range(MOST_LINKS * 3)))
            await link.close()
            return answers

        assert asyncio.run(run()) == [[str(number).encode()] for number in range(MOST_LINKS * 3)]


def test_what_is_asked_at_a_time_travels_together_and_each_gets_its_own_answers(store: Store) -> None:
    with redis.Redis.from_url(store.url) as own:
        own.flushdb()

        async def run() -> list[object]:
            link = RedisLink(store.url)
            await link.ask([("SET", "text", "no number")])
            sent = own.info("stats")["total_reads_processed"]
            questions = [link.ask([("ECHO", number), ("INCR", "calls")]) for number in range(100)]
            wrong = link.ask([("INCR", "text"), ("INCR", "calls")])
            change = link.apply("account", 0, [("SET", "changed", "yes")])
            told = await asyncio.gather(*questions, wrong, change, return_exceptions=True)
            assert own.info("stats")["total_reads_processed"] - sent < 10 * MOST_MESSAGES
            await link.close()
            return told

        *answers, wrong, version = asyncio.run(run())
        assert answers == [[str(number).encode(), number + 1] for number in range(100)]
        assert isinstance(wrong, StoreUnavailableError)
        assert "not an integer" in str(wrong)
        assert (version, own.get("changed"), own.get("calls")) == (1, b"yes", b"101")
        own.flushdb()


def test_a_client_that_leaves_takes_no_answer_from_the_others(store: Store) -> None:
    with redis.Redis.from_url(store.url) as own:

        async def run() -> list[object]:
            link = RedisLink(store.url)
            own.execute_command("CLIENT", "PAUSE", PAUSE_MS, "ALL")
            asked = [asyncio.ensure_future(link.ask([("ECHO", number)])) for number in range(40)]
            await asyncio.sleep(0.05)
            for number in range(0, 40, 3):
                asked[number].cancel()
            told: list[object] = [*await asyncio.gather(*asked, return_exceptions=True)]
            told.append(await link.ask([("ECHO", "still there")]))
            await link.close()
            return told

        *told, last = asyncio.run(run())
        for number, answer in enumerate(told):
            assert isinstance(answer, asyncio.CancelledError) if number % 3 == 0 else answer == [str(number).encode()]
        assert last == [b"still there"]


def test_a_store_that_is_not_there_is_told_at_once_and_without_its_password() -> None:
    async def run() -> str:
        link = RedisLink(f"redis://user:secret@127.0.0.1:{free_port('127.0.0.1')}/0")
        with pytest.raises(StoreUnavailableError) as told:
            await link.ask([("PING",)])
        await link.close()
        return str(told.value)

    said = asyncio.run(run())
    assert "127.0.0.1" in said
    assert "secret" not in said


def test_a_store_that_wants_a_password_says_so() -> None:
    with running_store("--requirepass", "hunter2") as guarded:

        async def run(url: str) -> list[object]:
            link = RedisLink(url)
            try:
                return await link.ask([("ECHO", "in")])
            finally:
                await link.close()

        with pytest.raises(StoreUnavailableError, match="authenticated"):
            asyncio.run(run(guarded.url))
        assert asyncio.run(run(f"redis://:hunter2@127.0.0.1:{guarded.port}/0")) == [b"in"]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("rediss://me:p@ss@store:6380/3", "rediss://store:6380/3"),
        ("unix:///run/redis.sock", "unix:///run/redis.sock"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert shown_url(url) == shown
