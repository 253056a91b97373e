"""A run as lines of its record, on one screen, over time, and beside another run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import msgspec
import pytest
from msgspec.structs import replace

from imageproof.loadtests.books import End, Fault, Job, Kind
from imageproof.loadtests.comparison import Stored, compared, stored_in
from imageproof.loadtests.conservation import Breach
from imageproof.loadtests.goals import read_goal
from imageproof.loadtests.histograms import Bar, Histogram, HistogramError
from imageproof.loadtests.results import Results, results_of
from imageproof.loadtests.samples import coarse, findings_of, samples_of
from imageproof.loadtests.series import slices
from imageproof.loadtests.summary import grid, summary
from imageproof.loadtests.verdicts import judge
from imageproof.records.lines import Line, Sample, Verdict
from tests.loadtests.books_made import call, held, polled, row


def _jobs(seed: int = 1, *, added: float = 0.0, count: int = 400) -> list[Job]:
    random = Random(seed)
    return [
        held(mark, mark / 10, seconds=2.0, added=added + random.expovariate(200), warm_up=mark < 20)
        for mark in range(count)
    ]


def _results(jobs: Sequence[Job]) -> Results:
    return results_of(jobs, [row(job) for job in jobs])


def _samples(jobs: Sequence[Job]) -> list[Sample]:
    return list(samples_of(_results(jobs), micro_usd_per_credit=5000))


def test_the_lines_are_lines_of_a_record() -> None:
    jobs = [*_jobs(count=40), *(polled(mark, mark / 10) for mark in range(100, 140))]
    goals = [read_goal("generate.p99<9s"), read_goal("lost=0")]
    results = _results(jobs)
    lines = [*samples_of(results), *findings_of(results, judge(goals, results))]
    assert [msgspec.json.decode(msgspec.json.encode(line), type=Line) for line in lines] == lines
    names = {line.name for line in lines if isinstance(line, Sample)}
    assert {"submit.p50", "e2e.p99.9", "overhead.max", "curve", "bar", "block", "waterfall", "polling"} <= names
    assert {"offered", "done", "latency", "jobs.done", "conservation.lost", "cost.usd", "rate.goodput"} <= names


def test_numbers_are_told_corrected_and_naive() -> None:
    jobs = [held(mark, mark / 10, seconds=1.0, late=0.5) for mark in range(100)]
    found = {(item.name, item.labels["measured"]): item.value for item in _samples(jobs) if "measured" in item.labels}
    assert found["e2e.p50", "corrected"] == pytest.approx(1.5, rel=0.001)
    assert found["e2e.p50", "naive"] == pytest.approx(1.0, rel=0.001)


def test_totals_are_told() -> None:
    jobs = _jobs(count=100)
    found = {item.name: item.value for item in _samples(jobs)}
    assert (found["jobs"], found["jobs.warm_up"], found["calls"]) == (80, 20, 80)
    assert found["cost.usd"] == pytest.approx(4.0)
    assert found["cost.credits"] == pytest.approx(800)


def test_bars_and_blocks_hold_every_value() -> None:
    samples = _samples(_jobs())
    for name in ("bar", "block"):
        assert sum(item.value for item in samples if item.name == name and item.labels["phase"] == "e2e") == 380


@pytest.mark.parametrize("values", [[0.0], [1.0] * 3, [-0.001, 0.0, 1e-6], [x / 1000 for x in range(1, 3000)]])
def test_bars_for_a_picture_lose_nothing(values: list[float]) -> None:
    fine = Histogram(values=values).bars()
    bars = coarse(fine, 20)
    assert sum(bar.times for bar in bars) == len(values)
    assert (bars[0].low, bars[-1].high) == (fine[0].low, fine[-1].high)
    assert len(bars) <= 21
    assert all(left.high <= right.high for left, right in pairwise(bars))
    assert coarse([Bar(1.0, 2.0, 3)]) == [Bar(1.0, 2.0, 3)]


def test_each_goal_and_each_rule_of_conservation_is_a_finding() -> None:
    jobs = _jobs()
    goals = [read_goal(text) for text in ("generate.p50<9s", "generate.p50<1ms", "generate.p99.9<9s")]
    results = results_of(jobs, [row(job) for job in jobs if job.mark != 7])
    found = {item.rule: item for item in findings_of(results, judge(goals, results))}
    assert [found[f"load/goal/{goal.text}"].verdict for goal in goals] == [
        Verdict.PASSED,
        Verdict.FAILED,
        Verdict.INCONCLUSIVE,
    ]
    assert found["load/goal/generate.p50<9s"].judged == 380
    assert "too few to tell" in found["load/goal/generate.p99.9<9s"].reason
    invented = found["load/conservation/invented"]
    assert (invented.verdict, invented.level, invented.actual) == (
        Verdict.FAILED,
        "MUST",
        "1 of 400 jobs, first load-7",
    )
    assert invented.sentence == "no job is answered with an image that the upstream never made"
    assert {f"load/conservation/{breach}" for breach in Breach} < set(found)


@pytest.mark.parametrize("jobs", [[], [held(1, 0.0)]])
def test_what_nobody_can_tell_is_inconclusive(jobs: list[Job]) -> None:
    found = {item.rule: item for item in findings_of(results_of(jobs, None), [])}
    assert found["load/conservation/duplicated"].verdict is Verdict.INCONCLUSIVE
    assert found["load/conservation/duplicated"].judged == 0
    assert (found["load/conservation/lost"].verdict is Verdict.PASSED) == bool(jobs)


def test_a_screen_tells_all_that_matters() -> None:
    jobs = [*_jobs(), *(polled(mark, mark / 10, added=-0.0025) for mark in range(500, 600))]
    broken = call(Kind.GENERATE, 0.0, 0.1, status=502, fault=Fault.GATEWAY)
    jobs.append(replace(held(700, 0.0, end=End.FAILED), calls=(broken,)))
    results = _results(jobs)
    text = "\n".join(summary(results, judge([read_goal("generate.p50<1ms"), read_goal("jobs>1")], results)))
    for part in (
        "481 jobs: 480 done, 1 failed",
        "from the intended start",
        "seen less held",
        "two clocks differ by so much",
        "a held job waited 2 s on average:",
        "a polled job waited ",
        "3.00 polls per task, 67% of them in vain",
        "had it been 10 s",
        "1 of 881 requests went wrong (0.11%): 1 gateway",
        "FAIL  generate.p50<1ms: generate.p50 is 2 s, where below 1 ms is wanted",
        "  ok  jobs>1: ",
        "of 501 jobs, 1 orphaned",
        "20 of 501 jobs, those that arrived",
    ):
        assert part in text, part


def test_a_screen_of_nothing_is_no_crash() -> None:
    lines = summary(results_of([], None))
    assert lines[0].startswith("0 jobs: none; offered 0/s")
    assert "overhead: the upstream told no times of its own, so nobody knows whose the time was" in lines


def test_naive_times_stand_beside_the_corrected_where_they_differ() -> None:
    late = [held(mark, mark / 10, seconds=1.0, late=0.5) for mark in range(100)]
    assert any("naive" in line for line in summary(_results(late)))
    assert not any("naive" in line for line in summary(_results(_jobs())))


def test_columns_are_even() -> None:
    assert grid([("a", "10"), ("long", "2")]) == ["a     10", "long   2"]
    assert grid([]) == []


def test_slices_show_where_it_was() -> None:
    jobs = [held(mark, mark / 10, seconds=3.0 if 50 <= mark < 60 else 0.01, warm_up=mark < 10) for mark in range(100)]
    found = slices(jobs, most=20)
    assert {part.width_s for part in found} == {0.5}
    assert sum(part.offered for part in found) == sum(part.done for part in found) == 100
    slow = [part.at_s for part in found if (part.e2e.percentile(50) or 0.0) > 1]
    assert slow == [5.0, 5.5]
    assert [part.at_s for part in found if part.warm_up] == [0.0, 0.5]
    assert slices([]) == []


def test_slices_tell_whose_the_errors_were_and_when() -> None:
    broken = call(Kind.GENERATE, 4.0, 0.1, status=502, fault=Fault.GATEWAY)
    jobs = [replace(held(1, 4.0, end=End.FAILED), calls=(broken,)), held(2, 0.0, seconds=1.0)]
    found = [part for part in slices(jobs) if part.faults]
    assert [(part.at_s, dict(part.faults)) for part in found] == [(4.0, {Fault.GATEWAY: 1})]


def test_long_runs_have_wider_slices() -> None:
    assert len(slices([held(1, 0.0, seconds=7200.0)])) == 121


def test_two_runs_of_one_target_differ_by_no_more_than_noise() -> None:
    found = compared(stored_in(_samples(_jobs(1))), stored_in(_samples(_jobs(2))))
    assert {item.name for item in found} == {
        f"{phase}.{stat}" for phase in ("generate", "e2e", "overhead") for stat in ("p50", "p90", "mean")
    }
    assert not [item.says for item in found if item.is_slower or item.is_faster]
    assert all("no more than noise" in item.says for item in found)


def test_a_slower_run_is_told() -> None:
    before, after = (stored_in(_samples(_jobs(seed, added=added))) for seed, added in ((1, 0.0), (2, 0.02)))
    slower = {item.name: item for item in compared(before, after)}
    faster = {item.name: item for item in compared(after, before)}
    assert slower["overhead.p50"].is_slower
    assert faster["overhead.p50"].is_faster
    assert ", slower (" in slower["overhead.p50"].says
    assert slower["overhead.p50"].samples == (380, 380)


def test_less_than_the_generators_own_lag_is_noise_whatever_the_statistics_say() -> None:
    quick, slow = (stored_in(_samples(_jobs(seed, added=added))) for seed, added in ((1, 0.0), (2, 0.02)))
    late = stored_in([*_samples(_jobs(2, added=0.02)), Sample(at_s=0.0, name="generator.lag_s", value=0.03)])
    found = {item.name: item for item in compared(quick, late)}["overhead.p50"]
    assert not found.is_slower
    assert "no more than the generator itself was late by (30 ms)" in found.says
    assert {item.name: item for item in compared(quick, slow)}["overhead.p50"].is_slower


def test_a_run_that_is_too_short_tells_nothing() -> None:
    assert compared(Stored(), Stored()) == []
    short = [held(mark, 0.0, seconds=2.0) for mark in range(50)]
    found = compared(stored_in(_samples(short)), stored_in(_samples(short)))
    assert found
    assert all(item.says.endswith("the runs are too short to tell (50 and 50 samples)") for item in found)


def test_a_block_that_cannot_be_read_is_told() -> None:
    with pytest.raises(HistogramError, match="with its phase and histogram"):
        stored_in([Sample(at_s=0.0, name="block", value=1.0)])
    with pytest.raises(HistogramError, match="expected the text of a histogram"):
        stored_in([Sample(at_s=0.0, name="block", value=1.0, labels={"phase": "e2e", "histogram": "x"})])
