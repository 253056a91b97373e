"""One root cause, one failure."""

from imageproof.records.lines import Verdict
from imageproof.reports.causes import causes, not_judged
from tests.reports.runs import every_verdict, finding


def test_failures_come_by_level_and_then_as_they_appeared() -> None:
    found = causes(every_verdict())
    assert [cause.finding.rule for cause in found] == [
        "reapi/submit/gpt-image-2/size/one-of",
        "reapi/polling/order",
        "reapi/errors/auth_invalid/message",
    ]


def test_what_is_blocked_by_something_blocked_hangs_below_the_failure_at_the_root() -> None:
    first = causes(every_verdict())[0]
    assert [item.rule for item in first.blocked] == ["reapi/answers/submit/route", "reapi/results/size"]


def test_a_ring_of_blocked_rules_ends_and_none_of_them_is_lost() -> None:
    ring = [finding(name, Verdict.BLOCKED, by=by) for name, by in (("a/1", "a/2"), ("a/2", "a/1"))]
    assert causes(ring) == ()
    assert sorted(item.rule for group in not_judged(ring) for item in group.findings) == ["a/1", "a/2"]


def test_what_is_blocked_by_no_failure_is_counted_by_its_reason() -> None:
    run = [
        finding("a/1", Verdict.INCONCLUSIVE, reason="the budget ended"),
        finding("a/2", Verdict.BLOCKED, by="a/1"),
        finding("a/3", Verdict.NOT_APPLICABLE, reason="not theirs"),
        finding("a/4", Verdict.NOT_APPLICABLE, reason="not theirs"),
        finding("a/5", Verdict.NOT_APPLICABLE),
    ]
    told = [(group.verdict.value, group.reason, len(group.findings)) for group in not_judged(run)]
    assert told == [
        ("blocked", "blocked by a/1", 1),
        ("inconclusive", "the budget ended", 1),
        ("not applicable", "not theirs", 2),
        ("not applicable", "no reason was written down", 1),
    ]


def test_every_finding_that_was_not_judged_stands_in_exactly_one_place() -> None:
    found = every_verdict()
    below = [item.rule for cause in causes(found) for item in cause.blocked]
    grouped = [item.rule for group in not_judged(found) for item in group.findings]
    silent = {Verdict.BLOCKED, Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE}
    assert sorted(below + grouped) == sorted(item.rule for item in found if item.verdict in silent)
