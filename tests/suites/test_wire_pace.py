"""A target is never asked more often than it was agreed, and left alone for as long as it asks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from imageproof.suites.pacing import Gate
from imageproof.suites.wire import Incoming, Outgoing, Pace, Sender, TroubleError, pause_of
from tests.suites.strangers import OK, Serve, Stranger, says_in_turn, stays_silent, stranger

GET = Outgoing(method="GET", path="/")
NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@dataclass(slots=True)
class Clock:
    """A clock that only moves when somebody sleeps."""

    time_s: float = 0.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time_s = max(self.time_s, self.time_s + seconds)


def run(serve: Serve, pace: Pace, count: int = 1, *, honour: bool = True) -> tuple[list[Incoming], Stranger, Clock]:
    """Send some requests at once."""
    clock = Clock()

    async def main() -> tuple[list[Incoming], Stranger, Clock]:
        async with (
            stranger(serve) as other,
            Sender(other.url, pace, now=clock.now, sleep=clock.sleep, wall=lambda: NOW) as sender,
        ):
            got = await asyncio.gather(*(sender.send(GET, honour_429=honour) for _ in range(count)))
            assert sender.requests == len(other.requests)
            return got, other, clock

    return asyncio.run(main())


def busy(retry_after: str | None, *more: str) -> bytes:
    hint = [f"Retry-After: {retry_after}"] if retry_after is not None else []
    return "\r\n".join(["HTTP/1.1 429 Too Many Requests", "Content-Length: 0", *hint, *more, "", ""]).encode()


def test_no_more_requests_at_once_than_agreed() -> None:
    under_way: list[int] = [0, 0]

    async def serve(other: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await other.head(reader)
            under_way[0] += 1
            under_way[1] = max(under_way)
            for _ in range(5):
                await asyncio.sleep(0)  # let others come in
            under_way[0] -= 1
            writer.write(OK)

    run(serve, Pace(concurrency=3), 20)
    assert under_way[1] == 3


def test_no_more_requests_in_a_second_than_agreed() -> None:
    got, _, _ = run(says_in_turn(OK), Pace(per_second=4), 9)
    began = sorted(item.began_s for item in got)
    assert all(later - earlier >= 0.25 for earlier, later in pairwise(began))
    assert began[-1] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        (busy("7"), 7),
        (busy("0"), 0),
        (busy("60"), 60),
        (busy("Tue, 14 Nov 2023 22:13:25 GMT"), 5),
        (busy("Tue, 14 Nov 2023 22:13:25 -0000"), 5),
        (busy("Tue, 14 Nov 2023 22:13:10 GMT"), 0),
        (busy("Tue, 14 Nov 2023 23:00:09 GMT", "Date: Tue, 14 Nov 2023 23:00:00 GMT"), 9),  # its clock is not ours
    ],
)
def test_a_pause_that_is_asked_for_is_kept(answer: bytes, wait_s: float) -> None:
    got, other, clock = run(says_in_turn(answer, OK), Pace())
    assert (got[0].status, len(other.requests)) == (200, 2)
    assert clock.time_s == wait_s


@pytest.mark.parametrize("hint", [None, "", "61", "9" * 400, "soon", "-1", "1.5", "²", "Tue, 14 Nov 2024 22:13:20 GMT"])
def test_a_429_without_a_pause_that_anybody_would_wait_for_is_given_back(hint: str | None) -> None:
    got, other, clock = run(says_in_turn(busy(hint), OK), Pace())
    assert (got[0].status, len(other.requests), clock.slept) == (429, 1, [])


def test_a_429_is_given_back_to_who_judges_it() -> None:
    got, other, _ = run(says_in_turn(busy("1"), OK), Pace(), honour=False)
    assert (got[0].status, len(other.requests)) == (429, 1)


def test_who_is_refused_again_and_again_gives_up() -> None:
    got, other, clock = run(says_in_turn(busy("2")), Pace(retry_429=3))
    assert (got[0].status, len(other.requests)) == (429, 4)
    assert clock.time_s == 6


def test_a_refusal_while_others_are_answered_is_no_reason_to_give_up() -> None:
    async def serve(other: Stranger, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Refuse one caller five times, each time after the other one has been answered meanwhile."""
        while True:
            if b"/slow" not in await other.head(reader):
                writer.write(OK)
                continue
            slow = sum(b"/slow" in head for head in other.requests)
            before = len(other.requests)
            while slow <= 5 and len(other.requests) < before + 2:  # noqa: ASYNC110  (only counts are known here)
                await asyncio.sleep(0)
            writer.write(busy("0") if slow <= 5 else OK)

    clock = Clock()

    async def main() -> int:
        async with (
            stranger(serve) as other,
            Sender(other.url, Pace(retry_429=2), now=clock.now, sleep=clock.sleep) as sender,
        ):
            slow = asyncio.ensure_future(sender.send(Outgoing(method="GET", path="/slow")))
            while not slow.done():
                await sender.send(GET)
            return slow.result().status

    assert asyncio.run(main()) == 200


