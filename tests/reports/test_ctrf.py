"""CTRF, checked against the required parts of its schema."""

import json
from typing import Any

import jsonschema

from imageproof.records.lines import Verdict
from imageproof.reports.ctrf import STATUS_OF, render, started_ms
from tests.reports.runs import every_verdict, finding, header, run_of
from tests.reports.schemas import CTRF, STATUSES


def results(text: str) -> dict[str, Any]:
    tree = json.loads(text)
    jsonschema.validate(tree, CTRF)
    found: dict[str, Any] = tree["results"]
    return found


def test_each_rule_is_a_test_and_the_sums_are_right() -> None:
    found = results(render(run_of(*every_verdict())))
    statuses = [test["status"] for test in found["tests"]]
    assert {test["name"]: test["rawStatus"] for test in found["tests"]} == {
        item.rule: item.verdict.value for item in every_verdict()
    }
    assert found["summary"]["tests"] == len(statuses) == sum(found["summary"][status] for status in STATUSES)
    assert {status: statuses.count(status) for status in STATUSES} == {
        status: found["summary"][status] for status in STATUSES
    }


def test_every_verdict_has_a_status() -> None:
    assert set(STATUS_OF) == set(Verdict)
    assert set(STATUS_OF.values()) <= set(STATUSES)


def test_a_failure_says_what_was_expected_and_how_to_see_it_again() -> None:
    test = next(test for test in results(render(run_of(*every_verdict())))["tests"] if test["status"] == "failed")
    assert test["message"].startswith("expected status 400 with code 20003, got status 200")
    assert test["suite"] == ["reapi", "submit"]
    assert (test["filePath"], test["line"], test["duration"]) == ("specs/providers/reapi.yaml", 41, 375)
    assert test["extra"]["curl"].startswith("curl ")
    assert test["extra"]["replay"].startswith("imageproof replay ")


def test_times_are_milliseconds_since_1970() -> None:
    summary = results(render(run_of(*every_verdict())))["summary"]
    assert summary["stop"] - summary["start"] == 195_500
    assert started_ms("1970-01-01T00:00:01+00:00") == started_ms("1970-01-01T00:00:01") == 1000
    assert started_ms("yesterday") == 0


def test_a_run_that_was_cut_off_has_a_failed_test() -> None:
    run = run_of(finding("a/1", Verdict.PASSED), head=header(rules=5), cut="the run has no footer")
    found = results(render(run))
    assert found["summary"]["failed"] == 1
    assert found["tests"][-1]["message"] == "the run has no footer"
