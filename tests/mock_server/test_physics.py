"""The queue with physics: slots and backlog, cold starts, slower under load, and durations by percentiles."""

from __future__ import annotations

import math
from statistics import fmean, quantiles

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof import Mock, MockAccount
from imageproof.mock_server.fate import fate_of, job_digest
from imageproof.mock_server.options import Physics, read_physics
from imageproof.mock_server.plan import make_plan, queued_behind, run_time
from imageproof.mock_server.record import Moves
from imageproof.mock_server.triggers import NOTHING, Script

Job = tuple[float, float]


def durations(physics: Physics | None, run_s: tuple[float, float] = (10.0, 30.0)) -> list[float]:
    """How long four thousand different jobs run."""
    fates = (fate_of(b"a seed", b"a key", job_digest(b"%d" % number), 1) for number in range(4000))
    return [run_time(fate, run_s, physics) for fate in fates]


@pytest.mark.parametrize(("p50", "p99"), [(20.0, 90.0), (1.0, 300.0), (5.0, 5.5), (30.0, 30.0)])
def test_durations_have_the_percentiles_that_were_asked_for(p50: float, p99: float) -> None:
    cuts = quantiles(durations(Physics(p50_s=p50, p99_s=p99)), n=100)
    spread = math.log(p99 / p50) / 2.3263  # the error of a percentile of a sample grows with it
    assert math.log(cuts[49]) == pytest.approx(math.log(p50), abs=0.05 * spread + 1e-9)
    assert math.log(cuts[98]) == pytest.approx(math.log(p99), abs=0.10 * spread + 1e-9)


def test_a_log_normal_duration_has_its_known_percentiles_in_between() -> None:
    cuts = quantiles(durations(Physics(p50_s=20, p99_s=90)), n=100)
    sigma = math.log(90 / 20) / 2.3263
    assert cuts[83] == pytest.approx(20 * math.exp(0.9945 * sigma), rel=0.06)
    assert cuts[15] == pytest.approx(20 * math.exp(-0.9945 * sigma), rel=0.06)


def test_without_percentiles_durations_spread_evenly_over_the_documented_range() -> None:
    for physics in (None, Physics(slots=2)):
        found = durations(physics)
        assert min(found) >= 10
        assert max(found) < 30
        assert fmean(found) == pytest.approx(20, abs=0.3)
        assert quantiles(found, n=4)[0] == pytest.approx(15, abs=0.5)


def test_equal_jobs_of_equal_seeds_are_equal_and_others_are_not() -> None:
    physics = Physics(p50_s=20, p99_s=90)
    assert durations(physics) == durations(physics)
    job = job_digest(b"a job")
    fates = [fate_of(b"seed", b"key", job, 1), fate_of(b"seed", b"key", job, 2), fate_of(b"seed", b"other", job, 1)]
    assert len({run_time(fate, (10, 30), physics) for fate in (*fates, fate_of(b"2", b"key", job, 1))}) == 4


def test_what_a_script_asks_for_goes_before_chance() -> None:
    fate = fate_of(b"seed", b"key", job_digest(b"job"), 1)
    physics = Physics(p50_s=20, p99_s=90)
    script = Script(run_s=7.0, queue_s=3.0, moves="hand", polls=4)
    plan = make_plan(fate, queue_s=(1, 5), run_s=(10, 30), script=script, failure="upstream_failed", physics=physics)
    assert plan == (3.0, 7.0, "upstream_failed", Moves.BY_HAND, 4)
    free = make_plan(fate, queue_s=(1, 5), run_s=(10, 30), script=NOTHING, failure=None, physics=None)
    assert 1 <= free.queue_s <= 5
    assert 10 <= free.run_s <= 30
    assert (free.failure, free.moves) == (None, Moves.BY_TIME)
    none = make_plan(fate, queue_s=(0, 0), run_s=(10, 30), script=NOTHING, failure=None, physics=None)
    assert none.queue_s == 0


def through(physics: Physics, jobs: list[Job]) -> list[Job]:
    """Wait and run time of each job, in the order in which they come."""
    slots: list[float] = []
    return [queued_behind(slots, now, run_s, physics) for now, run_s in jobs]


def test_as_many_jobs_run_as_there_are_slots_and_the_others_wait_in_turn() -> None:
    found = through(Physics(slots=2), [(0, 10), (0, 4), (0, 10), (0, 10), (0, 10)])
    assert [wait for wait, _ in found] == [0, 0, 4, 10, 14]
    assert {run for _, run in found} == {10, 4}


def test_a_backlog_is_worked_off() -> None:
    found = through(Physics(slots=1), [(0, 10), (1, 10), (19, 10), (100, 10)])
    assert [wait for wait, _ in found] == [0, 9, 1, 0]


