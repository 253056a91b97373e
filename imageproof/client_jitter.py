"""How late this machine wakes somebody who sleeps, and how long it takes to start a process: measured all the while."""

from __future__ import annotations

import subprocess
import threading
from shutil import which
from time import monotonic, sleep
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

SLEEPS = 50
SLEEP_S = 0.004
STEP_S = 0.02
STEPS = 10  # from the start of one process to that of the next
QUANTILE = 0.99
LEAST_S = 0.005  # a client is one more process, with a connection in between: never as punctual as a sleep of ours


def lateness(seconds: float) -> float:
    """How much longer than asked for one sleep is, in seconds."""
    began = monotonic()
    sleep(seconds)
    return max(0.0, monotonic() - began - seconds)


def started_in(program: str) -> float:
    """How long it takes to start a program that does nothing and ends, in seconds."""
    began = monotonic()
    out = subprocess.DEVNULL
    subprocess.run([program], check=False, stdin=out, stdout=out, stderr=out)  # noqa: S603  (`true`, found on the PATH)
    return monotonic() - began


def quantile(values: list[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Jitter:
    """Measures as long as its `with` block lasts. `usual_s` is the p99 of 50 short sleeps at the start."""

    def __init__(self) -> None:
        self.usual_s = 0.0
        self._seen: list[tuple[float, float]] = []
        self._started: list[tuple[float, float]] = []
        self._nothing = which("true")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="imageproof-jitter", daemon=True)

    def _measure(self) -> None:
        while not self._stop.is_set():
            late = lateness(STEP_S)
            self._seen.append((monotonic(), late))
            if self._nothing is not None and len(self._seen) % STEPS == 1:
                took = started_in(self._nothing)
                self._started.append((monotonic(), took))

    def during(self, began: float, ended: float) -> float:
        """How late the machine was at worst between two moments of the monotonic clock, and usually, in seconds."""
        worst = max((late for at, late in self._seen if began <= at <= ended + STEP_S), default=0.0)
        return max(LEAST_S, self.usual_s, worst)

    def held(self, began: float, ended: float) -> float:
        """How long it took at worst to start a process between two moments of the monotonic clock, in seconds.

        0 where that was not measured. A client that starts others is held up so each time, whatever it meant to wait.
        """
        return max((took for at, took in self._started if began <= at <= ended + STEPS * STEP_S), default=0.0)

    def __enter__(self) -> Self:
        """Measure 50 sleeps, then go on in the background."""
        self.usual_s = quantile([lateness(SLEEP_S) for _ in range(SLEEPS)], QUANTILE)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()
