"""A target that breaks one rule is blamed for that rule, and for no other."""

from __future__ import annotations

import pytest

from imageproof import Mock
from imageproof.mock_server.sabotage import Family, Sabotage, UnknownSabotageError, not_sabotaged, sabotages
from imageproof.records.lines import Verdict
from imageproof.selftest import Case, chosen, names, run_case
from imageproof.specs.facts import How, Level
from imageproof.specs.library import load
from tests.suites.running import judge

TASK_SPEC, CALL_SPEC = "reapi", "apiyi"


def one_of_each_family() -> list[Sabotage]:
    """The first selected sabotage of each family over the shipped specs."""
    found: dict[Family, Sabotage] = {}
    for name in (TASK_SPEC, CALL_SPEC, "toapis"):
        for item in chosen(load(name)):
            found.setdefault(item.family, item)
    return list(found.values())


EACH = one_of_each_family()


def test_every_family_can_be_told() -> None:
    assert {item.family for item in EACH} == set(Family) - {Family.OTHER_FORM} | {item.family for item in EACH}
    assert len(EACH) >= 28


@pytest.mark.parametrize("item", EACH, ids=lambda item: item.id)
def test_the_rule_that_is_broken_is_found_broken(item: Sabotage) -> None:
    found = judge(item.spec.name, sabotage=item.id, rules=(item.rule,))
    assert found.failed == [item.rule], (item.says, found.findings[item.rule])
    finding = found.findings[item.rule]
    assert finding.verdict is Verdict.FAILED
    assert finding.expected
    assert finding.actual


@pytest.mark.parametrize(
    "sabotage",
    [
        "reapi/submit/gpt-image-2/size/one-of!accepts",
        "reapi/states/succeeded!renamed",
        "apiyi/general/usage-sums!sums",
    ],
)
def test_it_is_the_first_failure_of_the_whole_run(sabotage: str) -> None:
    rule = sabotage.partition("!")[0]
    result = run_case(Case(spec=rule.partition("/")[0], sabotage=sabotage, rule=rule))
    assert result.is_named, result.failed
    assert result.calls is not None


def test_one_cause_is_one_failure_and_the_rest_is_blocked_by_it() -> None:
    found = judge("reapi", sabotage="reapi/errors/invalid_param!status")
    assert found.failed == ["reapi/errors/invalid_param"]
    blocked = found.rules(Verdict.BLOCKED)
    assert len(blocked) >= 10
    assert {found.findings[rule].by for rule in blocked} == {"reapi/errors/invalid_param"}


@pytest.mark.parametrize("name", names())
def test_every_documented_must_is_broken_by_somebody_or_says_why_not(name: str) -> None:
    spec = load(name)
    broken = {item.rule for item in sabotages(spec)}
    why = not_sabotaged(spec)
    musts = [rule.id for rule in spec.rules if rule.level is Level.MUST and rule.source.how is How.DOCUMENTED]
    assert [rule for rule in musts if rule not in broken and not why.get(rule)] == []
    assert len(why) <= 15


def test_there_are_enough_of_them() -> None:
    every = [item.id for name in names() for item in sabotages(load(name))]
    assert len(every) == len(set(every))
    assert len(every) >= 1000


def test_an_unknown_sabotage_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownSabotageError, match="did you mean 'reapi/billing/polls!billed'"):
        Mock("reapi", sabotage="reapi/billing/polls!bild")
    with pytest.raises(UnknownSabotageError, match="belongs to another spec"):
        Mock("toapis", sabotage="reapi/billing/polls!billed")
