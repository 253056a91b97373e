"""The proof of the proof: which mocks the self-test starts, what it makes of them, and what its page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from click.testing import Result as Ran

from imageproof import selftest
from imageproof.cli.main import cli
from imageproof.cli.selftest import CELL, line, page
from imageproof.mock_server.sabotage import not_sabotaged, sabotages
from imageproof.selftest import Case, Result, cases, honest, names, run_case, score
from imageproof.specs.facts import How, Level
from imageproof.specs.library import load, shipped

PAGE = Path(__file__).parents[2] / "docs" / "selftest.md"
ROW = re.compile(
    r"^\| `(?P<id>[^`]+)` \| (?P<says>.+) \| (?P<caught>[^|]+) \| (?P<named>[^|]+) \| (?P<calls>[^|]+) \|$"
)
LEAST_ROWS = 150
LEAST_RULES = 20
HEADLINE = re.compile(
    r"^\*\*(\d+) of (\d+) sabotages caught, (\d+) \((\d+\.\d) %\) under the right rule first, "
    r"(\d+) requests in the median; "
    r"(\d+) false alarms in (\d+) honest runs\.\*\*$",
    re.MULTILINE,
)


def result(rule: str, *failed: str, calls: int | None = 5, spec: str = "reapi", is_honest: bool = False) -> Result:
    """What came of a mock that breaks `rule`."""
    case = Case(spec=spec, sabotage=None if is_honest else f"{rule}!accepts", rule=rule, says="takes a | b")
    return Result(
        case=case, failed=failed, told=f"{failed[0]}: 200" if failed else "", requests=40, seconds=1.0, calls=calls
    )


def run(*words: str) -> Ran:
    return CliRunner().invoke(cli, ["selftest", *words], catch_exceptions=False)


# what is started


@pytest.mark.parametrize("name", names())
def test_each_documented_must_rule_that_can_be_broken_has_a_case(name: str) -> None:
    spec = load(name)
    musts = {rule.id for rule in spec.rules if rule.level is Level.MUST and rule.source.how is How.DOCUMENTED}
    chosen = {case.rule for case in cases([name])}
    assert musts - set(not_sabotaged(spec)) <= chosen
    assert len(chosen) > LEAST_RULES  # a spec of which no page is public has no documented rule


@pytest.mark.parametrize("name", names())
def test_each_family_has_a_case_and_no_case_is_about_a_rule_that_only_informs(name: str) -> None:
    spec = load(name)
    every, chosen = cases([name], everything=True), cases([name])
    assert {case.family for case in chosen} == {case.family for case in every}
    assert {case.sabotage for case in chosen} < {case.sabotage for case in every}
    assert {case.sabotage for case in every} <= {item.id for item in sabotages(spec)}
    rules = {rule.id: rule for rule in spec.rules}
    levels = {(rules[case.rule].level, rules[case.rule].source.how is How.ASSUMED) for case in every}
    assert levels == {(Level.MUST, False)}


def test_what_is_seen_only_as_time_passes_gets_a_clock_that_passes() -> None:
    clocks = {"/states/" in case.rule: case.clock for case in cases(["reapi"]) if "/general/" not in case.rule}
    assert clocks[False] == "jump"
    assert re.fullmatch(r"\d+x", clocks[True])


def test_every_shipped_spec_and_each_of_its_profiles_is_tested() -> None:
    assert set(shipped()) < set(names())
    assert "toapis@ratios" in names()


def test_honest_runs_have_all_seeds_and_all_clocks() -> None:
    found = honest(["reapi", "apiyi"], 3)
    assert [(case.spec, case.seed) for case in found] == [
        (name, seed) for seed in (1, 2, 3) for name in ("reapi", "apiyi")
    ]
    assert len({case.clock for case in found}) == 3
    assert {case.sabotage for case in found} == {None}
    assert honest(["reapi"], 0) == []


# what comes of it


QUICK = (
    "reapi/submit/gpt-image-2/prompt/required!accepts",
    "reapi/answers/submit!missing",
    "apiyi/errors/auth_missing!status",
    "apiyi/generate/gpt-image-2/n/one-of!accepts",
    "openai/answers/generate!missing",
    "openai/generate/gpt-image-2/prompt/required!server-error",
    "toapis/answers/poll!missing",
    "toapis/submit/gpt-image-2/prompt/type!wrong-code",
    "xingchaoyiqing/answers/submit!retyped",
    "xingchaoyiqing/submit/gpt-image-2/prompt/required!accepts",
)


@pytest.mark.parametrize("sabotage", QUICK)
def test_a_lie_is_caught_and_named(sabotage: str) -> None:
    every = cases([sabotage.partition("/")[0]], everything=True, is_quick=True)
    case = next(case for case in every if case.sabotage == sabotage)
    found = run_case(case)
    assert found.failed[:1] == (case.rule,)
    assert found.is_caught
    assert found.is_named
    assert found.told.startswith(f"{case.rule}: ")
    assert found.calls is not None
    assert 1 <= found.calls <= found.requests


def test_an_honest_mock_is_not_blamed() -> None:
    found = run_case(Case(spec="toapis", rule="toapis/answers/submit", is_quick=True))
    assert (found.failed, found.told, found.calls) == ((), "", None)
    assert found.requests > 0


def test_caught_and_named_are_not_the_same() -> None:
    assert (result("a").is_caught, result("a").is_named) == (False, False)
    assert (result("a", "a", "b").is_caught, result("a", "a", "b").is_named) == (True, True)
    assert (result("a", "b", "a").is_caught, result("a", "b", "a").is_named) == (True, False)


# the score


def test_the_score_counts_lies_and_truths_apart() -> None:
    lies = [result("a", "a", calls=3), result("b", "a", calls=9), result("c", calls=None)]
    total = score([*lies, result("", is_honest=True), result("", "x", is_honest=True)])
    assert (total.sabotages, total.caught, total.named, total.calls) == (3, 2, 1, 6)
    assert (total.honest, total.alarms) == (2, 1)
    assert str(total) == (
        "2 of 3 sabotages caught, 1 (33.3 %) under the right rule first, 6 requests in the median; "
        "1 false alarms in 2 honest runs"
    )


def named(good: int, bad: int) -> list[Result]:
    return [result("a", "a") for _ in range(good)] + [result("a", "b") for _ in range(bad)]


def test_a_score_is_good_with_nineteen_of_twenty_named_and_nothing_missed_and_no_alarm() -> None:
    assert score(named(19, 1)).is_good
    assert not score(named(18, 2)).is_good
    assert not score([*named(20, 0), result("a")]).is_good
    assert not score([*named(20, 0), result("", "x", is_honest=True)]).is_good
    assert score([*named(20, 0), result("", is_honest=True)]).is_good


def test_nothing_has_a_score_too() -> None:
    assert str(score([])).startswith("0 of 0 sabotages caught, 0 (none)")


# what a person sees


def test_a_line_says_what_came_of_a_case() -> None:
    assert line(result("a", "a")) == "named   a!accepts: takes a | b, 5 requests"
    assert line(result("a", "b")) == "caught  a!accepts: takes a | b, 5 requests (first named: b)"
    assert line(result("a", calls=None)) == "MISSED  a!accepts: takes a | b, - requests"
    assert line(result("", is_honest=True)) == "quiet   reapi, honest, seed 1, clock jump, 40 requests"
    assert line(result("", "x", is_honest=True)).endswith("40 requests: x: 200")


def test_the_page_has_a_row_for_each_lie_and_one_for_each_spec() -> None:
    found = [
        result("a", "a"),
        result("b", "a"),
        result("c", calls=None),
        *(result("", is_honest=True) for _ in range(2)),
    ]
    text = page(found, score(found), is_quick=True)
    assert f"**{score(found)}.**" in text
    assert [tuple(row) for row in ROW_CELLS.findall(text)] == [
        ("a!accepts", r"takes a \| b", "yes", "yes", "5"),
        ("b!accepts", r"takes a \| b", "yes", "no: a", "5"),
        ("c!accepts", r"takes a \| b", "**no**", "no", "-"),
    ]
    assert "| reapi | 2 | 80 | 0 |" in text
    assert "a run of that rule alone" in text
    assert "the whole run" in page(found, score(found), is_quick=False)


ROW_CELLS = re.compile(ROW.pattern, re.MULTILINE)


def test_a_long_sentence_is_cut_in_the_page() -> None:
    case = Case(spec="reapi", sabotage="a!accepts", rule="a", says="x" * (CELL + 1))
    found = [Result(case=case, failed=("a",), told="", requests=1, seconds=1.0, calls=1)]
    assert f"| {'x' * CELL}... |" in page(found, score(found), is_quick=False)


@pytest.mark.parametrize(("failed", "code"), [(True, 0), (False, 1)])
def test_the_command_writes_the_page_and_ends_as_the_score_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, failed: bool, code: int
) -> None:
    def pretend(todo: list[Case], *, jobs: int) -> list[Result]:
        assert jobs == 1
        seen = [(case, (case.rule,) if failed and case.sabotage else ()) for case in todo]
        return [Result(case=case, failed=rules, told="", requests=1, seconds=0, calls=1) for case, rules in seen]

    monkeypatch.setattr("imageproof.cli.selftest.results", pretend)
    table = tmp_path / "page.md"
    ran = run("reapi", "toapis", "--sample", "3", "--seeds", "2", "--jobs", "1", "--quick", "--table", str(table))
    assert ran.exit_code == code
    text = table.read_text(encoding="utf-8")
    assert len(ROW_CELLS.findall(text)) == 3
    assert ran.output.splitlines()[-1] in text
    assert "false alarms in 4 honest runs" in text


def test_a_sample_is_drawn_by_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[list[str | None]] = []

    def pretend(todo: list[Case], *, jobs: int) -> list[Result]:  # noqa: ARG001  (called by name)
        drawn.append([case.sabotage for case in todo])
        return []

    monkeypatch.setattr("imageproof.cli.selftest.results", pretend)
    for seed in ("1", "1", "2"):
        run("reapi", "--sample", "9", "--seeds", "0", "--seed", seed)
    assert drawn[0] == drawn[1] != drawn[2]
    assert [len(ids) for ids in drawn] == [9, 9, 9]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("NOPE",), ("NOPE",)),
        (("reapi", "--sample", "0"), ("--sample", "0")),
        (("reapi", "--jobs", "0"), ("--jobs", "0")),
        (("reapi", "--sample", "1", "--table", "nowhere/page.md"), ("nowhere", "there is none")),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(words: tuple[str, ...], parts: tuple[str, ...]) -> None:
    ran = run(*words)
    assert ran.exit_code == 2
    assert all(part in ran.output for part in parts)
    assert "Traceback" not in ran.output
    assert not PAGE.parent.joinpath("nowhere").exists()


# the committed page


def rows() -> list[dict[str, str]]:
    return [found.groupdict() for text in PAGE.read_text(encoding="utf-8").splitlines() if (found := ROW.match(text))]


def test_the_committed_page_lists_only_sabotages_that_exist() -> None:
    known = {case.sabotage for case in cases(names(), everything=True)}
    listed = [row["id"] for row in rows()]
    assert len(listed) >= LEAST_ROWS
    assert len(set(listed)) == len(listed)
    assert set(listed) <= known


def test_the_committed_page_misses_nothing() -> None:
    assert [row["id"] for row in rows() if row["caught"] != "yes"] == []


def test_the_headline_of_the_committed_page_agrees_with_its_rows() -> None:
    found = HEADLINE.search(PAGE.read_text(encoding="utf-8"))
    assert found is not None
    caught, total, right, share, calls, alarms, _ = found.groups()
    listed = rows()
    assert int(total) == len(listed)
    assert int(caught) == sum(row["caught"] == "yes" for row in listed)
    assert int(right) == sum(row["named"] == "yes" for row in listed)
    assert float(share) == round(100 * int(right) / int(total), 1) >= 100 * selftest.RIGHT_SHARE
    assert int(calls) <= 20
    assert int(alarms) == 0
