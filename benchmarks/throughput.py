"""Submits and polls for each second, the mock against bare aiohttp and against aimock, side by side in one run.

The servers share core 0, the generator (wrk) has core 1; rounds alternate, so that a noisy neighbour meets everybody.
What counts is the ratio of the medians. CPU microseconds for each request come from the kernel's books of the server
process and are the steadier figure on a shared machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.request import Request, urlopen

HERE = Path(__file__).parent
KEY = "rk_live_bench"
BODY = {
    "model": "gpt-image-2",
    "prompt": "a ginger cat on a windowsill at sunset, watercolor",
    "size": "16:9",
    "resolution": "2k",
}
TICKS = os.sysconf("SC_CLK_TCK")
CONNECTIONS, SECONDS, ROUNDS = 32, 3, 5
PATIENCE_S = 20  # until a server answers
PORTS = (20_000, 32_000)


@dataclass(slots=True)
class Server:
    """One server under load. Figures are requests for each second and CPU microseconds for each request."""

    name: str
    command: list[str]
    port: int
    headers: dict[str, str]
    submit: str
    body: dict[str, object]
    poll: str = ""
    process: subprocess.Popen[str] | None = None
    rates: dict[str, list[float]] = field(default_factory=lambda: {"submit": [], "poll": []})
    costs: dict[str, list[float]] = field(default_factory=lambda: {"submit": [], "poll": []})


def free_port() -> int:
    """A port that nobody listens on, below those that the system gives to connections that go out."""
    while True:
        port = random.randrange(*PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def submitted(server: Server) -> str:
    """Submit one job and give its id. Raises OSError when the server does not answer."""
    url = f"http://127.0.0.1:{server.port}{server.submit}"
    with urlopen(Request(url, json.dumps(server.body).encode(), server.headers)) as answer:
        reply = json.load(answer)
    return str(reply.get("id") or reply.get("request_id"))


def start(server: Server) -> None:
    """Start a server on core 0 and wait until it answers a submit."""
    server.process = subprocess.Popen(
        ["taskset", "-c", "0", *server.command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    )
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            submitted(server)
        except OSError:
            if time.monotonic() > deadline or server.process.poll() is not None:
                raise
            time.sleep(0.05)
        else:
            return


def load(server: Server, kind: str) -> None:
    """One round of one kind; a single answer that is not 2xx spoils the run."""
    lines = [f'wrk.headers["{name}"] = "{value}"' for name, value in server.headers.items()]
    if kind == "submit":
        lines += ['wrk.method = "POST"', f"wrk.body = {json.dumps(json.dumps(server.body))}"]
    with tempfile.NamedTemporaryFile("w", suffix=".lua", delete=False) as script:
        script.write("\n".join(lines))
    # a fresh task for each round of polls: a peer forgets tasks when many are submitted
    path = server.submit if kind == "submit" else server.poll.replace("{id}", submitted(server))
    if server.process is None:
        sys.exit(f"{server.name} is not running")
    before = cpu_seconds(server.process.pid)
    run = subprocess.run(
        [
            "taskset",
            "-c",
            "1",
            "wrk",
            "-t1",
            f"-c{CONNECTIONS}",
            f"-d{SECONDS}",
            "--timeout",
            f"{PATIENCE_S}s",
            "-s",
            script.name,
            f"http://127.0.0.1:{server.port}{path}",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    spent = cpu_seconds(server.process.pid) - before
    Path(script.name).unlink()
    if "Non-2xx" in run.stdout or "Socket errors" in run.stdout:
        sys.exit(f"{server.name} answered errors to {kind}:\n{run.stdout}")
    count = re.search(r"(\d+) requests in", run.stdout)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", run.stdout)
    if count is None or rate is None:
        sys.exit(f"wrk said nothing that can be read:\n{run.stdout}")
    server.rates[kind].append(float(rate[1]))
    server.costs[kind].append(spent * 1e6 / int(count[1]))


def aimock(port: int) -> Server | None:
    """The fal queue of aimock, where node and the package are at hand (`npm install` in benchmarks/peers)."""
    peers = HERE / "peers"
    if not (peers / "node_modules" / "@copilotkit" / "aimock").exists() or shutil.which("node") is None:
        return None
    return Server(
        name="aimock fal queue",
        port=port,
        command=["node", str(peers / "aimock_fal.mjs"), str(port)],
        headers={
            "Content-Type": "application/json",
            "Authorization": "Key bench",
            "x-fal-target-host": "queue.fal.run",
        },
        submit="/fal/fal-ai/flux/dev",
        body={"prompt": BODY["prompt"]},
        poll="/fal/fal-ai/flux/dev/requests/{id}/status",
    )


def servers() -> list[Server]:
    """Everybody who takes part."""
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    submit, poll = "/reapi/api/v1/images/generations", "/reapi/api/v1/tasks/{id}"
    ports = [free_port() for _ in range(4)]
    python = sys.executable
    found = [
        Server(
            name="imageproof mock",
            port=ports[0],
            headers=headers,
            submit=submit,
            poll=poll,
            body={**BODY},
            command=[python, "-m", "imageproof", "mock", "reapi", "--port", str(ports[0]), "--max-tasks", "100000000"],
        ),
        Server(
            name="bare aiohttp, router",
            port=ports[1],
            headers=headers,
            submit=submit,
            poll=poll,
            body={**BODY},
            command=[python, str(HERE / "bare.py"), "app", str(ports[1])],
        ),
        Server(
            name="bare aiohttp, low level",
            port=ports[2],
            headers=headers,
            submit=submit,
            poll=poll,
            body={**BODY},
            command=[python, str(HERE / "bare.py"), "raw", str(ports[2])],
        ),
    ]
    peer = aimock(ports[3])
    return [*found, peer] if peer else found


def main() -> None:
    """Run all rounds and print the table."""
    if shutil.which("wrk") is None:
        sys.exit("wrk is needed: apt-get install wrk")
    running = servers()
    try:
        for server in running:
            start(server)
        for _ in range(ROUNDS):
            for kind in ("poll", "submit"):
                for server in running:
                    load(server, kind)
    finally:
        for server in running:
            if server.process is not None:
                server.process.kill()
                server.process.wait()
    ours = running[0]
    print(f"{CONNECTIONS} connections, {ROUNDS} rounds of {SECONDS} s, medians; ratio = ours / theirs\n")
    print("| server | poll/s | us CPU | ratio | submit/s | us CPU | ratio |\n|---|---|---|---|---|---|---|")
    for server in running:
        cells = []
        for kind in ("poll", "submit"):
            rate, cost = statistics.median(server.rates[kind]), statistics.median(server.costs[kind])
            cells += [f"{rate:,.0f}", f"{cost:.1f}", f"{statistics.median(ours.rates[kind]) / rate:.2f}"]
        print(f"| {server.name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
