from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from msgspec.structs import replace

from imageproof.records.lines import Finding, Verdict
from imageproof.specs.problems import SpecError
from imageproof.suites.baseline import Baseline, BaselineError, apply, expired, load_baseline, read_day

TODAY = date(2026, 11, 21)
RULES = ("acme/submit/best/size/one-of", "acme/submit/best/size/type", "acme/submit/best/n/range", "acme/answers/poll")
ONE_OF, TYPE, RANGE, POLL = RULES


def finding(rule: str, verdict: Verdict = Verdict.FAILED, *, actual: str = "status 200", basis: str = "") -> Finding:
    return Finding(rule=rule, level="MUST", verdict=verdict, sentence="s", judged=1, actual=actual, basis=basis)


def loaded(folder: Path, text: str) -> Baseline:
    path = folder / "baseline.yaml"
    path.write_text(text, encoding="utf-8")
    return load_baseline(path)


def entries(folder: Path, *rules: str, expires: str = "2026-12-31", more: str = "") -> Baseline:
    listed = "".join(
        f"  - rule: {rule!r}\n    reason: the reason\n    owner: the owner\n    expires: {expires}\n{more}"
        for rule in rules
    )
    return loaded(folder, f"imageproof-baseline: 1\nknown:\n{listed}")


def verdicts(findings: tuple[Finding, ...]) -> dict[str, Verdict]:
    return {item.rule: item.verdict for item in findings}


def test_an_entry_is_read_as_it_is_written(tmp_path: Path) -> None:
    found = loaded(
        tmp_path,
        "# what we know\nimageproof-baseline: 1\nknown:\n"
        "  - rule: acme/submit/*\n    reason: maps 21:9 to 16:9\n    link: https://example.com/tickets/12\n"
        "    owner: team-images\n    expires: 2026-12-31\n    actual: status 400\n",
    )
    (entry,) = found.entries
    assert (entry.rule, entry.reason, entry.owner) == ("acme/submit/*", "maps 21:9 to 16:9", "team-images")
    assert (entry.link, entry.actual, entry.expires) == (
        "https://example.com/tickets/12",
        "status 400",
        date(2026, 12, 31),
    )
    assert (entry.mark.line, entry.mark.column) == (4, 11)


@pytest.mark.parametrize("text", ["known: []", "known:", "known: ~"])
def test_an_empty_list_is_a_baseline(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, f"imageproof-baseline: 1\n{text}\n").entries == ()


GOOD = "reason: r, owner: o, expires: 2026-12-31"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("", {(1, 1)}),
        ("- a", {(1, 1)}),
        ("imageproof-baseline: 2\nknown: []", {(1, 22)}),
        ("imageproof-baseline: [1]\nknown: []", {(1, 22)}),
        ("known: []", {(1, 1)}),
        ("imageproof-baseline: 1", {(1, 1)}),
        ("imageproof-baseline: 1\nknwon: []", {(1, 1), (2, 1)}),
        ("imageproof-baseline: 1\nknown: x", {(2, 8)}),
        ("imageproof-baseline: 1\nknown: [x]", {(2, 9)}),
        ("imageproof-baseline: 1\nknown: [{}]", {(2, 9)}),
        (f"imageproof-baseline: 1\nknown:\n- {{{GOOD}}}", {(3, 3)}),
        (f"imageproof-baseline: 1\nknown:\n- {{rule: '', {GOOD}}}", {(3, 10)}),
        (f"imageproof-baseline: 1\nknown:\n- {{rule: ' ', {GOOD}}}", {(3, 10)}),
        (f"imageproof-baseline: 1\nknown:\n- {{rule: [a], {GOOD}}}", {(3, 10)}),
        (f"imageproof-baseline: 1\nknown:\n- {{rule: a, ownr: b, {GOOD}}}", {(3, 13)}),
        (f"imageproof-baseline: 1\nknown:\n- {{rule: a, link: , {GOOD}}}", {(3, 19)}),
        (f"imageproof-baseline: 1\nknown:\n- {{rule: a, {GOOD}}}\n- {{rule: a, {GOOD}}}", {(4, 10)}),
        ("imageproof-baseline: 1\nknown:\n- {rule: a, reason: r, owner: o, expires: soon}", {(3, 43)}),
        ("imageproof-baseline: 1\nknown:\n- {rule: a, reason: ~, owner: o, expires: 2026-02-30}", {(3, 21), (3, 43)}),
        ("imageproof-baseline: 1\nknown:\n- {rule: a, rule: b, reason: r, owner: o, expires: 2026-12-31}", {(3, 13)}),
    ],
)
def test_every_mistake_is_told_with_its_place(tmp_path: Path, text: str, places: set[tuple[int, int]]) -> None:
    with pytest.raises(SpecError) as refused:
        loaded(tmp_path, text)
    assert {(problem.mark.line, problem.mark.column) for problem in refused.value.problems} == places
    assert "baseline.yaml:" in refused.value.render()


