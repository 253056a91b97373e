"""A load run for people at a terminal, in a comment and in CI: each goal is a case, with what was found."""

import json
from xml.etree.ElementTree import fromstring

import pytest
from rich.console import Console

from imageproof.records.lines import Verdict
from imageproof.records.reading import Run
from imageproof.reports import ctrf, junit, markdown, terminal
from tests.reports.load_runs import held_jobs, load_run, polled_jobs
from tests.reports.runs import finding, run_of


@pytest.fixture(scope="module")
def run() -> Run:
    return load_run(polled_jobs())


def written(run: Run) -> str:
    console = Console(width=200, record=True, file=None, force_terminal=False)
    with console.capture() as caught:
        terminal.write(run, console)
    return caught.get()


def test_the_terminal_tells_times_and_goals_once(run: Run) -> None:
    text = written(run)
    assert "FAIL  run.p50<1s: run.p50 is " in text
    assert "ok  errors<1%" in text or "FAIL  errors<1%" in text
    assert "   ?  e2e.p99.9<6s: e2e.p99.9 looked like" in text
    assert text.count("run.p50<1s") == 1
    assert "e2e " in text
    assert "overhead.poll" in text
    assert "12 checks judged" in text
    assert "at the provider's prices" in text
    assert "()" not in text


def test_markdown_tells_the_goals_in_the_open_and_the_times_folded(run: Run) -> None:
    text = markdown.render(run)
    assert "FAIL  run.p50<1s: run.p50 is " in text
    assert text.index("run.p50<1s") < text.index("<summary><code>Latency and overhead</code></summary>")
    assert "| MUST |" in text
    assert "spent" not in text


def test_a_goal_is_a_case_of_junit(run: Run) -> None:
    suite = fromstring(junit.render(run))  # noqa: S314  (our own text)
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    failure = cases["load/goal/run.p50<1s"].find("failure")
    assert failure is not None
    assert "run.p50 is " in failure.attrib["message"]
    met = cases["load/goal/lost=0"]
    assert met.findtext("system-out") == "lost is 0, as wanted (300 jobs)"
    assert met.attrib["classname"] == "load.goal"
    assert cases["load/conservation/swapped"].find("failure") is None


def test_a_goal_that_nobody_could_judge_is_green_nowhere(run: Run) -> None:
    suite = fromstring(junit.render(run))  # noqa: S314  (our own text)
    cases = {case.attrib["name"]: case for case in suite.iter("testcase")}
    error = cases["load/goal/e2e.p99.9<6s"].find("error")
    assert error is not None
    assert "too few to tell" in error.attrib["message"]
    assert suite.attrib["errors"] == "1"
    tests = {test["name"]: test["status"] for test in json.loads(ctrf.render(run))["results"]["tests"]}
    assert tests["load/goal/e2e.p99.9<6s"] == "failed"
    assert tests["load/goal/lost=0"] == "passed"


def test_counts_that_nobody_can_know_are_skipped() -> None:
    run = load_run(held_jobs(40), goals=(), upstream=False, exit_code=0)
    suite = fromstring(junit.render(run))  # noqa: S314  (our own text)
    assert suite.attrib["errors"] == "0"
    assert int(suite.attrib["skipped"]) >= 1


def test_other_runs_are_told_as_before() -> None:
    run = run_of(finding("reapi/general/decodes", Verdict.INCONCLUSIVE, reason="the budget ended before it"))
    suite = fromstring(junit.render(run))  # noqa: S314  (our own text)
    assert suite.attrib["skipped"] == "1"
    assert "inconclusive: the budget ended before it" in written(run)
    assert "0 of 1 rules judged" in written(run)
