"""Submits and polls for each second: a mock in memory against mocks on a Redis server, with one and more workers.

All processes and the generator (wrk) share all cores, as they would where somebody serves with several workers; rounds
alternate, so that a noisy neighbour meets everybody. CPU microseconds for each request are those of the mock's
processes and of its Redis server together. One key is the worst case for workers, as all of them change one account;
with many keys they seldom meet.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "workers.md"
SUBMIT, POLL = "/reapi/api/v1/images/generations", "/reapi/api/v1/tasks/"
BODY = {
    "model": "gpt-image-2",
    "prompt": "a ginger cat on a windowsill at sunset, watercolor",
    "size": "16:9",
    "resolution": "2k",
}
TICKS = os.sysconf("SC_CLK_TCK")
CONNECTIONS = 32
MANY = 100
PATIENCE_S = 60.0
KINDS = [(what, keys) for what in ("poll", "submit") for keys in (1, MANY)]
HEAD = "| mock | " + " | ".join(f"{what}/s, {keys} key{'s' * (keys > 1)} | us CPU" for what, keys in KINDS) + " |"


@dataclass(slots=True)
class Case:
    """One way to serve. Figures are requests for each second and CPU microseconds for each request, by kind."""

    name: str
    workers: int | None
    port: int = 0
    pids: list[int] = field(default_factory=list)
    rates: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    costs: dict[tuple[str, int], list[float]] = field(default_factory=dict)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        return int(held.getsockname()[1])


def serve_store(stack: ExitStack) -> tuple[str, int]:
    """A Redis server that keeps nothing on disk: its URL and its process id."""
    port = free_port()
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    words = ["redis-server", "--port", str(port), "--save", "", "--dir", folder, "--bind", "127.0.0.1"]
    process = started(stack, words)
    for line in process.stdout or ():
        if "Ready to accept connections" in line:
            return f"redis://127.0.0.1:{port}", process.pid
    sys.exit("the Redis server did not start")


def started(stack: ExitStack, words: list[str]) -> subprocess.Popen[str]:
    """A process that ends with the stack."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    stack.callback(process.wait, PATIENCE_S)
    stack.callback(process.terminate)
    return process


def serve(stack: ExitStack, case: Case) -> None:
    """Start the mock of a case, with a Redis server of its own where it shares its state."""
    words = [sys.executable, "-m", "imageproof", "mock", "reapi", "--port", "0", "--ready-json"]
    words += ["--clock", "manual", "--max-tasks", "100000000", "--log-level", "error"]
    if case.workers is not None:
        url, pid = serve_store(stack)
        words += ["--store", f"{url}/0", "--workers", str(case.workers)]
        case.pids.append(pid)
    process = started(stack, words)
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        sys.exit(f"{case.name} did not start")
    case.port = int(str(json.loads(line)["url"]).rpartition(":")[2])
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False
    )
    case.pids += [process.pid, *map(int, children.stdout.split())]


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of some processes."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(one[11]) + int(one[12]) for one in fields) / TICKS


def submitted(case: Case, key: str) -> str:
    """Submit one job and give its id."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with urlopen(Request(f"http://127.0.0.1:{case.port}{SUBMIT}", json.dumps(BODY).encode(), headers)) as answer:
        return str(json.load(answer)["id"])


def script(case: Case, what: str, keys: int) -> str:
    """What wrk sends, in its own language: requests that are made once, one key after the other."""
    lines = ["local made, at = {}, 0", 'wrk.headers["Content-Type"] = "application/json"', "init = function()"]
    for number in range(keys):
        key = f"rk_live_bench-{number}"
        lines.append(f'wrk.headers["Authorization"] = "Bearer {key}"')
        if what == "submit":
            body = json.dumps(json.dumps(BODY))
            lines.append(f'made[#made + 1] = wrk.format("POST", "{SUBMIT}", nil, {body})')
        else:
            lines.append(f'made[#made + 1] = wrk.format("GET", "{POLL}{submitted(case, key)}")')
    return "\n".join([*lines, "end", "request = function() at = at % #made + 1 return made[at] end"])


def load(case: Case, kind: tuple[str, int], seconds: float) -> None:
    """One round of one kind; a single answer that is not 2xx spoils the run."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script(case, *kind))
        file.flush()
        words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "--timeout", "20s", "-s", file.name]
        before = cpu_seconds(case.pids)
        run = subprocess.run([*words, f"http://127.0.0.1:{case.port}/"], capture_output=True, text=True, check=True)
        spent = cpu_seconds(case.pids) - before
    if "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        sys.exit(f"{case.name} answered errors to {kind[0]}:\n{run.stdout}")
    count = re.search(r"(\d+) requests in", run.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)
    if count is None or rate is None:
        sys.exit(f"wrk said nothing that can be read:\n{run.stdout}")
    case.rates.setdefault(kind, []).append(float(rate[1]))
    case.costs.setdefault(kind, []).append(spent * 1e6 / int(count[1]))


def row(case: Case, first: Case) -> str:
    """The line of a case: medians, and how much of the first one's rate that is."""
    cells = []
    for kind in KINDS:
        rate = statistics.median(case.rates[kind])
        share = rate / statistics.median(first.rates[kind])
        cells += [f"{rate:,.0f} ({share:.2f})", f"{statistics.median(case.costs[kind]):.0f}"]
    return f"| {case.name} | {' | '.join(cells)} |"


def table(cases: list[Case], rounds: int, seconds: float) -> str:
    """The figures in Markdown."""
    about = (
        f"{os.cpu_count()} cores, {CONNECTIONS} connections, {rounds} alternating rounds of {seconds:g} s, medians; "
        "in brackets the share of the first line."
    )
    rule = "|---" * (1 + 2 * len(KINDS)) + "|"
    return "\n".join([about, "", HEAD, rule, *(row(case, cases[0]) for case in cases)])


def main() -> None:
    """Run all rounds, print the table and keep it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], help="how many, for the mocks with a store")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    for tool in ("wrk", "redis-server", "ps"):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is needed: install it")
    cases = [Case("in memory", None)]
    cases += [Case(f"store, {count} worker{'s' * (count > 1)}", count) for count in asked.workers]
    began = time.monotonic()
    with ExitStack() as stack:
        for case in cases:
            serve(stack, case)
        for _ in range(asked.rounds):
            for kind in KINDS:
                for case in cases:
                    load(case, kind, asked.seconds)
    told = table(cases, asked.rounds, asked.seconds)
    asked.out.write_text(told + "\n", encoding="utf-8")
    print(f"{told}\n\n{time.monotonic() - began:.0f} s; written to {asked.out}")


if __name__ == "__main__":
    main()
