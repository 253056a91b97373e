"""An hour's soak in five minutes: a million tasks through one mock, and its memory, its ledger and its answers.

The clock runs at 12x and tasks are kept for five minutes after their end, so that a twelfth of all is there at a time.
Each task is submitted, polled while it runs and again when it is done; of some the image is fetched, some are asked for
once more when they must be gone, and one in a hundred fails and has to be paid back. Mock on core 0, client on core 1.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush
from pathlib import Path
from urllib.request import Request, urlopen

import orjson
import uvloop
from lean import Line, Served, connect, open_files, request

RESULTS = Path(__file__).parent / "results" / "soak.md"
KEYS = tuple(f"rk_live_soak{number}" for number in range(2))
SUBMIT, POLL = "/api/v1/images/generations", "/api/v1/tasks/"
BODY = {"model": "gpt-image-2", "size": "1:1", "resolution": "1k"}
LINES = 64
EARLY_S, DONE_S, GRACE_S = 40.0, 95.0, 40.0  # of the provider's time: it runs for 60 to 90 s
FAILS, FETCHED, GONE = 100, 50, 200  # one in so many
OK, GONE_STATUS = 200, 404
MOST_WRONG = 100
MICRO = 1_000_000
FLAT = 1.1  # memory at the end against memory once all tables are full; those that churn are made anew now and then
MARKS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(slots=True)
class Task:
    """One task of the client. `due` is when it is to be asked for next, in seconds of the run."""

    number: int
    key: str
    id: str = ""
    step: str = "submit"
    asked_at: int = 0

    @property
    def fails(self) -> bool:
        """Whether it was told to fail."""
        return self.number % FAILS == FAILS - 1


@dataclass(slots=True, kw_only=True)
class Soak:
    """The whole run, with what it has seen so far."""

    count: int
    rate: float
    scale: float
    keep_s: float
    began: float = 0.0
    submitted: int = 0
    finished: int = 0
    asked_again: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    succeeded: Counter[str] = field(default_factory=Counter)
    free: list[Line] = field(default_factory=list)
    posts: list[Line] = field(default_factory=list)  # lines for submits, so that polls never starve them
    due: list[tuple[float, int, Task]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def now(self) -> float:
        """Seconds of the run."""
        return time.perf_counter() - self.began

    def later(self, task: Task, step: str, provider_s: float) -> None:
        """Go on with a task after so many seconds of the provider's time."""
        task.step = step
        heappush(self.due, (self.now() + provider_s / self.scale, task.number, task))

    def send(self, line: Line, task: Task) -> None:
        """Take the next step of a task."""
        line.about = task
        if task.step == "submit":
            words = "[[fail: upstream_failed]] " if task.fails else ""
            line.ask(
                request("POST", SUBMIT, task.key, {**BODY, "prompt": f"{words}a ginger cat, number {task.number}"})
            )
        elif task.step == "fetch":
            line.ask(request("GET", task.id, task.key))
        else:
            line.ask(request("GET", POLL + task.id, task.key))

    def answered(self, line: Line) -> None:
        """Judge an answer, and plan the next step of its task."""
        task = line.about
        submits = isinstance(task, Task) and task.step == "submit"
        (self.posts if submits else self.free).append(line)
        if not isinstance(task, Task):
            return
        self.answers[task.step] += 1
        wrong = self.step(line, task)
        if wrong:
            self.unexpected.append(f"{task.step} of task {task.number}: {line.status} {line.body[:200]!r}")
            self.finished += 1

    def step(self, line: Line, task: Task) -> bool:
        """Go on with a task; whether its answer was none that was expected."""
        if task.step == "fetch":
            self.finished += 1
            return line.status != OK or not line.body.startswith(b"\x89PNG")
        if task.step == "gone":
            task.asked_at = task.asked_at or self.submitted
            # tasks are dropped at submits: where those lag behind the clock, so does the dropping
            if line.status == OK and self.submitted - task.asked_at < self.rate / self.scale * (DONE_S + self.keep_s):
                self.asked_again += 1
                self.later(task, "gone", GRACE_S)
                return False
            self.finished += 1
            return line.status != GONE_STATUS
        if line.status != OK:
            return True
        body = orjson.loads(line.body)
        if task.step == "submit":
            task.id = body["id"]
            self.later(task, "early", EARLY_S)
            return False
        status = body["status"]
        if task.step == "early":
            self.later(task, "done", DONE_S - EARLY_S)
            return status not in ("pending", "processing", "completed", "failed")
        return self.done(task, body, status)

    def done(self, task: Task, body: dict[str, dict[str, list[str]]], status: object) -> bool:
        """The last poll of a task."""
        if status != ("failed" if task.fails else "completed"):
            return True
        self.succeeded[task.key] += not task.fails
        if task.number % GONE == 0:
            self.later(task, "gone", self.keep_s + GRACE_S)
        elif task.number % FETCHED == 1:
            task.id = "/" + body["output"]["image_urls"][0].split("/", 3)[3]
            self.later(task, "fetch", 0.0)
        else:
            self.finished += 1
        return False

    async def play(self) -> None:
        """Submit at the rate, ask when it is due, until all tasks are finished."""
        self.began = time.perf_counter()
        while self.finished < self.count:
            now = self.now()
            while self.free and self.due and self.due[0][0] <= now:
                task = heappop(self.due)[2]
                if task.step == "gone" and self.submitted == self.count:  # with no more submits nothing is dropped
                    self.finished += 1
                else:
                    self.send(self.free.pop(), task)
            wanted = min(self.count, int(now * self.rate) + 1)
            while self.posts and self.submitted < wanted:
                task = Task(self.submitted, KEYS[self.submitted % len(KEYS)])
                self.submitted += 1
                self.send(self.posts.pop(), task)
            if len(self.unexpected) > MOST_WRONG:
                return
            await asyncio.sleep(0.001)


