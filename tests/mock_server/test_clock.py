"""The clock of an account: real, scaled, manual, jumping.

No test sleeps: real time is a function that the test moves.
"""

from __future__ import annotations

import asyncio

import pytest

from imageproof.mock_server.clock import Clock, ClockMode, clock_mode


class Ticking:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.mark.parametrize(
    ("text", "mode"),
    [
        ("real", ClockMode()),
        ("manual", ClockMode(rate=0.0)),
        ("jump", ClockMode(rate=0.0, jumps=True)),
        ("60x", ClockMode(rate=60.0)),
        ("0.5x", ClockMode(rate=0.5)),
    ],
)
def test_modes_are_read_and_written_alike(text: str, mode: ClockMode) -> None:
    assert clock_mode(text) == mode
    assert str(mode) == text


@pytest.mark.parametrize("text", ["", "fast", "x60", "0x", "-1x", "60", "60X", "1e3x"])
def test_a_mode_that_is_none_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match="expected a clock: real, manual, jump or a scale such as 60x, got"):
        clock_mode(text)


@pytest.mark.parametrize(("rate", "expected"), [(1.0, 1010.0), (60.0, 1600.0), (0.0, 1000.0)])
def test_time_passes_at_the_rate(rate: float, expected: float) -> None:
    mono = Ticking()
    clock = Clock(ClockMode(rate=rate), start=1000.0, monotonic=mono)
    mono.at += 10
    assert clock.now() == expected


def test_changing_the_mode_never_moves_time_back() -> None:
    mono = Ticking()
    clock = Clock(ClockMode(rate=60.0), start=0.0, monotonic=mono)
    mono.at += 1
    clock.set_mode(ClockMode(rate=0.0))
    mono.at += 100
    assert clock.now() == 60.0
    clock.set_mode(ClockMode())
    mono.at += 1
    assert clock.now() == 61.0


@pytest.mark.parametrize("step", [-1.0, float("nan"), float("inf"), 1e13])
def test_time_never_goes_back_or_away(step: float) -> None:
    clock = Clock(ClockMode(rate=0.0), start=5.0)
    with pytest.raises(ValueError, match="time never goes back"):
        clock.advance(step)
    assert clock.now() == 5.0


def test_a_wait_on_a_standing_clock_ends_when_it_is_moved_far_enough() -> None:
    async def go() -> list[str]:
        clock = Clock(ClockMode(rate=0.0), start=0.0)
        seen: list[str] = []
        waiting = asyncio.create_task(clock.wait_until(120.0))
        waiting.add_done_callback(lambda _: seen.append("done"))
        await asyncio.sleep(0)
        assert clock.next_wait() == 120.0
        clock.advance(119.0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        seen.append("still waiting")
        clock.advance(1.0)
        await waiting
        await asyncio.sleep(0)
        assert clock.next_wait() is None
        return seen

    assert asyncio.run(go()) == ["still waiting", "done"]


def test_a_jumping_clock_goes_to_what_is_waited_for() -> None:
    clock = Clock(clock_mode("jump"), start=1_795_240_494.794896)
    asyncio.run(clock.wait_until(1_795_240_594.123456))
    assert clock.now() == 1_795_240_594.123456
