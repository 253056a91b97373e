"""A target that keeps the contract is never blamed, whatever the mode, and free mode costs nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from imageproof import Mock
from imageproof.records.lines import Verdict
from imageproof.selftest import names
from imageproof.specs.facts import How
from imageproof.specs.library import load
from tests.suites.running import config_for, judge, run_config

SPECS = names()
LEAST_JUDGED = {"reapi": 160, "toapis": 95, "toapis@ratios": 100, "apiyi": 160, "openai": 205, "xingchaoyiqing": 100}
LOOKALIKES = sorted((Path(__file__).parents[1] / "specs" / "lookalikes").glob("*.yaml"))


@pytest.mark.parametrize("spec", SPECS)
def test_every_rule_of_an_honest_mock_holds(spec: str) -> None:
    found = judge(spec)
    assert found.failed == [], [(rule, found.findings[rule].actual) for rule in found.failed]
    assert (found.exit, found.says.partition(" in all")[0]) == (0, "conforms")
    assert len(found.rules(Verdict.PASSED)) >= LEAST_JUDGED[spec]


@pytest.mark.parametrize("spec", SPECS)
def test_free_mode_costs_nothing_and_judges_something(spec: str) -> None:
    found = judge(spec, mode="free")
    assert found.charged_micro_usd == 0
    assert found.failed == [], [(rule, found.findings[rule].actual) for rule in found.failed]
    assert len(found.rules(Verdict.PASSED)) >= 20


@pytest.mark.parametrize("path", LOOKALIKES, ids=lambda path: path.stem)
def test_a_contract_of_the_users_own_works_as_well(path: Path) -> None:
    with Mock(str(path), clock="jump", pictures="plain") as mock:
        found = run_config(config_for(mock.account(), str(path)))
    assert found.failed == [], [(rule, found.findings[rule].actual) for rule in found.failed]
    assert len(found.rules(Verdict.PASSED)) >= 20


def test_time_that_is_scaled_is_waited_for() -> None:
    found = judge("toapis", clock="30x")
    assert found.failed == [], [(rule, found.findings[rule].actual) for rule in found.failed]
    assert "toapis/states/queued" in found.rules(Verdict.PASSED)


def test_what_is_not_judged_says_why() -> None:
    found = judge("reapi", mode="free")
    silent = found.rules(Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE, Verdict.BLOCKED)
    assert silent
    assert [rule for rule in silent if not found.findings[rule].reason] == []


def test_every_judged_rule_names_what_was_looked_at() -> None:
    found = judge("reapi")
    passed = [found.findings[rule] for rule in found.rules(Verdict.PASSED)]
    assert [finding.rule for finding in passed if finding.judged == 0] == []
    assert {finding.place.file for finding in passed if finding.place} == {
        "specs/providers/reapi.yaml",
        "specs/general.yaml",
    }


def test_an_assumed_rule_only_informs() -> None:
    spec = load("reapi")
    assumed = {rule.id for rule in spec.rules if rule.source.how is How.ASSUMED}
    found = judge("reapi", sabotage="reapi/errors/invalid_body!status")
    assert "reapi/errors/invalid_body" in assumed
    assert found.findings["reapi/errors/invalid_body"].verdict is Verdict.WARNED
    assert (found.failed, found.exit) == ([], 0)
