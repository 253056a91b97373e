"""SARIF, checked against the required parts of its schema."""

import json
from typing import Any

import jsonschema
import pytest

from imageproof.records.lines import Finding, Place, Verdict
from imageproof.reports.sarif import FINGERPRINT, render, uri_of
from tests.reports.runs import every_verdict, finding, run_of
from tests.reports.schemas import SARIF


def logged(*findings: Finding, cut: str | None = None) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(render(run_of(*(findings or every_verdict()), cut=cut)))
    jsonschema.validate(tree, SARIF)
    run: dict[str, Any] = tree["runs"][0]
    return run


def results(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {item["ruleId"]: item for item in run["results"]}


def test_what_is_wrong_is_a_result_and_nothing_else() -> None:
    levels = {rule: item["level"] for rule, item in results(logged()).items()}
    assert levels == {
        "reapi/submit/gpt-image-2/size/one-of": "error",
        "reapi/errors/auth_invalid/message": "warning",
        "reapi/polling/order": "error",
        "reapi/advice/retry-after": "warning",
        "reapi/submit/gpt-image-2/user/length": "error",
        "reapi/submit/gpt-image-2/n/range": "error",
    }


def test_a_result_points_at_the_line_of_the_contract() -> None:
    first = results(logged())["reapi/submit/gpt-image-2/size/one-of"]
    assert first["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "specs/providers/reapi.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 41, "startColumn": 7},
    }
    assert first["partialFingerprints"] == {FINGERPRINT: "reapi/submit/gpt-image-2/size/one-of"}
    assert "2 more could not be judged because of it" in first["message"]["text"]


def test_each_result_names_its_rule_by_index() -> None:
    run = logged()
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[item["ruleIndex"]]["id"] == item["ruleId"] for item in run["results"])
    assert rules[0]["helpUri"] == "https://reapi.ai/docs/gpt-image-2"


def test_only_what_the_baseline_knows_is_suppressed() -> None:
    suppressed = {rule: item["suppressions"] for rule, item in results(logged()).items() if "suppressions" in item}
    assert list(suppressed) == ["reapi/submit/gpt-image-2/user/length"]
    assert suppressed["reapi/submit/gpt-image-2/user/length"][0]["justification"].startswith("reapi/**/length")


def test_nobody_plants_a_link_in_a_message() -> None:
    text = results(logged())["reapi/errors/auth_invalid/message"]["message"]["text"]
    assert r"\[click\](javascript" in text
    assert "\x1b" not in text


def test_a_rule_with_an_odd_link_and_without_a_place_has_neither() -> None:
    run = logged(finding("a/1", Verdict.FAILED, url="javascript:alert(1)", place=None))
    assert "helpUri" not in run["tool"]["driver"]["rules"][0]
    assert "locations" not in run["results"][0]


def test_a_run_that_was_cut_off_or_that_we_broke_was_no_success() -> None:
    cut = logged(finding("a/1", Verdict.PASSED), cut="the run has no footer")["invocations"][0]
    ours = logged(finding("a/1", Verdict.ERRORED, reason="oops"))["invocations"][0]
    fine = logged(finding("a/1", Verdict.PASSED))["invocations"][0]
    assert [item["executionSuccessful"] for item in (cut, ours, fine)] == [False, False, True]
    assert cut["toolExecutionNotifications"][0]["message"]["text"] == "the run has no footer"
    assert "exitCode" not in cut


@pytest.mark.parametrize(
    ("file", "uri"),
    [
        ("specs/providers/reapi.yaml", ("specs/providers/reapi.yaml", True)),
        ("my specs/acme#1.yaml", ("my%20specs/acme%231.yaml", True)),
        ("/home/me/acme.yaml", ("file:///home/me/acme.yaml", False)),
        (r"C:\me\acme.yaml", ("file:///C:/me/acme.yaml", False)),
        (r"specs\acme.yaml", ("specs/acme.yaml", True)),
    ],
)
def test_paths_become_uris(file: str, uri: tuple[str, bool]) -> None:
    assert uri_of(file) == uri
    assert logged(finding("a/1", Verdict.FAILED, place=Place(file=file, line=3)))["results"]
