"""One worker of the mock, validation, accounts and journal on, against the mocks of others, each in a pair with ours.

Both of a pair are started fresh and share core 0; what loads them has core 1. Rounds alternate, and medians of the
rounds count. First wrk, as much as goes; then requests at a constant rate that both carry (60 % of what the slower one
did), timed from when each was due (`offered.py`), for the p99.

    make bench ARGS=peers                                  about 20 minutes
    python benchmarks/peers.py --only aimock --rounds 5    one pair, about 3 minutes
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import offered
import throughput
from peer_servers import ALL, Canned, NotInstalledError, Peer, ours, ours_held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from throughput import Server

RESULTS = throughput.HERE / "results"
SHARE = 0.6
LATE_MS = 0.2
WARM_ROUNDS = 2  # the machines of Java compile what is hot first
ROUNDS = 5
PATIENCE_S = 90  # a Java machine that starts on one busy core takes its time
COLUMNS = ("against", "requests", "ours /s", "theirs /s", "ratio", "our CPU us", "theirs", "offered /s")
COLUMNS += ("our p50 ms", "theirs", "our p99 ms", "theirs")


@dataclass(slots=True, kw_only=True)
class Side:
    """One of a pair, for one kind of request: medians, and the values of all rounds."""

    rate: float = 0.0
    cpu_us: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    rates: list[float] = field(default_factory=list)
    p99s: list[float] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Row:
    """A pair and a kind of request."""

    peer: str
    what: str
    kind: str
    ours: Side
    theirs: Side
    offered: float
    late_p99_ms: float

    def behind(self) -> str:
        """In what we are behind; empty where we are ahead in both."""
        parts = []
        if self.ours.rate <= self.theirs.rate:
            parts.append(f"{self.kind}/s {self.ours.rate:,.0f} to {self.theirs.rate:,.0f}")
        if self.ours.p99_ms >= self.theirs.p99_ms:
            parts.append(f"p99 of {self.kind} {self.ours.p99_ms:.2f} ms to {self.theirs.p99_ms:.2f} ms")
        return "; ".join(parts)


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Start servers, and end them however it goes."""
    try:
        for server in servers:
            throughput.start(server)
        yield
    finally:
        for server in servers:
            if server.process is not None:
                server.process.kill()
                server.process.wait()


def ask(server: Server, method: str, path: str) -> bytes:
    """One answer of a server."""
    body = json.dumps(server.body).encode() if method == "POST" else None
    url = f"http://127.0.0.1:{server.port}{path}"
    with urlopen(Request(url, body, server.headers, method=method)) as answer:
        return bytes(answer.read())


def canned() -> Canned:
    """What our own mocks answer."""
    polled, held = ours(), ours_held()
    with running(polled, held):
        submit = ask(polled, "POST", polled.submit).decode()
        task = str(json.loads(submit)["id"])
        poll = ask(polled, "GET", polled.poll.replace("{id}", task)).decode()
        image = json.loads(ask(held, "POST", held.submit))["data"][0]["b64_json"]
    return Canned(task=task, submit=submit, poll=poll, image=image)


def offer(server: Server, kind: str, rate: float, seconds: float) -> offered.Times:
    """One round at a constant rate, by a process on core 1. Ends the run where a server does not carry it."""
    if kind == "submit":
        request = offered.request_bytes("POST", server.submit, server.headers, json.dumps(server.body).encode())
    else:
        path = server.poll.replace("{id}", throughput.submitted(server))
        request = offered.request_bytes("GET", path, server.headers)
    words = [sys.executable, str(throughput.HERE / "offered.py"), str(server.port), str(rate), str(seconds)]
    done = subprocess.run(["taskset", "-c", "1", *words], input=request, capture_output=True, check=False)
    if done.returncode:
        sys.exit(f"{server.name} at {rate:,.0f} {kind}/s: {done.stderr.decode().strip()}")
    return offered.Times(**json.loads(done.stdout))