def control(port: int, path: str, key: str = "") -> dict[str, object]:
    """An answer of the control API. Raises OSError."""
    url = f"http://127.0.0.1:{port}/__imageproof__/{path}"
    with urlopen(Request(url, headers={"Authorization": f"Bearer {key}"})) as answer:
        found: dict[str, object] = json.load(answer)
    return found


def micro(usd: object) -> int:
    """Micro-dollars of an amount in USD."""
    return round(float(str(usd)) * MICRO)


async def watch(soak: Soak, served: Served, seen: list[tuple[float, int]]) -> None:
    """Note the memory of the mock, twice in each second."""
    while True:
        seen.append((soak.finished / soak.count, served.resident()))
        await asyncio.sleep(0.5)


def ledgers(soak: Soak, port: int, cost: int) -> list[str]:
    """What is wrong with the money of the accounts; each one is to pay for what succeeded."""
    wrong: list[str] = []
    signs = {"charge": -1, "refund": 1, "top_up": 1, "carried": 1}
    for key in KEYS:
        ledger = control(port, "reapi/ledger", key)
        lines = ledger["movements"]
        moved = sum(signs[line["kind"]] * micro(line["usd"]) for line in lines) if isinstance(lines, list) else 0
        opening, balance = micro(ledger["opening_usd"]), micro(ledger["balance_usd"])
        if not opening + moved == balance == opening - cost * soak.succeeded[key]:
            wrong.append(f"{key}: {opening} + {moved} is not {balance}, or not {cost} for {soak.succeeded[key]} images")
    return wrong


def cost_of_one(port: int) -> int:
    """The price of one task in micro-dollars, paid by an account of its own."""
    key = "rk_live_price"
    before = micro(control(port, "reapi/account", key)["balance_usd"])
    raw = request("POST", SUBMIT, key, {**BODY, "prompt": "a ginger cat"}).partition(b"\r\n\r\n")[2]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    urlopen(Request(f"http://127.0.0.1:{port}{SUBMIT}", raw, headers)).close()
    return before - micro(control(port, "reapi/account", key)["balance_usd"])


def table(head: list[str], row: list[str]) -> str:
    """A table of one row in Markdown."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), row))


async def main(asked: argparse.Namespace) -> int:
    """Play, judge, and print what was found; 1 where anything is not as it should be."""
    words = ["reapi", "--clock", f"{asked.scale:g}x", "--keep-tasks", f"{asked.keep:g}s", "--pictures", "plain"]
    rate = asked.tasks * asked.scale / asked.hours / 3600
    soak = Soak(count=asked.tasks, rate=rate, scale=asked.scale, keep_s=asked.keep)
    seen: list[tuple[float, int]] = []
    with Served(*words, *asked.mock) as served:
        cost = cost_of_one(served.port)
        soak.free = await connect(served.port, LINES, soak.answered, keeps=True)
        soak.posts = [soak.free.pop() for _ in range(LINES // 4)]
        watching = asyncio.get_running_loop().create_task(watch(soak, served, seen))
        await soak.play()
        watching.cancel()
        seconds, cpu = soak.now(), served.cpu_seconds()
        held = control(served.port, "health")["tasks"]
        wrong = ledgers(soak, served.port, cost)
    marks = [next((size for done, size in seen if done >= mark), seen[-1][1]) for mark in MARKS]
    growth = marks[-1] / marks[MARKS.index(0.4)]
    hours = seconds * asked.scale / 3600
    told = (
        f"{soak.submitted:,} tasks in {seconds:.0f} s, which are {hours:.2f} hours of the provider; "
        f"{sum(soak.answers.values()):,} requests, {cpu:.0f} s of the mock's processor; tasks at the end: {held}; "
        f"{soak.asked_again} polls found a task that was over and not dropped yet."
    )
    counts = [f"{number:,}" for number in (*soak.answers.values(), len(soak.unexpected), len(wrong))]
    sizes = [f"{size / 2**20:.0f}" for size in marks]
    tables = (
        (["requests", *soak.answers, "unexpected", "ledgers that are wrong"], ["", *counts]),
        (["of the tasks", *(f"{mark:.0%}" for mark in MARKS), "end to 40 %"], ["MiB", *sizes, f"{growth:.3f}"]),
    )
    text = "\n\n".join([told, *(table(*rows) for rows in tables)])
    print(text)
    for line in (*soak.unexpected[:10], *wrong):
        print(line, file=sys.stderr)
    if not asked.draft:
        RESULTS.write_text(f"{text}\n")
    return 1 if soak.unexpected or wrong or growth > FLAT else 0


def options() -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--hours", type=float, default=1.0, help="of the provider's time, in which they are submitted")
    parser.add_argument("--scale", type=float, default=12.0, help="how fast the mock's clock runs")
    parser.add_argument("--keep", type=float, default=300.0, help="seconds for which the mock keeps a task that ended")
    parser.add_argument("--draft", action="store_true", help="do not write the results down")
    parser.add_argument("mock", nargs="*", help="further words for the mock, after --")
    return parser.parse_args()


if __name__ == "__main__":
    open_files()
    os.sched_setaffinity(0, {1})
    gc.freeze()
    sys.exit(uvloop.run(main(options())))