def test_while_one_waits_nobody_sends_anything() -> None:
    got, other, _ = run(says_in_turn(busy("10"), OK), Pace(concurrency=1), 8)
    assert [item.status for item in got] == [200] * 8
    assert min(item.began_s for item in got) >= 10
    assert len(other.requests) == 9


def test_the_run_ends_in_its_time() -> None:
    with pytest.raises(TroubleError) as caught:
        run(says_in_turn(busy("30"), OK), Pace(total_s=10))
    assert caught.value.kind == "over"
    assert caught.value.ended_s == 10


def test_an_exchange_does_not_outlast_the_run() -> None:
    async def main() -> None:
        async with stranger(stays_silent) as other, Sender(other.url, Pace(total_s=0.05)) as sender:
            await sender.send(GET)

    with pytest.raises(TroubleError) as caught:
        asyncio.run(main())
    assert caught.value.kind == "over"


def refusals(limit: int, period_s: float, *, count: int, at_once: int) -> int:
    """How often a target that takes `limit` requests in each period must refuse one until it has taken `count`."""
    gate, now, took, refused, opened = Gate(None), 0.0, 0, 0, 0.0
    granted: list[float] = []
    while took < count:
        burst: list[bool] = []
        while len(burst) < at_once and gate.wait_s(now) <= 0:  # those that are under way together
            gate.take(now)
            granted = [moment for moment in granted if moment > now - period_s]
            burst.append(len(granted) < limit)
            granted += [now] * burst[-1]
        opened, now = now, now + 0.01
        for is_good in burst:
            took += is_good
            refused += not is_good
            if is_good:
                gate.answered()
            else:
                gate.pause(granted[0] + period_s - now, began_s=opened, now_s=now)
        now += max(0.0, gate.wait_s(now))
    return refused


@pytest.mark.parametrize(("limit", "period_s"), [(1, 1), (5, 1), (10, 60), (100, 60)])
def test_a_limit_is_learned_and_not_run_into_again_and_again(limit: int, period_s: float) -> None:
    count = 10 * limit + 50
    assert 0 < refusals(limit, period_s, count=count, at_once=16) < count


def test_a_gate_knows_no_limit_at_first() -> None:
    gate = Gate(None)
    gate.take(0.0)
    gate.take(0.0)
    assert gate.wait_s(0.0) <= 0


def test_a_gate_learns_the_rate_that_was_granted_and_forgets_it_slowly() -> None:
    gate = Gate(None)
    for _ in range(9):
        gate.answered()
    gate.pause(30.0, began_s=30.0, now_s=60.0)  # nine answers in ninety seconds
    assert gate.wait_s(60.0) == 30.0
    gate.take(90.0)
    assert gate.wait_s(90.0) == pytest.approx(10.0)
    for _ in range(100):
        gate.answered()
    gate.take(100.0)
    assert gate.wait_s(100.0) < 0.1


def test_requests_that_are_refused_together_teach_one_lesson() -> None:
    gate = Gate(None)
    for _ in range(10):
        gate.answered()
    for _ in range(16):
        gate.pause(1.0, began_s=4.0, now_s=4.0 + 1e-9)
    gate.take(6.0)
    assert gate.wait_s(6.0) == pytest.approx(0.5)


def test_other_answers_ask_for_no_pause() -> None:
    got = Incoming(status=503, headers=(("Retry-After", "5"),), body=b"", began_s=0, first_byte_s=0, ended_s=0)
    assert pause_of(got, NOW) is None
