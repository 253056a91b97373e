"""What a held call costs in memory: 10,000 synchronous requests at once, then 10,000 streams of server-sent events.

A mock on core 0 keeps its defaults, but for `--pictures plain`: the pictures themselves are no part of the question. A
client on core 1 opens a connection for each call; all are held until the last one has come and some seconds more, and
then all end. Memory is what the kernel says of the mock's process: at rest, with all calls held, and at its highest.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop
from lean import Line, Served, connect, open_files, request, set_scenario

RESULTS = Path(__file__).parent / "results" / "holds.md"
KEY = "sk-proj-" + "h" * 48
PATH = "/v1/images/generations"
GOAL_KB = 40.0
OK = 200
COMPLETED = b"event: image_generation.completed"
LOOK_S = 0.2
AT_A_TIME = 50
HEAD = """\
| calls | held at once | KB each while held | KB each at the highest | KB each once gone | right | wrong | seconds |
|---|---|---|---|---|---|---|---|"""


@dataclass(slots=True, kw_only=True)
class Case:
    """One row. Bytes of the mock at rest, with all calls held, at the highest, and when all clients have left."""

    name: str
    is_stream: bool
    count: int
    rest: int = 0
    held: int = 0
    highest: int = 0
    left: int = 0
    right: int = 0
    wrong: int = 0
    seconds: float = 0.0
    sent: int = 0
    together: int = 0

    def look(self, served: Served) -> None:
        """Note the memory of the mock."""
        now = served.resident()
        self.highest = max(self.highest, now)
        if not self.right + self.wrong:
            self.held = now

    def each(self, bytes_now: int) -> float:
        """Kilobytes for each call above the rest."""
        return (bytes_now - self.rest) / self.count / 1024

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.each(self.highest) < GOAL_KB and self.right == self.together == self.count


def call_of(number: int, *, is_stream: bool) -> bytes:
    """The request for an image; a stream has a partial one as well."""
    body: dict[str, object] = {"model": "gpt-image-2", "prompt": f"a ginger cat, number {number}", "size": "1280x512"}
    body |= {"quality": "low", **({"stream": True, "partial_images": 1} if is_stream else {})}
    return request("POST", PATH, KEY, body)


async def measure(case: Case, served: Served, rate: float, hold_s: float) -> None:
    """Open, hold and end all calls of a case."""
    over = asyncio.Event()

    def answered(line: Line) -> None:
        good = line.status == OK and (COMPLETED in line.body if case.is_stream else b"b64_json" in line.body)
        case.together = max(case.together, case.sent - case.right - case.wrong)
        case.right += good
        case.wrong += not good
        if case.right + case.wrong == case.count:
            over.set()

    await warm_up(served.port, is_stream=case.is_stream)
    set_scenario(served.port, "openai", KEY, f"slow: {hold_s:g}s")
    case.rest = served.resident()
    began = time.perf_counter()
    lines: list[Line] = []
    for first in range(0, case.count, AT_A_TIME):
        fresh = await connect(served.port, min(AT_A_TIME, case.count - first), answered, keeps=True, first=first)
        for number, line in enumerate(fresh, first):
            case.sent += 1
            line.ask(call_of(number, is_stream=case.is_stream))
        lines += fresh
        case.look(served)
        await asyncio.sleep(max(0.0, len(lines) / rate - (time.perf_counter() - began)))
    while not over.is_set():
        case.look(served)
        try:
            await asyncio.wait_for(over.wait(), LOOK_S)
        except TimeoutError:
            continue
    case.look(served)
    case.seconds = time.perf_counter() - began
    for line in lines:
        if line.transport is not None:
            line.transport.abort()
    await asyncio.sleep(2)
    case.left = served.resident()


async def warm_up(port: int, *, is_stream: bool) -> None:
    """Have a hundred calls answered, so that what is loaded once is loaded."""
    over, left = asyncio.Event(), [100]

    def answered(_: Line) -> None:
        left[0] -= 1
        if not left[0]:
            over.set()

    set_scenario(port, "openai", KEY, "instant")
    lines = await connect(port, left[0], answered)
    for number, line in enumerate(lines):
        line.ask(call_of(1_000_000 + number, is_stream=is_stream))
    await over.wait()
    for line in lines:
        if line.transport is not None:
            line.transport.abort()
    await asyncio.sleep(1)


def row_of(case: Case) -> str:
    """The row of a case."""
    sizes = " | ".join(f"{case.each(size):.1f}" for size in (case.held, case.highest, case.left))
    return f"| {case.name} | {case.together:,} | {sizes} | {case.right:,} | {case.wrong:,} | {case.seconds:.0f} |"


async def main(asked: argparse.Namespace) -> int:
    """Both cases, each on a fresh mock; 1 when the goal is not reached."""
    cases = [
        Case(name="synchronous", is_stream=False, count=asked.calls),
        Case(name="server-sent events", is_stream=True, count=asked.calls),
    ]
    cases = [case for case in cases if asked.only in case.name]
    hold_s = asked.calls / asked.rate + asked.hold
    for case in cases:
        with Served("openai", "--pictures", asked.pictures, *asked.mock) as served:
            await measure(case, served, asked.rate, hold_s)
        print(row_of(case), file=sys.stderr)
    table = "\n".join([HEAD, *(row_of(case) for case in cases)])
    print(f"Each call is held for {hold_s:.0f} s.\n\n{table}")
    if not asked.only:
        RESULTS.write_text(f"{table}\n")
    return 0 if all(case.is_met for case in cases) else 1


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=500.0, help="calls that are begun in each second")
    parser.add_argument("--hold", type=float, default=20.0, help="seconds for which all of them are held")
    parser.add_argument("--only", default="", help="the row with this in its name")
    parser.add_argument("--pictures", default="plain")
    parser.add_argument("mock", nargs="*", help="further words for the mock, after --")
    return parser.parse_args()


if __name__ == "__main__":
    open_files()
    os.sched_setaffinity(0, {1})
    sys.exit(uvloop.run(main(options())))