def test_the_nearest_known_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as refused:
        loaded(tmp_path, f"imageproof-baseline: 1\nknown:\n- {{rule: a, expire: 2026-12-31, {GOOD}}}")
    assert "did you mean 'expires'?" in refused.value.render()


@pytest.mark.parametrize("text", ["20261231", "2026-W01-1", "2026-13-01", "31.12.2026", "2026-12-31T00:00", ""])
def test_a_day_is_year_month_day(text: str) -> None:
    with pytest.raises(ValueError, match="2026-12-31"):
        read_day(text)


def test_the_same_rule_may_be_known_for_two_failures(tmp_path: Path) -> None:
    both = f"- {{rule: a, actual: one, {GOOD}}}\n- {{rule: a, actual: two, {GOOD}}}\n- {{rule: a, {GOOD}}}"
    assert len(loaded(tmp_path, f"imageproof-baseline: 1\nknown:\n{both}").entries) == 3


# failures


def test_a_listed_failure_is_known_with_place_reason_owner_and_day(tmp_path: Path) -> None:
    known = entries(tmp_path, "acme/submit/best/size/*", more="    link: https://example.com/12\n")
    one_of, other = apply(known, [finding(ONE_OF), finding(RANGE)], RULES, TODAY)
    assert one_of.verdict is Verdict.KNOWN
    assert one_of.by == str(known.entries[0].mark)
    assert one_of.actual == "status 200"
    for part in ("the reason", "the owner", "https://example.com/12", "2026-12-31"):
        assert part in one_of.reason
    assert other == finding(RANGE)


@pytest.mark.parametrize(
    ("expires", "verdict"),
    [("2026-11-20", Verdict.FAILED), ("2026-11-21", Verdict.KNOWN), ("2026-11-22", Verdict.KNOWN)],
)
def test_an_entry_holds_through_its_last_day(tmp_path: Path, expires: str, verdict: Verdict) -> None:
    (found,) = apply(entries(tmp_path, ONE_OF, expires=expires), [finding(ONE_OF)], RULES, TODAY)
    assert found.verdict is verdict
    assert expires in found.reason
    assert "the owner" in found.reason


def test_an_entry_in_force_wins_over_one_that_has_expired(tmp_path: Path) -> None:
    text = (
        "imageproof-baseline: 1\nknown:\n- {rule: acme/submit/*, reason: old, owner: o, expires: 2026-01-01}\n"
        f"- {{rule: {ONE_OF}, reason: new, owner: o, expires: 2026-12-01}}\n"
    )
    (found,) = apply(loaded(tmp_path, text), [finding(ONE_OF)], RULES, TODAY)
    assert found.verdict is Verdict.KNOWN
    assert "new" in found.reason


def test_a_failure_with_other_words_is_not_known_and_says_so(tmp_path: Path) -> None:
    known = entries(tmp_path, ONE_OF, more="    actual: status 500\n")
    (found,) = apply(known, [finding(ONE_OF)], RULES, TODAY)
    assert found.verdict is Verdict.FAILED
    assert "'status 500'" in found.reason
    (found,) = apply(known, [finding(ONE_OF, actual="got status 500, no body")], RULES, TODAY)
    assert found.verdict is Verdict.KNOWN


def test_only_failures_become_known(tmp_path: Path) -> None:
    others = [item for item in Verdict if item not in (Verdict.FAILED, Verdict.PASSED)]
    known = entries(tmp_path, ONE_OF)
    for verdict in others:
        before = (finding(ONE_OF, verdict),)
        assert apply(known, before, RULES, TODAY) == before


# stale


def test_what_is_listed_and_passes_is_stale(tmp_path: Path) -> None:
    known = entries(tmp_path, ONE_OF)
    passed, other = apply(known, [finding(ONE_OF, Verdict.PASSED), finding(RANGE, Verdict.PASSED)], RULES, TODAY)
    assert passed.verdict is Verdict.STALE
    assert passed.by == str(known.entries[0].mark)
    assert "remove the entry" in passed.actual
    assert passed.expected
    assert other.verdict is Verdict.PASSED


