"""Our Locust users against the leanest FastHttpUser that sends the same: how many requests a second one process makes.

The mock has core 0, the generator core 1, and has it to itself: 32 users without pauses. Each job is one submit and ten
polls of a task that goes on. Ours read each answer by the contract, keep a book of every call and write it down, as
`imageproof load` has it; the lean ones read the id of the task and nothing else, but Locust's own client adds an
`Accept-Encoding`, and its statistics. Rounds alternate; the mock counts.

    python benchmarks/bench_locust.py             about 2 minutes
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from urllib.request import urlopen

import msgspec
import throughput

from imageproof.loadtests.mix import Mix
from imageproof.loadtests.options import Options, Share
from imageproof.specs.library import load

USERS, POLLS, ROUNDS = 32, 10, 7
SECONDS, SETTLE_S = 5.0, 2.0
PAUSE_S = 1e-6
GOAL = 0.8
SEED = 1
SUBMIT, POLL = "/api/v1/images/generations", "/api/v1/tasks/"
RESULT = throughput.HERE / "results" / "locust.md"
TYPED = {"Content-Type": "application/json"}


@dataclass(slots=True)
class Kind:
    """One kind of users: requests a second, and CPU microseconds of the generator for each."""

    name: str
    words: list[str]
    line: bytes
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)


def lean(port: int) -> None:
    """Be the leanest FastHttpUser until the process is ended."""
    from locust import FastHttpUser, task  # noqa: PLC0415  (it patches this process: only one that makes load)
    from locust.env import Environment  # noqa: PLC0415

    body = Mix(load("reapi"), (Share(),), seed=SEED, prompt="a red fox in the snow").ask(0).body
    headers = {"Authorization": f"Bearer {throughput.KEY}"}
    typed = headers | TYPED

    class Lean(FastHttpUser):
        """A user that only sends."""

        host = f"http://127.0.0.1:{port}"
        insecure = False

        @task
        def job(self) -> None:
            """One job: a submit, and polls."""
            answer = self.client.post(SUBMIT, data=body, headers=typed)
            path = POLL + json.loads(answer.content)["id"]
            for _ in range(POLLS):
                self.client.get(path, headers=headers, name="poll")

    runner = Environment(user_classes=[Lean]).create_local_runner()
    runner.start(USERS, spawn_rate=USERS)
    runner.greenlet.join()


def told(port: int) -> bytes:
    """What the process of ours is told: to make jobs without pauses, and to give each up after its last poll."""
    options = Options(
        spec="reapi",
        base_url=f"http://127.0.0.1:{port}",
        key=throughput.KEY,
        seed=SEED,
        users=USERS,
        duration_s=3600.0,
        poll_s=PAUSE_S,
        patience_s=PAUSE_S * (POLLS + 0.5),
    )
    return msgspec.json.encode(options) + b"\n"


def answered(port: int) -> dict[str, int]:
    """How many requests the mock has answered so far, by operation. Ends the run where one was an error."""
    with urlopen(f"http://127.0.0.1:{port}/__imageproof__/metrics") as answer:
        lines = answer.read().decode().splitlines()
    counts: dict[str, int] = {}
    for line in lines:
        found = re.match(r'imageproof_answers_total\{operation="(\w+)",.*status="(\d+)"\} ([\d.e+]+)', line)
        if found is not None:
            if found[2] != "200":
                sys.exit(f"the mock answered {found[2]} to {found[1]}")
            counts[found[1]] = counts.get(found[1], 0) + int(float(found[3]))
    return counts


def play(kind: Kind, port: int, seconds: float) -> None:
    """One round. Ends the run where the users do not keep the mix: a submit for ten polls."""
    words = ["taskset", "-c", "1", *kind.words]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as made:
        if made.stdin is None:
            sys.exit("there is no input to the generator")
        try:
            made.stdin.write(kind.line + f"{time.monotonic()}\n".encode())  # the second line: when to begin
            made.stdin.flush()
            until = time.monotonic() + throughput.PATIENCE_S
            first = answered(port)
            while answered(port) == first:
                if made.poll() is not None or time.monotonic() > until:
                    sys.exit(f"{kind.name}: no request comes")
                time.sleep(0.05)
            time.sleep(SETTLE_S)
            before, cpu, begun = answered(port), throughput.cpu_seconds(made.pid), time.monotonic()
            time.sleep(seconds)
            after, spent, took = answered(port), throughput.cpu_seconds(made.pid) - cpu, time.monotonic() - begun
        finally:
            made.kill()
    counts = {name: number - before.get(name, 0) for name, number in after.items()}
    submits, polls = counts.pop("submit"), counts.pop("poll")
    if any(counts.values()) or abs(polls / submits - POLLS) > 0.2:  # noqa: PLR2004  (jobs are cut at both ends)
        sys.exit(f"{kind.name}: {submits} submits, {polls} polls and {counts} are not the mix")
    kind.rates.append((submits + polls) / took)
    kind.costs.append(spent * 1e6 / (submits + polls))


def main() -> int:
    """Run the rounds and print the table; 1 if ours make less than 0.8 of what the lean ones make."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of one round")
    parser.add_argument("--lean", type=int, metavar="PORT", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.lean:
        lean(given.lean)
        return 0
    server = throughput.servers()[0]
    port = server.port
    kinds = [
        Kind("ours", [sys.executable, "-m", "imageproof.loadtests.worker"], told(port)),
        Kind("leanest FastHttpUser", [sys.executable, __file__, "--lean", str(port)], b""),
    ]
    with ExitStack() as stack:
        throughput.start(server)
        if server.process is not None:
            stack.callback(server.process.wait)
            stack.callback(server.process.kill)
        for _ in range(given.rounds):
            for kind in kinds:
                play(kind, port, given.seconds)
    ratio = statistics.median(mine / theirs for mine, theirs in zip(kinds[0].rates, kinds[1].rates, strict=True))
    lines = ["| users | requests/s | CPU us of the generator for each | ratio |", "|---|---|---|---|"]
    for kind, share in zip(kinds, (f"{ratio:.2f}", "1.00"), strict=True):
        rate, cost = statistics.median(kind.rates), statistics.median(kind.costs)
        lines.append(f"| {kind.name} | {rate:,.0f} | {cost:.0f} | {share} |")
    text = "\n".join(lines)
    print(f"{USERS} users, one process on one core, {given.rounds} rounds of {given.seconds:g} s, medians\n\n{text}")
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(f"{text}\n")
    return 0 if ratio >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
