"""What a load run reports where the truth is known: planned times, a frozen second, no gateway, a gateway of 20 ms."""

from __future__ import annotations

import os
import signal
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from imageproof import Mock
from imageproof.load_config import LoadConfig
from imageproof.load_run import run_load
from imageproof.load_upstream import OwnMock
from imageproof.loadtests.histograms import RELATIVE_ERROR
from imageproof.loadtests.options import Share
from imageproof.loadtests.overhead import ALL
from tests.loadtests.test_run_ways import relay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.load_measure import LoadState
    from imageproof.loadtests.histograms import Histogram
    from imageproof.loadtests.overhead import Net
    from imageproof.loadtests.results import Results

CLOCK = 120.0
FROZEN_S = 1.2
ADDED_S = 0.02


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with Mock("openai", clock=f"{CLOCK:g}x", timing_header=True, pictures="plain") as served:
        yield served


def config_at(url: str, **more: Any) -> LoadConfig:  # noqa: ANN401  (each test sets what it is about)
    """A run of synchronous jobs that each take exactly as long as `plan_s`, in real seconds."""
    plan_s = more.pop("plan_s")
    values: dict[str, Any] = {
        "spec": "openai",
        "base_url": f"{url}/openai",
        "upstream": url,
        "key": "sk-demo-openai-known",
        "clock": f"{CLOCK:g}x",
        "mix": (Share(words=f"[[slow: {plan_s * CLOCK:g}s]] [[queue: 0s]]"),),
        "duration_s": 3.0,
        "warm_up_s": 0.5,
        "seed": 11,
    }
    if "users" not in more:
        values |= {"rate": 25.0, "arrivals": "constant"}
    return LoadConfig(**(values | more))


def results_of(state: LoadState) -> Results:
    assert state.judged is not None, state.says
    return state.judged.results


def at(histogram: Histogram | None, percent: float) -> float:
    value = histogram.percentile(percent) if histogram is not None else None
    assert value is not None
    return value


def is_near(found: Net, truth: float) -> bool:
    """Whether the truth is inside the interval, and for a test that never fails by chance, twice as far as that."""
    width = found.difference.high - found.difference.low
    return found.difference.low - width <= truth <= found.difference.high + width


@pytest.mark.parametrize("plan_s", [0.05, 0.5])
def test_planned_times_are_reported_to_the_precision_of_the_histogram(mock: Mock, plan_s: float) -> None:
    results = results_of(run_load(config_at(mock.url, plan_s=plan_s)))

    for percent in (50.0, 99.0):
        assert at(results.histogram("run"), percent) == pytest.approx(plan_s, rel=RELATIVE_ERROR, abs=2e-6)
    assert at(results.histogram("generate"), 50) >= plan_s
    assert at(results.histogram("queue"), 99) == pytest.approx(0, abs=2e-6)


def test_no_gateway_adds_nothing_within_the_stated_error(mock: Mock) -> None:
    state = run_load(config_at(mock.url, plan_s=0.05))
    results = results_of(state)

    assert len(state.live.direct) == pytest.approx(len(state.live.jobs) / 4, abs=2)
    assert all(job.end == "done" for job in state.live.direct)
    for percent in (50.0, 99.0):
        found = results.nets[ALL, percent]
        assert is_near(found, 0.0), found.says
        assert found.seen_s > 0
        assert found.floor_s > 0


def test_a_gateway_of_20_ms_is_told_from_the_own_path(mock: Mock) -> None:
    with relay(mock, late_s=ADDED_S) as url:
        state = run_load(config_at(mock.url, base_url=f"{url}/openai", plan_s=0.05, duration_s=4.0))
    found = results_of(state).nets[ALL, 50.0]

    assert not found.is_zero, found.says
    assert found.difference.high > ADDED_S
    assert found.floor_s < found.seen_s - ADDED_S / 2


class Freezer:
    """Stops processes of ours for a while, once the run has gone on so long."""

    def __init__(self, whom: Callable[[], list[int]], at_s: float) -> None:
        self.whom = whom
        self.at_s = at_s
        self.thread = threading.Thread(target=self.freeze)

    def saw(self, state: LoadState) -> None:
        beats = state.live.beats
        if beats and beats[-1].at_s >= self.at_s and self.thread.ident is None:
            self.thread.start()

    def freeze(self) -> None:
        pids = self.whom()
        assert pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        until = monotonic() + FROZEN_S
        while monotonic() < until:
            threading.Event().wait(until - monotonic())
        for pid in pids:
            os.kill(pid, signal.SIGCONT)

    def join(self) -> None:
        assert self.thread.ident is not None
        self.thread.join()


def generators() -> list[int]:
    children = psutil.Process().children()
    return [child.pid for child in children if "imageproof.loadtests.worker" in child.cmdline()]


def test_a_frozen_generator_shows_in_the_corrected_percentile_and_not_in_the_naive_one(mock: Mock) -> None:
    freezer = Freezer(generators, 1.0)
    config = config_at(mock.url, plan_s=0.05, duration_s=5.0, direct=False)
    results = results_of(run_load(config, freezer.saw))
    freezer.join()
    corrected, naive = (at(side["generate"], 90) for side in (results.phases.corrected, results.phases.naive))

    assert corrected > FROZEN_S / 2
    assert corrected - naive > FROZEN_S / 4


def test_a_frozen_target_shows_where_jobs_arrive_and_hides_where_users_wait() -> None:
    p90 = []
    with OwnMock("openai", clock=f"{CLOCK:g}x", seed=1) as frozen:
        for more in ({}, {"users": 2}):
            freezer = Freezer(lambda: [frozen.pid], 1.0)
            config = config_at(frozen.url, plan_s=0.05, duration_s=5.0, direct=False, melt=1.1, **more)
            results = results_of(run_load(config, freezer.saw))
            freezer.join()
            p90.append(at(results.phases.corrected["generate"], 90))
    open_model, closed_model = p90

    assert open_model > FROZEN_S / 2
    assert open_model - closed_model > FROZEN_S / 4
