"""The badge says how many MUST rules passed, and is green for a good run only."""

import json

import pytest

from imageproof.records.lines import Finding, Verdict
from imageproof.records.reading import Run
from imageproof.reports.badge import render
from tests.reports.runs import every_verdict, finding, footer, run_of

GOOD = finding("a/1", Verdict.PASSED)
OPEN = finding("a/2", Verdict.INCONCLUSIVE)
OTHER = finding("a/3", Verdict.NOT_APPLICABLE)
STALE = finding("a/4", Verdict.STALE)
LOW = finding("a/5", Verdict.FAILED, level="SHOULD")


def shown(run: Run) -> tuple[str, str]:
    badge = json.loads(render(run))
    assert set(badge) == {"schemaVersion", "label", "message", "color"}
    assert badge["schemaVersion"] == 1
    return badge["message"], badge["color"]


@pytest.mark.parametrize(
    ("found", "badge"),
    [
        ([GOOD, OTHER], ("1 of 1 MUST", "brightgreen")),
        ([GOOD, OPEN], ("1 of 2 MUST", "yellow")),
        ([GOOD, STALE], ("1 of 2 MUST", "red")),
        ([GOOD, LOW], ("1 of 1 MUST", "red")),
        ([OPEN, OTHER], ("nothing judged", "lightgrey")),
        ([], ("nothing judged", "lightgrey")),
        ([*every_verdict()], ("1 of 9 MUST", "red")),
    ],
)
def test_the_message_and_the_colour(found: list[Finding], badge: tuple[str, str]) -> None:
    assert shown(run_of(*found)) == badge


def test_a_run_without_a_good_end_is_never_green() -> None:
    assert shown(run_of(GOOD, cut="cut")) == ("cut off", "lightgrey")
    assert shown(run_of(GOOD, end=footer(exit=3))) == ("1 of 1 MUST", "lightgrey")


def test_the_label_names_the_contract() -> None:
    assert json.loads(render(run_of(GOOD)))["label"] == "imageproof reapi"
