"""Mocks on several machines share one store: in network namespaces where these may be made, else on other addresses."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import cast

import pytest

from tests.shared.crews import Crew, Json, crew
from tests.shared.stores import running_store

JOBS = 60
KEY = "rk_live_machines"
BODY = {"model": "gpt-image-2", "prompt": "a red fox"}
NET = f"10.{200 + os.getpid() % 50}.{os.getpid() // 50 % 250}"  # two runs at once use two

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8 on loopback")


@dataclass(frozen=True)
class Machine:
    """Where a mock can listen, and what is put before a command to run it there."""

    address: str
    prefix: tuple[str, ...] = ()


def told(*words: str) -> bool:
    """Run a command; whether it did what it was told."""
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def is_reached_from(namespace: str) -> bool:
    """Whether a program there can talk to one here, which a firewall may forbid."""
    with socket.create_server((f"{NET}.1", 0)) as here:
        place = here.getsockname()
        code = f"import socket; socket.create_connection({place!r}, 2).close()"
        return told("ip", "netns", "exec", namespace, sys.executable, "-S", "-c", code)


@contextmanager
def namespaces(bridge: str, count: int) -> Iterator[list[Machine] | None]:
    """Machines of their own on a small network, of which this one is number 1; None where that may not be made."""
    if shutil.which("ip") is None or not told("ip", "link", "add", bridge, "type", "bridge"):
        yield None
        return
    names = [f"{bridge}n{number}" for number in range(count)]
    try:
        done = told("ip", "addr", "add", f"{NET}.1/24", "dev", bridge) and told("ip", "link", "set", bridge, "up")
        for number, name in enumerate(names, 2):
            done = done and told("ip", "netns", "add", name)
            done = done and told(
                *("ip", "link", "add", f"{name}v", "type", "veth", "peer", "name", "eth0", "netns", name)
            )
            done = done and told("ip", "link", "set", f"{name}v", "master", bridge, "up")
            done = done and told("ip", "-n", name, "addr", "add", f"{NET}.{number}/24", "dev", "eth0")
            done = done and told("ip", "-n", name, "link", "set", "eth0", "up")
            done = done and is_reached_from(name)
        machines = [Machine(f"{NET}.{number}", ("ip", "netns", "exec", name)) for number, name in enumerate(names, 2)]
        yield machines if done else None
    finally:
        for name in names:
            told("ip", "netns", "del", name)
        told("ip", "link", "del", bridge)


@pytest.fixture
def machines() -> Iterator[tuple[str, list[Machine]]]:
    """The address of the store, and two machines."""
    with namespaces(f"ip{os.getpid() % 100_000}", 2) as made:
        if made is not None:
            yield f"{NET}.1", made
        else:
            yield "127.0.0.1", [Machine("127.0.0.2"), Machine("127.0.0.3")]


def test_two_machines_are_one_mock(machines: tuple[str, list[Machine]]) -> None:
    address, places = machines
    with ExitStack() as stack:
        store = stack.enter_context(running_store(host=address))
        pool = stack.enter_context(ThreadPoolExecutor(8))
        arguments = ("--store", store.url, "--clock", "manual", "--pictures", "plain", "reapi")
        mocks = [
            stack.enter_context(crew("--host", place.address, *arguments, prefix=place.prefix)) for place in places
        ]
        assert [mock.address[0] for mock in mocks] == [place.address for place in places]
        turns = [mock for _, mock in zip(range(JOBS), cycle(mocks), strict=False)]

        taken = [*pool.map(lambda mock: mock.ask("POST", "/reapi/api/v1/images/generations", KEY, BODY), turns)]

        assert {answer.status for answer in taken} == {200}
        ids = [str(answer.body["id"]) for answer in taken]
        assert len({*ids}) == JOBS
        others = [mock for _, mock in zip(range(JOBS), cycle(reversed(mocks)), strict=False)]
        polls = [
            *pool.map(
                lambda pair: pair[0].ask("GET", f"/reapi/api/v1/tasks/{pair[1]}", KEY), zip(others, ids, strict=True)
            )
        ]
        assert {(answer.status, answer.body["status"]) for answer in polls} == {(200, "processing")}
        first, second = (mock.control("GET", "reapi/ledger", KEY) for mock in mocks)
        assert first == second
        assert [move["job"] for move in cast("list[Json]", first["movements"])] == [*range(1, JOBS + 1)]
        require_same_time(mocks)


def require_same_time(mocks: list[Crew]) -> None:
    """Time that is moved on one machine has moved on the other."""
    before = mocks[0].control("GET", "reapi/clock", KEY)
    after = mocks[1].control("POST", "reapi/clock", KEY, {"advance": "95s"})
    assert float(str(after["now"])) - float(str(before["now"])) == pytest.approx(95)
    assert mocks[0].control("GET", "reapi/clock", KEY) == after
