"""What the journal costs: the mock with it and without it, in alternating rounds; the ratio within each counts.

The judges of clients read the journal when a scenario is over, so while the mock serves they cost nothing.
"""

from __future__ import annotations

import statistics
import sys

import throughput

ROUNDS = 9
POLLS = 10  # of a job of a minute, as providers advise to poll
JOB = f"a job, polled {POLLS} times"


def mock(name: str, journal: int) -> throughput.Server:
    """A mock that keeps so many exchanges for each account."""
    port = throughput.free_port()
    words = ["mock", "reapi", "--port", str(port), "--max-tasks", "100000000", "--journal", str(journal)]
    return throughput.Server(
        name=name,
        port=port,
        headers={"Authorization": f"Bearer {throughput.KEY}", "Content-Type": "application/json"},
        submit="/reapi/api/v1/images/generations",
        poll="/reapi/api/v1/tasks/{id}",
        body={**throughput.BODY},
        command=[sys.executable, "-m", "imageproof", *words],
    )


def main() -> None:
    """Run all rounds and print the table."""
    servers = [mock("with the journal", int(sys.argv[1]) if len(sys.argv) > 1 else 10_000), mock("without", 0)]
    try:
        for server in servers:
            throughput.start(server)
        for _ in range(ROUNDS):
            for kind in ("poll", "submit"):
                for server in servers:
                    throughput.load(server, kind)
    finally:
        for server in servers:
            if server.process is not None:
                server.process.kill()
                server.process.wait()
    print("| requests | us CPU with | us CPU without | share of the journal, median of the rounds |\n|---|---|---|---|")
    for server in servers:
        server.costs[JOB] = [
            submit + POLLS * poll for submit, poll in zip(server.costs["submit"], server.costs["poll"], strict=True)
        ]
    kept, bare = servers
    for kind in ("poll", "submit", JOB):
        shares = [1 - less / more for more, less in zip(kept.costs[kind], bare.costs[kind], strict=True)]
        costs = " | ".join(f"{statistics.median(server.costs[kind]):.1f}" for server in servers)
        print(f"| {kind} | {costs} | {100 * statistics.median(shares):.1f} % |")


if __name__ == "__main__":
    main()
