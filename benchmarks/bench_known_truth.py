"""Whether load runs tell the truth where it is known: planned times, no gateway, a planned one, a frozen second.

`python benchmarks/bench_known_truth.py` takes about eight minutes. `--short` takes two, and shows only
that it works: the jobs in flight of a frozen second are less than a hundredth of all in a longer run only. The table
goes to benchmarks/results/known_truth.md.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING

import psutil

from imageproof.load_config import LoadConfig
from imageproof.load_measure import LoadState
from imageproof.load_run import run_load
from imageproof.load_upstream import OwnMock
from imageproof.loadtests.histograms import RELATIVE_ERROR, Histogram
from imageproof.loadtests.intervals import Interval
from imageproof.loadtests.options import Share
from imageproof.loadtests.overhead import Net
from imageproof.loadtests.results import Results

if TYPE_CHECKING:
    from imageproof.load_measure import Observe

RESULT = Path(__file__).parent / "results" / "known_truth.md"
KEY = "sk-demo-openai-truth"
PLANS_S = (0.05, 1.0, 5.0)
ADDED_S = 0.02
FROZEN_S = 1.0
RATE = 40.0
USERS = 4
WARM_UP_S = 2.0


def run(
    url: str, base: str, *, seconds: float, plan_s: float, observe: Observe | None = None, **more: object
) -> LoadState:
    """A load run of synchronous jobs that each take exactly so long."""
    values: dict[str, object] = {
        "spec": "openai",
        "base_url": base,
        "upstream": url,
        "key": KEY,
        "clock": "real",
        "mix": (Share(words=f"[[slow: {plan_s * 1000:.0f}ms]] [[queue: 0s]]"),),
        "duration_s": seconds,
        "warm_up_s": WARM_UP_S,
        "seed": 7,
    }
    if "users" not in more:
        values["rate"] = RATE  # by chance: even arrivals and even times would meet again and again
    return run_load(LoadConfig(**(values | more)), observe)  # type: ignore[arg-type]  # by name


def results_of(state: LoadState) -> Results:
    """What a run has measured; the run must have come to that."""
    if state.judged is None:
        raise SystemExit(f"the run measured nothing: {state.says}")
    return state.judged.results


def ms(seconds: float | None) -> str:
    """A time in milliseconds."""
    return "-" if seconds is None else f"{seconds * 1000:,.2f}"


def times(histogram: Histogram | None) -> tuple[float, float]:
    """The median and the 99th hundredth. A run without them is none."""
    p50, p99 = (histogram.percentile(50), histogram.percentile(99)) if histogram is not None else (None, None)
    if p50 is None or p99 is None:
        raise SystemExit("nothing was measured of what the truth is known of")
    return p50, p99


def planned(url: str, seconds: float) -> Iterator[str]:
    """Constant planned times, and what was reported of them."""
    yield "| planned | reported run p50 | p99 | precision | seen p50 | p99 | seen less own path and plan p50 | p99 |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for plan_s in PLANS_S:
        found = results_of(run(url, f"{url}/openai", seconds=max(seconds, 4 * plan_s), plan_s=plan_s))
        told, seen = times(found.histogram("run")), times(found.histogram("generate"))
        nets = [found.nets.get(("overhead.generate", percent)) for percent in (50.0, 99.0)]
        net = " | ".join(
            "-" if item is None else f"{ms(item.seconds)} ({ms(item.difference.low)} to {ms(item.difference.high)})"
            for item in nets
        )
        row = " | ".join(ms(value) for value in (plan_s, *told, plan_s * RELATIVE_ERROR, *seen))
        yield f"| {row} | {net} |"


def gateways(url: str, port: int, seconds: float) -> Iterator[str]:
    """The overhead of no gateway, and of one that adds a planned time."""
    yield "| between client and mock | it adds p50 | p99 | gross p50 | p99 | net p50 | p99 | within the error |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    yield gateway_row("nothing", (0.0, 0.0), nets_of(run(url, f"{url}/openai", seconds=seconds, plan_s=0.05)))
    with relay(port, 0.0) as (base, _):
        own = nets_of(run(url, f"{base}/openai", seconds=seconds, plan_s=0.05))
    yield gateway_row("a relay that adds nothing but itself", None, own)
    with relay(port, ADDED_S) as (base, added):
        found = nets_of(run(url, f"{base}/openai", seconds=seconds, plan_s=0.05))
        truth = added()
    yield gateway_row(f"the relay, adding {ADDED_S * 1000:g} ms", truth, found, own)


def nets_of(state: LoadState) -> list[Net]:
    """The net overhead in the median and at the 99th hundredth."""
    nets = results_of(state).nets
    return [nets["overhead.generate", percent] for percent in (50.0, 99.0)]


def gateway_row(name: str, truth: tuple[float, float] | None, nets: list[Net], own: list[Net] | None = None) -> str:
    """One row of the table of gateways. What the relay takes itself is no part of what it adds as planned."""
    told = [f"{ms(item.seconds)} ({ms(item.difference.low)} to {ms(item.difference.high)})" for item in nets]
    less = [item.difference for item in own] if own is not None else [Interval(0.0, 0.0)] * len(nets)
    holds = [
        item.difference.low - much.high <= real <= item.difference.high - much.low
        for item, much, real in zip(nets, less, truth or (), strict=False)
    ]
    gross = [ms(item.seen_s) for item in nets]
    known = [ms(real) for real in truth] if truth is not None else ["-", "-"]
    within = " / ".join("yes" if is_in else "no" for is_in in holds) or "-"
    return f"| {' | '.join([name, *known, *gross, *told, within])} |"


def frozen(url: str, pid: int, seconds: float) -> Iterator[str]:
    """A second in which nothing moves, as each way of measuring sees it."""
    yield "| frozen for a second | jobs | p99 from the intended start | naive p99 | the frozen second shows in |"
    yield "| --- | --- | --- | --- | --- |"
    rows = (
        ("the mock, jobs arriving at a rate", lambda: [pid], {}),
        (f"the mock, {USERS} users who wait for their answers", lambda: [pid], {"users": USERS}),
        ("the generator, jobs arriving at a rate", generators, {}),
    )
    for name, whom, more in rows:
        freezer = Freezer(whom, at_s=WARM_UP_S + seconds / 2)
        state = run(url, f"{url}/openai", observe=freezer.saw, seconds=seconds, plan_s=0.1, direct=False, **more)
        freezer.join()
        found = results_of(state)
        corrected, naive = (times(side.get("generate"))[1] for side in (found.phases.corrected, found.phases.naive))
        shown = [text for text, value in (("corrected", corrected), ("naive", naive)) if value > FROZEN_S / 2]
        cells = (
            name,
            f"{found.measured:,}",
            f"{ms(corrected)} ms",
            f"{ms(naive)} ms",
            " and ".join(shown) or "neither",
        )
        yield f"| {' | '.join(cells)} |"


def generators() -> list[int]:
    """The processes that make the load of this one."""
    children = psutil.Process().children()
    return [child.pid for child in children if "imageproof.loadtests.worker" in child.cmdline()]


class Freezer:
    """Stops processes that we have started for a second, in the middle of a run."""

    def __init__(self, whom: Callable[[], list[int]], *, at_s: float) -> None:
        self._whom = whom
        self._at_s = at_s
        self._thread = threading.Thread(target=self._freeze)

    def saw(self, state: LoadState) -> None:
        """Look how far the run is."""
        beats = state.live.beats
        if beats and beats[-1].at_s >= self._at_s and self._thread.ident is None:
            self._thread.start()

    def _freeze(self) -> None:
        pids = self._whom()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        sleep(FROZEN_S)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    def join(self) -> None:
        """Wait until all go on."""
        if self._thread.ident is None:
            raise SystemExit("the run was over before anything was frozen")
        self._thread.join()


@contextmanager
def relay(port: int, added_s: float) -> Iterator[tuple[str, Callable[[], tuple[float, float]]]]:
    """A gateway in a process of its own; what it gives tells afterwards what it has really added."""
    command = [sys.executable, str(Path(__file__).with_name("relay.py")), str(port), str(added_s)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    told = process.stdout.readline().strip() if process.stdout is not None else ""

    def added() -> tuple[float, float]:
        text, _ = process.communicate(timeout=30)
        p50, p99 = json.loads(text.splitlines()[-1])
        return p50, p99

    try:
        yield f"http://127.0.0.1:{told}", added
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def main() -> None:
    """Run all, print the tables and keep them."""
    seconds = 6.0 if "--short" in sys.argv else 30.0
    lines = ["# Known truth", "", f"{RATE:g} synchronous jobs a second for {seconds:g} s each; times in milliseconds."]
    with OwnMock("openai", clock="real", seed=7) as mock:
        port = int(mock.url.rpartition(":")[2])
        for title, rows in (
            ("Planned times", planned(mock.url, seconds)),
            ("What a gateway adds", gateways(mock.url, port, 2 * seconds)),
            ("A frozen second", frozen(mock.url, mock.pid, seconds)),
        ):
            lines += ["", f"## {title}", ""]
            for row in rows:
                lines.append(row)
                print(row, flush=True)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
