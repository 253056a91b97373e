"""Who takes how much of a core is seen for processes of ours, and for nobody else."""

from __future__ import annotations

import subprocess
import sys
from time import monotonic

import psutil
import pytest

from imageproof.load_processor import EVERY_S, Processor, of_listener, of_process

SERVE = """
import socket, sys
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
while True:
    pass
"""


def test_a_busy_listener_is_found_by_its_port_and_takes_a_core() -> None:
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            found = of_listener(f"http://127.0.0.1:{port}/reapi")
            begin = monotonic()
            while monotonic() < begin + 3 * EVERY_S:
                found.look()
            share = found.share(begin, monotonic())
        finally:
            process.kill()

    assert [item.pid for item in found.processes] == [process.pid]
    assert share is not None
    assert 0 < share <= 1.2


def test_the_busiest_process_counts() -> None:
    seen = [(10.0, {1: 0.0, 2: 5.0}), (11.0, {1: 0.2, 2: 5.95}), (12.0, {1: 0.4, 2: 6.9, 3: 1.0})]
    found = Processor(seen=seen)

    assert found.share(10, 12) == pytest.approx(0.95)
    assert found.share(11.5, 12) is None
    assert Processor().share(0, 100) is None


@pytest.mark.parametrize("url", ["http://203.0.113.5:4010", "http://127.0.0.1:1"])
def test_others_are_not_looked_at(url: str) -> None:
    found = of_listener(url)
    found.look()

    assert (found.processes, found.seen) == ([], [])


def test_a_process_that_has_ended_is_left_out() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        found = of_process(process.pid)
        found.look()
        process.communicate(b"\n")
    found.seen[0] = (found.seen[0][0] - 2 * EVERY_S, found.seen[0][1])
    found.look()

    assert [item.pid for item in found.processes] == [process.pid]
    assert found.seen[-1][1] == {}
    assert of_process(psutil.Process().pid).processes
