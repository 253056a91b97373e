"""A run in numbers, and what its verdict is worth."""

import pytest

from imageproof.records.lines import Finding, Verdict
from imageproof.reports.amounts import counted, credits_of, lasted, share, usd
from imageproof.reports.summary import summary
from tests.reports.runs import every_verdict, finding, footer, header, run_of


def test_counts_are_by_level_and_complete() -> None:
    found = every_verdict()
    sums = summary(run_of(*found))
    assert list(sums.counts) == ["MUST", "SHOULD", "MAY"]
    assert sum(number for of in sums.counts.values() for number in of.values()) == len(found)
    assert sums.counts["SHOULD"][Verdict.WARNED] == 1
    assert sums.total(Verdict.FAILED) == 3


def test_coverage_leaves_out_what_does_not_apply_and_counts_what_was_never_reached() -> None:
    found = every_verdict()
    assert summary(run_of(*found)).coverage == "8 of 12 rules judged (66.6 %)"
    assert summary(run_of(*found, head=header(rules=len(found) + 4))).coverage == "8 of 16 rules judged (50.0 %)"


def test_without_a_footer_the_numbers_come_from_the_exchanges() -> None:
    sums = summary(run_of(*every_verdict(), cut="the run has no footer"))
    assert (sums.exit, sums.requests, sums.billable, sums.micro_usd) == (None, 11, 1, 5500)
    assert sums.duration_s == 195.0
    assert sums.says == "cut off, so there is no verdict; until then 4 of 8 judged rules failed"


def test_a_run_without_anything_has_numbers_too() -> None:
    sums = summary(run_of())
    assert sums.coverage == "0 of 0 rules judged (0.0 %)"
    assert sums.warnings == ("nothing was judged: this is no pass",)


def test_a_plain_pass_has_no_warnings() -> None:
    assert summary(run_of(finding("a/1", Verdict.PASSED))).warnings == ()


PASSED = finding("a/passed", Verdict.PASSED)


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([finding("a/1", Verdict.NOT_APPLICABLE)], "nothing was judged"),
        ([finding("a/1", Verdict.PASSED, level="MAY")], "no rule of level MUST"),
        ([PASSED, finding("a/1", Verdict.ERRORED)], "imageproof itself failed on 1 rule"),
        ([PASSED, finding("a/1", Verdict.BLOCKED)], "blocked or inconclusive: 1 of 2 rules (50.0 %)"),
        ([PASSED, finding("a/1", Verdict.PASSED, basis="contrast")], "1 refusal judged by contrast only"),
        ([PASSED, finding("a/1", Verdict.WARNED, how="assumed")], "1 rule that stands on no page"),
        ([PASSED, finding("a/1", Verdict.KNOWN)], "1 failure listed in the baseline does not count"),
    ],
)
def test_each_weakness_is_said(found: list[Finding], says: str) -> None:
    assert any(text.startswith(says) for text in summary(run_of(*found)).warnings)


def test_free_mode_and_a_budget_that_ended_are_said() -> None:
    free = summary(run_of(PASSED, head=header(rules=1, mode="free")))
    ended = summary(run_of(PASSED, end=footer(exit=5, says="the budget ended")))
    assert free.warnings[0].startswith("free mode: no image was made")
    assert ended.warnings == ("the budget ended before all MUST rules were judged",)


def test_a_run_that_was_cut_off_says_so_first_and_how_much_is_missing() -> None:
    run = run_of(PASSED, head=header(rules=10, mode="free"), cut="the last line is cut off")
    assert summary(run).warnings[0] == "the last line is cut off; never reached: 9 of 10 rules"


@pytest.mark.parametrize(
    ("micro_usd", "text"),
    [
        (0, "$0.00"),
        (8_843_102, "$8.84"),
        (5500, "$0.0055"),
        (1, "$0.000001"),
        (120_000, "$0.12"),
        (2 * 10**9, "$2,000.00"),
    ],
)
def test_money_keeps_the_decimals_that_it_needs(micro_usd: int, text: str) -> None:
    assert usd(micro_usd) == text


def test_credits_are_told_where_there_are_credits() -> None:
    assert credits_of(5500, 1000) == "5.5 credits"
    assert credits_of(1000, 1000) == "1 credit"
    assert credits_of(5500, None) == ""


def test_numbers_read_well() -> None:
    assert [counted(1, "rule"), counted(2, "rule"), counted(1200, "entry", plural="entries")] == [
        "1 rule", "2 rules", "1,200 entries",
    ]  # fmt: skip
    assert [lasted(0.04), lasted(15.385), lasted(59.9), lasted(185.2)] == ["0.0 s", "15.4 s", "59.9 s", "3 min 5 s"]
    assert [share(999, 1000), share(9999, 10_000), share(3, 3), share(0, 0)] == ["99.9 %", "99.9 %", "100.0 %", "0.0 %"]
