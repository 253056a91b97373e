"""Two targets in turn, ladders, and the search for the capacity."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from imageproof import Mock
from imageproof.exits import ExitCode
from imageproof.load_config import LoadConfig, on_ladder
from imageproof.load_run import run_load
from imageproof.loadtests.books import Job, Kind
from imageproof.loadtests.options import Share
from imageproof.loadtests.pairs import Turns
from imageproof.loadtests.payloads import MEGABYTE, Way, slope_of, ways_of
from imageproof.records.lines import Verdict
from imageproof.records.reading import read_run
from imageproof.specs.library import load
from tests.loadtests.books_made import held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CLOCK = "120x"
GO_S = 30.0


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with Mock("reapi", "openai", clock=CLOCK, timing_header=True, pictures="plain") as served:
        yield served


class Relay:
    """Passes requests on, each `late_s` later; where the target says nothing for `idle_s`, the connection is cut."""

    def __init__(self, target: tuple[str, int], *, late_s: float, idle_s: float | None) -> None:
        self.target = target
        self.late_s = late_s
        self.idle_s = idle_s
        self.gone = threading.Event()
        self.threads: list[threading.Thread] = []

    def accept(self, listening: socket.socket) -> None:
        """Take connections until the end."""
        while not self.gone.is_set():
            try:
                peer, _ = listening.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self.pass_on, args=(peer,))
            self.threads.append(thread)
            thread.start()

    def pass_on(self, peer: socket.socket) -> None:
        """Pass on the requests of a connection, each of which fits into one packet, and their answers."""
        with peer, socket.create_connection(self.target) as target:
            target.settimeout(self.idle_s or GO_S)
            peer.settimeout(GO_S)
            try:
                while data := peer.recv(1 << 16):
                    self.gone.wait(self.late_s)
                    target.sendall(data)
                    answer(target, peer)
            except (TimeoutError, ConnectionError):
                return


def answer(target: socket.socket, peer: socket.socket) -> None:
    """Pass on one answer, whose length its head tells."""
    text = b""
    while b"\r\n\r\n" not in text:
        got = target.recv(1 << 16)
        if not got:
            return
        text += got
    head, _, body = text.partition(b"\r\n\r\n")
    length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    left = int(length.partition(b":")[2]) - len(body)
    peer.sendall(text)
    while left > 0:
        more = target.recv(1 << 16)
        left -= len(more)
        peer.sendall(more)


@contextmanager
def relay(mock: Mock, *, late_s: float = 0.0, idle_s: float | None = None) -> Iterator[str]:
    host, _, port = mock.url.removeprefix("http://").partition(":")
    made = Relay((host, int(port)), late_s=late_s, idle_s=idle_s)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.1)
        door = threading.Thread(target=made.accept, args=(listening,))
        door.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            made.gone.set()
            for thread in (door, *made.threads):
                thread.join(GO_S)


def test_the_targets_take_turns_in_blocks_that_are_mirrored() -> None:
    turns = Turns(duration_s=8.0, warm_up_s=1.0, pairs=4)

    assert [turns.side_at(1.5 + at) for at in range(8)] == [0, 1, 1, 0, 0, 1, 1, 0]
    assert turns.block_at(0.5) < 0
    assert turns.block_at(99.0) == 7


def large(mark: int, megabytes: float, overhead_s: float) -> Job:
    """A held job whose answer has so many megabytes."""
    job = held(mark, 0.0, added=overhead_s)
    return replace(job, calls=(replace(job.calls[0], received=int(megabytes * MEGABYTE)),))


def test_the_cost_of_a_megabyte_is_the_slope_of_the_overhead() -> None:
    exact = slope_of([large(1, 1, 0.012), large(2, 5, 0.020), large(3, 10, 0.030)])
    rough = slope_of([large(1, 1, 0.012), large(2, 5, 0.025), large(3, 10, 0.030), large(4, 10, 0.034)])

    assert exact is not None
    assert exact.seconds == pytest.approx(0.002)
    assert exact.error_s == pytest.approx(0, abs=1e-9)
    assert rough is not None
    assert abs(rough.seconds - 0.002) <= rough.error_s < 0.004
    assert rough.less(exact).seconds == pytest.approx(rough.seconds - exact.seconds)
    assert slope_of([large(1, 1, 0.012), large(2, 5, 0.02)]) is None
    assert slope_of([large(mark, 5, 0.02) for mark in range(9)]) is None


@pytest.mark.parametrize(
    ("provider", "model", "ways"),
    [
        ("reapi", "", {Way.URL}),
        ("openai", "", {Way.MULTIPART, Way.BASE64}),
        ("toapis", "", {Way.URL, Way.BASE64}),
        ("apiyi", "", {Way.MULTIPART, Way.BASE64}),
        ("apiyi", "gpt-image-2-all", {Way.MULTIPART, Way.BASE64, Way.URL}),
    ],
)
def test_the_ways_of_a_payload_follow_from_the_contract(provider: str, model: str, ways: set[Way]) -> None:
    assert set(ways_of(load(provider), Share(model=model))) == ways


def test_a_gateway_that_is_slower_is_told_from_the_other_one(mock: Mock, tmp_path: Path) -> None:
    account = mock.account("openai")
    with relay(mock) as fast, relay(mock, late_s=0.15) as slow:
        config = LoadConfig(
            spec="openai", base_url=f"{fast}/openai", against=f"{slow}/openai", key=account.key, upstream=mock.url,
            clock=CLOCK, rate=25.0, duration_s=4.0, warm_up_s=0.0, seed=2, out=tmp_path / "run",
        )  # fmt: skip
        state = run_load(config)

    found = {line.labels["number"]: line for line in read_run(tmp_path / "run").samples if line.name == "difference"}
    assert found["overhead.p50"].labels["noise"] == "no"
    assert found["overhead.p50"].value == pytest.approx(0.15, abs=0.1)
    assert "A and B differ in" in state.says
    assert "overhead.p50" in state.says


def test_a_ladder_of_holds_finds_where_a_gateway_gives_up(mock: Mock, tmp_path: Path) -> None:
    account = mock.account("openai")
    with relay(mock, idle_s=1.5) as url:
        config = LoadConfig(
            spec="openai", base_url=f"{url}/openai", key=account.key, upstream=mock.url, clock=CLOCK, seed=2,
            out=tmp_path / "run",
        )  # fmt: skip
        state = run_load(on_ladder(config, "hold", (0.5, 1.0, 3.0)))

    assert state.exit is ExitCode.DOES_NOT_CONFORM
    assert state.says.startswith("1 s came through, at 3 s 3 of 3 failed")
    run = read_run(tmp_path / "run")
    broken = {finding.rule for finding in run.findings if finding.verdict is Verdict.FAILED}
    assert broken == {"load/ladder/hold", "load/conservation/orphaned"}


def test_a_ladder_of_payloads_comes_through_an_honest_target(mock: Mock) -> None:
    account = mock.account("openai")
    config = LoadConfig(spec="openai", base_url=account.base_url, key=account.key, upstream=mock.url, clock=CLOCK)
    state = run_load(on_ladder(config, "payload", (100_000.0, 2_000_000.0)))

    assert state.exit is ExitCode.CONFORMS
    assert "files sent: everything up to 2 MB came through; each megabyte takes" in state.says
    assert "results as base64: everything up to 2 MB came through" in state.says
    assert "without the own path" in state.says
    assert len(state.live.direct) >= 10
    sizes = Counter(call.sent // 100_000 for job in state.live.jobs for call in job.calls if call.kind is Kind.EDIT)
    assert sizes == {1: 3, 20: 3}
    results = Counter(call.received // 130_000 for job in state.live.jobs for call in job.calls if call.sent < 10_000)
    assert results == {1: 3, 20: 3}


def test_a_search_for_the_capacity_tries_a_rate_that_is_too_high_and_goes_down_from_there(tmp_path: Path) -> None:
    """The target takes four jobs at a time, half a second each: eight a second, and no more."""
    with Mock("openai", clock="1000x", timing_header=True, pictures="plain", queue="slots=4,p50=500s,p99=500s") as slow:
        account = slow.account()
        config = LoadConfig(
            spec="openai", base_url=account.base_url, key=account.key, clock="1000x", rate=20.0, arrivals="constant",
            duration_s=3.0, warm_up_s=0.0, seed=2, goals=("e2e.p50<1s",), capacity=True, trials=3, melt=1.1,
            out=tmp_path / "run",
        )  # fmt: skip
        state = run_load(config)

    run = read_run(tmp_path / "run")
    tried = [(line.value, line.labels["goals"]) for line in run.samples if line.name == "trial"]
    assert tried
    assert all(goals != "met" for _, goals in tried[:2])
    assert run.footer is not None
    assert run.footer.exit == state.exit
    assert [finding.rule for finding in run.findings] == ["load/capacity"]