def compare(peer: Peer, answers: Canned, rounds: int, seconds: int) -> list[Row]:
    """A pair. Raises NotInstalledError for a peer that is not here; SystemExit where one answers errors."""
    with tempfile.TemporaryDirectory(prefix="imageproof-peer-") as folder:
        mine, theirs = peer.ours(), peer.make(Path(folder), answers)
        kinds = ("submit", "poll") if theirs.poll else ("submit",)
        with running(mine, theirs):
            for number in range(WARM_ROUNDS + rounds):
                for kind in kinds:
                    for server in (mine, theirs):
                        throughput.load(server, kind)
                        if number < WARM_ROUNDS:
                            server.rates[kind].clear()
                            server.costs[kind].clear()
            return [_offered(peer, kind, (mine, theirs), rounds, seconds) for kind in kinds]


def _offered(peer: Peer, kind: str, pair: tuple[Server, Server], rounds: int, seconds: int) -> Row:
    """The rounds at a constant rate, and what the pair has shown of a kind of request."""
    rate = SHARE * min(statistics.median(server.rates[kind]) for server in pair)
    times: tuple[list[offered.Times], list[offered.Times]] = ([], [])
    for _ in range(rounds):
        for server, its in zip(pair, times, strict=True):
            its.append(offer(server, kind, round(rate), seconds))
    mine, theirs = (
        Side(
            rate=statistics.median(server.rates[kind]),
            cpu_us=statistics.median(server.costs[kind]),
            p50_ms=statistics.median(one.p50 for one in its),
            p99_ms=statistics.median(one.p99 for one in its),
            rates=server.rates[kind],
            p99s=[one.p99 for one in its],
        )
        for server, its in zip(pair, times, strict=True)
    )
    late = statistics.median(one.late_p99 for its in times for one in its)
    return Row(
        peer=peer.name, what=peer.what, kind=kind, ours=mine, theirs=theirs, offered=round(rate), late_p99_ms=late
    )


def table(rows: list[Row], missing: dict[str, str]) -> str:
    """All of it as Markdown."""
    lines = [
        f"| {' | '.join(COLUMNS)} |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        mine, their = row.ours, row.theirs
        cells = [f"{row.peer} ({row.what})", row.kind, f"{mine.rate:,.0f}", f"{their.rate:,.0f}"]
        cells += [f"{mine.rate / their.rate:.2f}", f"{mine.cpu_us:.1f}", f"{their.cpu_us:.1f}", f"{row.offered:,.0f}"]
        cells += [f"{value:.2f}" for value in (mine.p50_ms, their.p50_ms, mine.p99_ms, their.p99_ms)]
        lines.append(f"| {' | '.join(cells)} |")
    notes = [f"* {name} did not take part: {why}" for name, why in missing.items()]
    notes += [f"* behind {row.peer}: {row.behind()}" for row in rows if row.behind()]
    notes += [
        f"* the times of {row.peer}, {row.kind} are not to be trusted: the machine was too busy for the generator, "
        f"whose requests left {row.late_p99_ms:.2f} ms late (p99)"
        for row in rows
        if row.late_p99_ms > LATE_MS
    ]
    return "\n".join([*lines, "", *notes])


def main() -> int:
    """Run the pairs and print the table; 1 if there is none."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=[peer.name for peer in ALL], default=[])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=throughput.SECONDS, help="of one round")
    given = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk")
    throughput.SECONDS, throughput.PATIENCE_S = given.seconds, PATIENCE_S
    answers = canned()
    rows: list[Row] = []
    missing: dict[str, str] = {}
    for peer in ALL:
        if given.only and peer.name not in given.only:
            continue
        print(f"{peer.name} ...", file=sys.stderr, flush=True)
        try:
            rows += compare(peer, answers, given.rounds, given.seconds)
        except (NotInstalledError, OSError, SystemExit) as error:
            missing[peer.name] = str(error)
    text = table(rows, missing)
    print(f"{throughput.CONNECTIONS} connections, {given.rounds} rounds of {given.seconds} s, medians\n\n{text}")
    RESULTS.mkdir(exist_ok=True)
    stem = "peers" if not given.only else f"peers-{'-'.join(given.only)}"
    (RESULTS / f"{stem}.md").write_text(f"{text}\n")
    (RESULTS / f"{stem}.json").write_text(
        json.dumps({"rows": [asdict(row) for row in rows], "missing": missing}, indent=1) + "\n"
    )
    return 0 if rows else 1


if __name__ == "__main__":
    sys.exit(main())
