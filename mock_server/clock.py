"""What time it is for an account: real, scaled, or standing still until it is moved.

Laws: time never goes back; every wait of an account (a held call, a webhook) wakes when its clock is moved; nothing
sleeps for
a clock that stands still.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SCALE = re.compile(r"([0-9]+(?:\.[0-9]+)?)x")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockMode:
    """How fast time passes (`rate` 1 real, 60 a minute each second, 0 standing still), and whether it jumps.

    A jumping clock moves to the account's next event whenever a request would have to wait for it.
    """

    rate: float = 1.0
    jumps: bool = False

    def __str__(self) -> str:
        """Give the form that the command line takes."""
        if self.jumps:
            return "jump"
        return "manual" if self.rate == 0 else "real" if self.rate == 1 else f"{self.rate:g}x"


def clock_mode(text: str) -> ClockMode:
    """Read `real`, `manual`, `jump` or a scale such as `60x`. Raises ValueError for anything else."""
    fixed = {"real": ClockMode(), "manual": ClockMode(rate=0.0), "jump": ClockMode(rate=0.0, jumps=True)}
    if text in fixed:
        return fixed[text]
    match = SCALE.fullmatch(text)
    if match is None or float(match[1]) <= 0:
        message = f"expected a clock: real, manual, jump or a scale such as 60x, got {text!r}"
        raise ValueError(message)
    return ClockMode(rate=float(match[1]))


class Clock:
    """The clock of one account. `now()` is in seconds since 1970."""

    __slots__ = ("_lives", "_mark", "_mono", "_origin", "_waiters", "mode")

    def __init__(self, mode: ClockMode, *, start: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.mode = mode
        self._mono = monotonic
        self._origin = start
        self._mark = monotonic()
        self._waiters: dict[asyncio.Future[None], float] = {}
        self._lives = 1

    def now(self) -> float:
        """The account's time, in seconds since 1970."""
        rate = self.mode.rate
        return self._origin + (self._mono() - self._mark) * rate if rate else self._origin

    def advance(self, seconds: float) -> float:
        """Move on by so many seconds and give the new time. Raises ValueError for a negative number."""
        if not 0 <= seconds < 1e12:  # noqa: PLR2004  (a number that no float time can add up to)
            message = f"expected a number of seconds from 0, got {seconds}: time never goes back"
            raise ValueError(message)
        self._origin += seconds
        self._wake()
        return self.now()

    def advance_to(self, when: float) -> None:
        """Move on to a time, exactly; a time that has passed changes nothing."""
        ahead = when - self.now()
        if ahead > 0:
            self._origin = when if not self.mode.rate else self._origin + ahead
            self._wake()

    def measure_by(self, seconds: Callable[[], float]) -> None:
        """Measure what passes by another clock from now on, such as one that several machines have in common."""
        self._origin, self._mono = self.now(), seconds
        self._mark = seconds()

    def state(self) -> tuple[ClockMode, float, float]:
        """What has to be kept of the clock, to go on with it elsewhere: mode, and the time at which it was how late."""
        return self.mode, self._origin, self._mark

    def set_state(self, mode: ClockMode, origin: float, mark: float) -> None:
        """Go on with a clock that was kept; who waits looks at the time again."""
        if (mode, origin, mark) != self.state():
            self.mode, self._origin, self._mark = mode, origin, mark
            self._wake()

    def set_mode(self, mode: ClockMode) -> None:
        """Change how fast time passes from now on."""
        self._origin, self._mark = self.now(), self._mono()
        self.mode = mode
        self._wake()

    async def wait_until(self, when: float) -> None:
        """Return when the account's time has reached `when`; a jumping clock goes there at once."""
        life = self._lives
        while (left := when - self.now()) > 0 and life == self._lives:
            if self.mode.jumps:
                self.advance_to(when)
                return
            loop = asyncio.get_running_loop()
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiters[waiter] = when
            timer = loop.call_later(left / self.mode.rate, _release, waiter) if self.mode.rate else None
            try:
                await waiter
            finally:
                self._waiters.pop(waiter, None)
                if timer is not None:
                    timer.cancel()

    def next_wait(self) -> float | None:
        """The earliest time that anything waits for, in seconds since 1970."""
        return min(self._waiters.values(), default=None)

    def let_go(self) -> None:
        """End every wait whatever the time is: the account that waits has been forgotten."""
        self._lives += 1
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            _release(waiter)


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
