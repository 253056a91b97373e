"""Simulated latency is true: how much later than planned a held call is answered, with 1,000 requests in flight.

A lean client on core 1 asks a mock on core 0 for images with planned times of 50 ms, 1 s and 60 s by the real clock.
Arrivals are spread evenly, so that a thousand are in flight while calls come and go; besides, the worst case of all
thousand in one instant. Calls of 50 ms come at `--rate` and meet a background of calls of 60 s that makes up the
thousand; a thousand of them alone would be 20,000 calls for each second, which is a question of throughput.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from lean import Delay, Line, Served, connect, open_files, percentile, request, set_scenario

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "latency_truth.md"
PATH = "/v1/images/generations"
OK = 200
GOAL_MS = 10.0
SPARE = 200
IDLE_S = 10.0  # a connection that asks for nothing at first is closed by the mock soon after
HEAD = """\
| planned | in flight | measured | p50 | p99 | max | earliest | client's own p99 | CPU us a call | p99 below 10 ms |
|---|---|---|---|---|---|---|---|---|---|"""
LATE_MS = 2.0  # of the client's own loop, above which a result says more about the client
SHORT_S, LONG_S = 0.05, 60.0


@dataclass(slots=True, kw_only=True)
class Case:
    """One row of the table. Times are seconds; `count` measured calls in each round."""

    name: str
    plan_s: float
    count: int
    rounds: int
    rate: float = 0.0
    background: int = 0
    late: list[list[float]] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)
    errors: int = 0
    busy_us: float = 0.0

    @property
    def at_once(self) -> bool:
        """Whether all calls come in one instant."""
        return not self.rate


def key_of(plan_s: float) -> str:
    """The key of the account whose calls are planned to take so long."""
    return f"sk-{plan_s * 1000:048.0f}"


def call_of(plan_s: float, number: int) -> bytes:
    """The request for an image."""
    body = {"model": "gpt-image-2", "prompt": f"a ginger cat, number {number}", "size": "1280x512", "quality": "low"}
    return request("POST", PATH, key_of(plan_s), body)


class Round:
    """One round of a case on connections that are open."""

    def __init__(self, case: Case, port: int) -> None:
        self.case = case
        self.port = port
        self.lines: list[Line] = []
        self.free: list[Line] = []
        self.late: list[float] = []
        self.errors = 0
        self.over = asyncio.Event()

    def answered(self, line: Line) -> None:
        """Note how late an answer came, and use its connection again."""
        if line.status == OK:
            self.late.append(line.ended - line.sent - self.case.plan_s)
            self.free.append(line)
        else:
            self.errors += 1
        if len(self.late) + self.errors >= self.case.count:
            self.over.set()

    async def open(self, count: int) -> None:
        """Open more connections."""
        fresh = await connect(self.port, count, self.answered)
        self.lines += fresh
        self.free += fresh

    def close(self) -> None:
        """Close all connections."""
        for line in self.lines:
            if line.transport is not None:
                line.transport.abort()

    async def play(self) -> None:
        """Send all calls when they are due, and wait for all answers."""
        case = self.case
        calls = [call_of(case.plan_s, number) for number in range(case.count)]
        gc.collect()
        began, number = time.perf_counter(), 0
        while number < case.count:
            due = case.count if case.at_once else int((time.perf_counter() - began) * case.rate) + 1
            wanted = min(due, case.count) - number
            if wanted > len(self.free) and case.plan_s > IDLE_S:
                await self.open(wanted - len(self.free))
            for _ in range(min(wanted, len(self.free))):
                self.free.pop().ask(calls[number])
                number += 1
            await asyncio.sleep(0.001)
        await asyncio.wait_for(self.over.wait(), case.plan_s + 60)


async def measure(case: Case, port: int) -> None:
    """All rounds of a case."""
    background = Round(Case(name="background", plan_s=LONG_S, count=case.background, rounds=1), port)
    if case.background:
        await background.open(case.background)
        for number, line in enumerate(background.lines):
            line.ask(call_of(LONG_S, number))
        await asyncio.sleep(2)
    for _ in range(case.rounds):
        played = Round(case, port)
        if case.at_once or case.plan_s < IDLE_S:
            await played.open(case.count if case.at_once else int(case.rate * case.plan_s) + SPARE)
        await asyncio.sleep(0.3)
        delay = Delay()
        delay.start()
        await played.play()
        case.delays += delay.stop()
        case.late.append(sorted(played.late))
        case.errors += played.errors
        played.close()
        await asyncio.sleep(0.3)
    background.close()


def row_of(case: Case) -> str:
    """The row of a case: medians over the rounds, in milliseconds."""
    cells = [1000 * statistics.median(percentile(late, share) for late in case.late) for share in (0.5, 0.99, 1.0)]
    early = 1000 * min((late[0] for late in case.late if late), default=0.0)
    delay = 1000 * percentile(sorted(case.delays), 0.99)
    verdict = (
        "errors" if case.errors else "yes" if cells[1] < GOAL_MS else "generator-bound" if delay > LATE_MS else "no"
    )
    numbers = " | ".join(f"{value:.2f}" for value in (*cells, early, delay))
    in_flight = case.background + (case.count if case.at_once else round(case.rate * case.plan_s))
    measured = f"{case.count:,} x {len(case.late)}"
    return f"| {case.name} | {in_flight:,} | {measured} | {numbers} | {case.busy_us:.0f} | {verdict} |"


def cases(asked: argparse.Namespace) -> list[Case]:
    """The rows of the table."""
    many, rounds = asked.in_flight, asked.rounds
    short, others = asked.rate, many - int(asked.rate * SHORT_S)
    found = [
        Case(name="50 ms, spread", plan_s=SHORT_S, count=int(3 * short), rounds=rounds, rate=short, background=others),
        Case(name="1 s, spread", plan_s=1.0, count=4 * many, rounds=rounds, rate=many),
        Case(name="50 ms, all at once", plan_s=SHORT_S, count=many, rounds=rounds),
        Case(name="1 s, all at once", plan_s=1.0, count=many, rounds=rounds),
    ]
    if asked.long:
        found += [
            Case(name="60 s, spread", plan_s=LONG_S, count=many, rounds=1, rate=many / LONG_S),
            Case(name="60 s, all at once", plan_s=LONG_S, count=many, rounds=1),
        ]
    return [case for case in found if asked.only in case.name]


async def main(asked: argparse.Namespace) -> int:
    """Run all cases and print the table; 1 when a call was answered with anything but its image."""
    rows = cases(asked)
    for case in rows:
        with Served("apiyi", "--pictures", "plain", *asked.mock) as served:
            for plan_s in {case.plan_s, LONG_S}:
                set_scenario(served.port, "apiyi", key_of(plan_s), f"slow: {plan_s:g}s")
            cpu = served.cpu_seconds()
            await measure(case, served.port)
            case.busy_us = 1e6 * (served.cpu_seconds() - cpu) / (case.count * case.rounds + case.background)
        print(row_of(case), file=sys.stderr)
    table = "\n".join([HEAD, *(row_of(case) for case in rows)])
    print(f"Observed less planned, milliseconds; medians of the rounds.\n\n{table}")
    if not asked.only:
        RESULTS.write_text(f"{table}\n")
    return 1 if any(case.errors for case in rows) else 0


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--in-flight", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=500.0, help="calls of 50 ms for each second")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="the rows with this in their name")
    parser.add_argument("--no-long", dest="long", action="store_false", help="leave the calls of 60 s out")
    parser.add_argument("mock", nargs="*", help="further words for the mock, after --")
    return parser.parse_args()


if __name__ == "__main__":
    open_files()
    os.sched_setaffinity(0, {1})
    gc.freeze()
    sys.exit(uvloop.run(main(options())))