def test_a_provider_that_stood_idle_starts_cold() -> None:
    physics = Physics(slots=2, cold_start_s=15, idle_s=300)
    found = through(physics, [(0, 10), (1, 10), (26, 10), (336, 10), (647, 10)])
    assert [wait for wait, _ in found] == [15, 0, 0, 0, 15]


def test_jobs_are_slower_the_more_slots_are_busy() -> None:
    found = through(Physics(slots=2, slowdown=1.0), [(0, 10), (0, 10), (0, 10), (1000, 10)])
    assert found == [(0, 10), (0, 15), (10, 20), (0, 10)]


@given(
    jobs=st.lists(st.tuples(st.floats(0, 50), st.floats(0.1, 60)), max_size=40),
    slots=st.integers(1, 5),
    slowdown=st.sampled_from([0.0, 0.5, 2.0]),
)
def test_there_are_never_more_running_than_slots_and_nobody_waits_without_need(
    jobs: list[Job], slots: int, slowdown: float
) -> None:
    steps = [now for now, _ in jobs]
    arrivals = [(sum(steps[: number + 1]), run) for number, (_, run) in enumerate(jobs)]
    physics = Physics(slots=slots, slowdown=slowdown)
    spans: list[tuple[float, float]] = []
    for (now, run), (wait, took) in zip(arrivals, through(physics, arrivals), strict=True):
        assert wait >= 0
        assert run <= took <= run * (1 + slowdown) * 1.000001
        start = now + wait
        busy = [span for span in spans if span[0] <= start + 1e-6 and span[1] > start + 1e-6]
        assert len(busy) < slots
        if wait > 1e-6:
            assert sum(begun <= start and end >= start - 1e-6 for begun, end in spans) >= slots
        spans.append((start, start + took))


# the words of the command line


def test_a_queue_is_read_from_words() -> None:
    assert read_physics("slots=4,cold=10s,idle=5m,p50=20s,p99=90s,slowdown=0.5") == Physics(
        slots=4, cold_start_s=10, idle_s=300, p50_s=20, p99_s=90, slowdown=0.5
    )
    assert read_physics("slots=1, slowdown=2") == Physics(slots=1, slowdown=2)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "slots=4"),
        ("slots", "slots"),
        ("slots=", "slots"),
        ("slots=0", "slots"),
        ("slots=-1", "slots"),
        ("slots=2.5", "slots"),
        ("slots=many", "many"),
        ("slots=9999999", "slots"),
        ("lots=4", "lots=4"),
        ("slots=4;p50=20s", "slots"),
        ("slots=4,,", "queue"),
        ("p50=20s", "p99"),
        ("p99=90s", "p50"),
        ("p50=90s,p99=20s", "p50"),
        ("p50=soon,p99=90s", "soon"),
        ("cold=-1s", "-1s"),
        ("cold", "''"),
        ("slowdown=-0.5", "slowdown"),
        ("slowdown=nan", "nan"),
        ("slowdown=1e9", "1e9"),
    ],
)
def test_a_queue_that_makes_no_sense_is_refused_with_its_name(text: str, named: str) -> None:
    with pytest.raises(ValueError, match=r"^expected ") as caught:
        read_physics(text)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


# over the wire


def submit(account: MockAccount, prompt: str) -> str:
    body = {"model": "gpt-image-2", "prompt": prompt}
    url = f"{account.base_url}/api/v1/images/generations"
    return str(httpx.post(url, json=body, headers=account.headers).json()["id"])


def test_each_account_of_a_mock_has_a_queue_of_its_own() -> None:
    with Mock("reapi", clock="manual", queue="slots=2,cold=5s,p50=20s,p99=20s") as mock:
        account, other = mock.account(), mock.account()
        ids = [submit(account, f"fox {number}") for number in range(5)]
        submit(account, "[[slow: 1s]] a fox that no queue holds up")
        submit(other, "a fox")
        waits = [round(float(str(task["queue_s"])), 6) for task in account.tasks()]
        assert waits == [5, 0, 20, 25, 40, 0]
        assert [task["queue_s"] for task in other.tasks()] == [5]
        url = f"{account.base_url}/api/v1/tasks/{ids[4]}"
        states = []
        for step in (0, 41, 18, 2):
            account.advance(step)
            states.append(httpx.get(url, headers=account.headers).json()["status"])
        assert states == ["processing", "processing", "processing", "completed"]


def test_a_call_that_is_held_waits_in_the_queue_too() -> None:
    with Mock("apiyi", clock="jump", queue="slots=1,cold=100s,p50=20s,p99=20s", start=1_795_000_000) as mock:
        account = mock.account()
        body = {"model": "gpt-image-2", "prompt": "a fox", "size": "1280x512"}
        url = f"{account.base_url}/v1/images/generations"
        assert httpx.post(url, json=body, headers=account.headers).json()["created"] == 1_795_000_120
