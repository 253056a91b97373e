"""Two runs side by side: each change stands in one list, and worse is worse."""

import json

import pytest

from imageproof.records.lines import Finding, Verdict
from imageproof.reports.diff import TITLES, as_json, compare, pieces, verdict_of
from tests.reports.runs import HOSTILE, HOSTILE_TOKENS, finding, header, run_of

V = Verdict
RULE = "a/1"
OTHER = finding("a/other", V.PASSED)


def listed(before: Finding | None, after: Finding | None) -> list[str]:
    """The lists that hold the rule."""
    old, new = ([item, OTHER] if item else [OTHER] for item in (before, after))
    difference = compare(run_of(*old), run_of(*new))
    return [name for name in TITLES for change in getattr(difference, name) if change.rule == RULE]


def is_worse(before: Finding | None, after: Finding | None) -> bool:
    old, new = ([item, OTHER] if item else [OTHER] for item in (before, after))
    return compare(run_of(*old), run_of(*new)).is_worse


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        (V.PASSED, V.FAILED, "new"),
        (V.BLOCKED, V.FAILED, "new"),
        (V.KNOWN, V.FAILED, "new"),
        (V.PASSED, V.STALE, "new"),
        (None, V.FAILED, "new"),
        (V.PASSED, V.BLOCKED, "lost"),
        (V.PASSED, V.INCONCLUSIVE, "lost"),
        (V.PASSED, V.NOT_APPLICABLE, "lost"),
        (V.PASSED, V.ERRORED, "lost"),
        (V.PASSED, None, "lost"),
        (V.FAILED, V.PASSED, "fixed"),
        (V.STALE, V.PASSED, "fixed"),
        (V.FAILED, V.BLOCKED, "changed"),
        (V.FAILED, V.KNOWN, "changed"),
        (V.PASSED, V.WARNED, "changed"),
        (V.FAILED, V.STALE, "changed"),
        (None, V.PASSED, "appeared"),
        (V.FAILED, None, "vanished"),
        (V.NOT_APPLICABLE, None, "vanished"),
        (V.PASSED, V.PASSED, None),
        (V.BLOCKED, V.BLOCKED, None),
    ],
)
def test_each_change_stands_in_one_list(before: Verdict | None, after: Verdict | None, name: str | None) -> None:
    old, new = (finding(RULE, verdict) if verdict else None for verdict in (before, after))
    assert listed(old, new) == ([name] if name else [])
    assert is_worse(old, new) is (name in {"new", "lost"})


@pytest.mark.parametrize("before", [None, *Verdict])
@pytest.mark.parametrize("after", [None, *Verdict])
def test_a_rule_never_stands_in_two_lists(before: Verdict | None, after: Verdict | None) -> None:
    old, new = (finding(RULE, verdict) if verdict else None for verdict in (before, after))
    assert len(listed(old, new)) <= 1
    assert bool(listed(old, new)) is (before is not after)


def test_the_same_failure_with_another_answer_has_changed() -> None:
    old, new = finding(RULE, V.FAILED, actual="status 200"), finding(RULE, V.FAILED, actual="status 500")
    assert listed(old, new) == ["changed"]
    assert listed(old, old) == []
    assert not is_worse(old, new)


def test_what_makes_runs_hard_to_compare_is_said() -> None:
    before = run_of(OTHER, head=header(rules=1, mode="free"))
    after = run_of(finding("a/other", V.INCONCLUSIVE), head=header(rules=1, version="0.2.0"), cut="it was killed")
    assert compare(before, after).notes == (
        "AFTER: it was killed",
        "AFTER: nothing was judged, so that nothing worse is no good news",
        "the runs differ in mode: free before, paid after",
        "the runs differ in version: 0.1.0 before, 0.2.0 after",
    )
    assert compare(before, before).notes == ()


def test_for_a_person_each_change_has_its_verdicts_and_what_was_got() -> None:
    old = run_of(finding(RULE, V.PASSED), OTHER)
    new = run_of(finding(RULE, V.FAILED, expected="status 400", actual=HOSTILE), OTHER)
    told = [f"{piece.label} {piece.text}".strip() for piece in pieces(compare(old, new))]
    assert told[:2] == ["1 newly failed", "a/1: passed -> failed"]
    assert told[2].startswith("after  expected status 400, got \\x1b]0;owned")
    assert told[-1] == "worse: 1 newly failed, in 2 rules of both runs"
    assert not [token for token in HOSTILE_TOKENS if token in "".join(told)]


def test_for_a_program_it_is_json() -> None:
    old, new = run_of(finding(RULE, V.FAILED, actual="x"), OTHER), run_of(finding(RULE, V.PASSED), OTHER)
    tree = json.loads(as_json(old, new, compare(old, new)))
    assert tree["worse"] is False
    assert tree["fixed"] == [
        {"rule": RULE, "level": "MUST", "before": {"verdict": "failed", "actual": "x"}, "after": {"verdict": "passed"}}
    ]
    assert [tree[name] for name in TITLES if name != "fixed"] == [[]] * 5
    assert tree["before"]["seed"] == 7
    assert tree["says"] == "not worse: 0 newly failed, 1 fixed, in 2 rules of both runs"
    assert verdict_of(compare(old, old)) == "not worse: 0 newly failed, in 2 rules of both runs"
