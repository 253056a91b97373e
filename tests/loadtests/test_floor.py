"""The own path is measured beside the target and taken off: the stated error holds the truth, and goals go by it."""

from __future__ import annotations

from random import Random

import pytest
from msgspec.structs import replace

from imageproof.loadtests.books import Job
from imageproof.loadtests.floor import blocks_of, floors, nets
from imageproof.loadtests.goals import GoalError, read_goal
from imageproof.loadtests.overhead import ALL, Net, overheads
from imageproof.loadtests.results import Beside, results_of
from imageproof.loadtests.samples import samples_of
from imageproof.loadtests.summary import summary
from imageproof.loadtests.verdicts import Outcome, judge_one
from tests.loadtests.books_made import held, polled, row

RUNS = 8
SLOW = {3, 4, 11, 20}  # seconds


def side(seed: int, count: int, added: float, *, direct: bool = False) -> list[Job]:
    """Jobs over 30 s; in some seconds the machine is slow, for both sides alike; each call has a path of its own."""
    random = Random(seed)
    out = []
    for mark in range(count):
        at = 30 * mark / count
        path = random.expovariate(1000) * (5 if int(at) in SLOW else 1)
        out.append(replace(held(mark, at, seconds=1.0, added=added + path), direct=direct))
    return out


def net_of(seed: int, added: float, percent: float) -> Net:
    jobs, direct = side(2 * seed, 600, added), side(2 * seed + 1, 150, 0.0, direct=True)
    return nets(jobs, direct, overheads(jobs), percents=[percent], seed=seed)[ALL, percent]


@pytest.mark.parametrize("added", [0.0, 0.02])
@pytest.mark.parametrize("percent", [50.0, 99.0])
def test_the_stated_error_holds_the_truth_as_often_as_it_says(added: float, percent: float) -> None:
    found = [net_of(seed, added, percent) for seed in range(RUNS)]
    held_by = sum(item.difference.holds(added) for item in found)

    assert held_by >= RUNS - 1  # 95 of 100 are promised, and the seeds are fixed
    assert all(abs(item.seconds - added) < 0.01 for item in found)


def test_a_floor_is_known_by_kind_and_without_the_warm_up() -> None:
    direct = [polled(mark, mark / 10, warm_up=mark < 5, direct=True) for mark in range(10)]
    found = floors(direct)

    assert set(found) == {ALL, f"{ALL}.submit", f"{ALL}.poll"}
    assert found[f"{ALL}.submit"].count == 5


def test_too_few_calls_give_no_net_overhead() -> None:
    jobs = side(1, 100, 0.02)
    assert nets(jobs, side(2, 9, 0.0), overheads(jobs)) == {}
    assert nets(jobs, [], overheads(jobs)) == {}
    assert blocks_of(jobs, [], ALL) == []


def test_a_short_run_has_no_blocks_and_an_interval_all_the_same() -> None:
    jobs = [held(mark, 0.0, added=0.02) for mark in range(50)]
    direct = [held(mark, 0.0, direct=True) for mark in range(20)]
    found = nets(jobs, direct, overheads(jobs))[ALL, 50.0]

    assert found.difference.holds(found.seconds)
    assert not found.is_zero


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("net.p50<25ms", Outcome.PASS),
        ("net.p50<10ms", Outcome.FAIL),
        ("net.p50>10ms", Outcome.PASS),
        ("net.generate.p50<25ms", Outcome.PASS),
        ("net.p50<20.0001ms", Outcome.INVALID),
        ("net.submit.p50<25ms", Outcome.INVALID),
    ],
)
def test_a_net_goal_needs_the_whole_interval_on_its_side(text: str, outcome: Outcome) -> None:
    goal = read_goal(text)
    jobs, direct = side(2, 1200, 0.02), side(3, 300, 0.0, direct=True)
    results = results_of(jobs, [row(job) for job in jobs], beside=Beside(direct=direct), goals=[goal])
    judgement = judge_one(goal, results)

    assert judgement.outcome is outcome, judgement.says


def test_a_net_goal_without_jobs_past_the_target_says_what_is_missing() -> None:
    goal = read_goal("net.p99<25ms")
    judgement = judge_one(goal, results_of(side(2, 100, 0.02), None, goals=[goal]))

    assert judgement.outcome is Outcome.INVALID
    assert "--upstream" in judgement.says


@pytest.mark.parametrize("text", ["net.mean<5ms", "net<5ms", "net.max<5ms"])
def test_a_net_goal_is_about_a_percentile(text: str) -> None:
    with pytest.raises(GoalError, match="expected"):
        read_goal(text)


def test_gross_and_net_are_both_told() -> None:
    jobs, direct = side(2, 1200, 0.02), side(3, 300, 0.0, direct=True)
    results = results_of(jobs, None, beside=Beside(direct=direct, upstream_cpu=0.31))
    samples = {item.name: item for item in samples_of(results)}
    lines = "\n".join(summary(results))

    assert samples["overhead.p50"].value > samples["net.p50"].value > 0.019
    assert float(samples["net.p50"].labels["low"]) < samples["net.p50"].value < float(samples["net.p50"].labels["high"])
    assert samples["net.p50"].labels["direct"] == "300"
    assert samples["floor.p50"].value == pytest.approx(
        samples["overhead.p50"].value - samples["net.p50"].value, abs=1e-5
    )
    assert samples["upstream.cpu"].value == 0.31
    assert "net of the own path" in lines
    assert "above that of no gateway" in lines
    assert "gross: the own path is in it" in "\n".join(summary(results_of(jobs, None)))
