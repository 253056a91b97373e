"""The whole fate of one task, decided when it is submitted, by a pure function."""

from __future__ import annotations

import math
from heapq import heapreplace
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from imageproof.mock_server.record import Moves

if TYPE_CHECKING:
    from imageproof.mock_server.fate import Fate
    from imageproof.mock_server.options import Physics
    from imageproof.mock_server.triggers import Script

NORMAL = NormalDist()
Z99 = NORMAL.inv_cdf(0.99)
QUEUE, RUN = 0, 1
MOVES = {None: Moves.BY_TIME, "time": Moves.BY_TIME, "polls": Moves.BY_POLLS, "hand": Moves.BY_HAND}


class Plan(NamedTuple):
    """Durations in seconds; `failure` is the name of a documented failure, or None.

    `polls` counts where polls move the task.
    """

    queue_s: float
    run_s: float
    failure: str | None
    moves: Moves
    polls: int


def run_time(fate: Fate, run_s: tuple[float, float], physics: Physics | None) -> float:
    """How long the task runs: evenly from the documented range, or log-normal where the queue's physics say so."""
    if physics is None or physics.p50_s is None or physics.p99_s is None:
        return fate.between(RUN, *run_s)
    share = min(max(fate.share(RUN), 1e-9), 1 - 1e-9)
    sigma = math.log(physics.p99_s / physics.p50_s) / Z99 if physics.p50_s else 0.0
    return physics.p50_s * math.exp(sigma * NORMAL.inv_cdf(share))


def make_plan(
    fate: Fate,
    *,
    queue_s: tuple[float, float],
    run_s: tuple[float, float],
    script: Script,
    failure: str | None,
    physics: Physics | None,
) -> Plan:
    """Decide a task. What a script asks for goes before chance."""
    least, most = queue_s
    queue = script.queue_s if script.queue_s is not None else fate.between(QUEUE, least, most) if most else 0.0
    run = script.run_s if script.run_s is not None else run_time(fate, run_s, physics)
    return Plan(queue, run, failure, MOVES[script.moves], script.polls)


def queued_behind(slots: list[float], now: float, run_s: float, physics: Physics) -> tuple[float, float]:
    """Put a job into the queue of an account and give its wait and its run time in seconds.

    `slots` holds when each slot becomes free; it is changed to hold this job too.
    """
    while len(slots) < physics.slots:
        slots.append(-math.inf)
    busy = sum(end > now for end in slots)
    idle = all(now - end > physics.idle_s for end in slots)
    run_s *= 1 + physics.slowdown * min(1.0, busy / physics.slots)
    start = max(now, min(slots))
    wait = start - now + (physics.cold_start_s if idle else 0.0)
    slots.sort()
    heapreplace(slots, now + wait + run_s)
    return wait, run_s
