"""How late this machine wakes somebody who sleeps: measured before a client is judged, and all the while."""

from __future__ import annotations

import threading
from time import monotonic, sleep
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

SLEEPS = 50
SLEEP_S = 0.004
STEP_S = 0.02
QUANTILE = 0.99
LEAST_S = 0.005  # a client is one more process, with a connection in between: never as punctual as a sleep of ours


def lateness(seconds: float) -> float:
    """How much longer than asked for one sleep is, in seconds."""
    began = monotonic()
    sleep(seconds)
    return max(0.0, monotonic() - began - seconds)


def quantile(values: list[float], share: float) -> float:
    """The smallest value that so large a share does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Jitter:
    """Measures as long as its `with` block lasts. `usual_s` is the p99 of 50 short sleeps at the start."""

    def __init__(self) -> None:
        self.usual_s = 0.0
        self._seen: list[tuple[float, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._measure, name="imageproof-jitter", daemon=True)

    def _measure(self) -> None:
        while not self._stop.is_set():
            late = lateness(STEP_S)
            self._seen.append((monotonic(), late))

    def during(self, began: float, ended: float) -> float:
        """How late the machine was at worst between two moments of the monotonic clock, and usually, in seconds."""
        worst = max((late for at, late in self._seen if began <= at <= ended + STEP_S), default=0.0)
        return max(LEAST_S, self.usual_s, worst)

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