def test_an_expired_entry_of_a_rule_that_passes_is_stale_too(tmp_path: Path) -> None:
    (found,) = apply(entries(tmp_path, ONE_OF, expires="2026-01-01"), [finding(ONE_OF, Verdict.PASSED)], RULES, TODAY)
    assert found.verdict is Verdict.STALE


def test_a_pattern_is_stale_once_when_all_its_rules_pass(tmp_path: Path) -> None:
    known = entries(tmp_path, "acme/submit/best/size/*")
    found = apply(known, [finding(ONE_OF, Verdict.PASSED), finding(TYPE, Verdict.PASSED)], RULES, TODAY)
    assert verdicts(found) == {ONE_OF: Verdict.STALE, TYPE: Verdict.PASSED}
    assert "all 2 rules" in found[0].actual


@pytest.mark.parametrize("open_", [Verdict.BLOCKED, Verdict.INCONCLUSIVE, Verdict.ERRORED, Verdict.WARNED, None])
def test_a_pattern_is_not_stale_while_one_of_its_rules_may_fail(tmp_path: Path, open_: Verdict | None) -> None:
    known = entries(tmp_path, "acme/submit/best/size/*")
    before = [finding(ONE_OF, Verdict.PASSED)] + ([finding(TYPE, open_)] if open_ else [])
    assert apply(known, before, RULES, TODAY) == tuple(before)


def test_one_rule_of_a_pattern_that_fails_keeps_it_alive(tmp_path: Path) -> None:
    found = apply(
        entries(tmp_path, "acme/submit/best/size/*"), [finding(ONE_OF, Verdict.PASSED), finding(TYPE)], RULES, TODAY
    )
    assert verdicts(found) == {ONE_OF: Verdict.PASSED, TYPE: Verdict.KNOWN}


def test_rules_that_do_not_apply_keep_nothing_alive(tmp_path: Path) -> None:
    known = entries(tmp_path, "acme/submit/best/size/*")
    before = [finding(ONE_OF, Verdict.NOT_APPLICABLE), finding(TYPE, Verdict.PASSED)]
    assert verdicts(apply(known, before, RULES, TODAY))[TYPE] is Verdict.STALE
    nothing = [finding(ONE_OF, Verdict.NOT_APPLICABLE), finding(TYPE, Verdict.NOT_APPLICABLE)]
    assert apply(known, nothing, RULES, TODAY) == tuple(nothing)


def test_a_rule_of_which_only_half_was_judged_is_not_called_stale(tmp_path: Path) -> None:
    known = entries(tmp_path, ONE_OF)
    half = finding(ONE_OF, Verdict.PASSED, basis="contrast")
    assert apply(known, [half], RULES, TODAY) == (half,)
    whole = replace(half, basis="pair")
    assert apply(known, [whole], RULES, TODAY)[0].verdict is Verdict.STALE


def test_each_stale_entry_is_told_also_when_two_list_the_same_rules(tmp_path: Path) -> None:
    known = entries(tmp_path, "acme/submit/best/size/*", TYPE, ONE_OF)
    found = apply(known, [finding(ONE_OF, Verdict.PASSED), finding(TYPE, Verdict.PASSED)], RULES, TODAY)
    assert set(verdicts(found).values()) == {Verdict.STALE}
    told = "\n".join(text for item in found for text in (item.actual, *item.more))
    assert all(str(entry.mark) in told for entry in known.entries)


# patterns


def test_patterns_that_match_no_rule_are_all_refused_with_the_nearest(tmp_path: Path) -> None:
    known = entries(tmp_path, "acme/submit/best/szie/*", ONE_OF, "acme/submit/best/n/rage", "other/x")
    with pytest.raises(BaselineError) as refused:
        apply(known, [], RULES, TODAY)
    assert [problem.mark for problem in refused.value.problems] == [known.entries[at].mark for at in (0, 2, 3)]
    text = refused.value.render()
    assert "did you mean 'acme/submit/best/size/*'?" in text
    assert "did you mean 'acme/submit/best/n/range'?" in text
    assert "begin with 'acme/'" in text


def test_an_id_speaks_of_itself_whatever_characters_it_holds(tmp_path: Path) -> None:
    odd = "acme/price/best/size=[a]|b,c"
    (found,) = apply(entries(tmp_path, odd), [finding(odd)], [odd], TODAY)
    assert found.verdict is Verdict.KNOWN


def test_entries_whose_day_is_over_are_found(tmp_path: Path) -> None:
    known = entries(tmp_path, ONE_OF, expires="2026-11-20")
    (problem,) = expired(known, TODAY)
    assert problem.mark == known.entries[0].mark
    assert "the owner" in (problem.hint or "")
    assert expired(known, date(2026, 11, 20)) == []
