"""From remarks to findings, and which rules there are for whose clients."""

from __future__ import annotations

import pytest

from imageproof.records.lines import Finding, Verdict
from imageproof.specs.client import client_rules, client_slugs
from imageproof.specs.facts import Level
from imageproof.specs.library import load, shipped
from imageproof.suites.client.findings import findings
from imageproof.suites.client.judging import judge
from imageproof.suites.client.watch import Answer, End, Ending, Remark, Told, Watch
from tests.suites.client.wires import DONE, FAILED, SILENT, Wire, scene, whole_life


def found(*watches: Watch, strict: bool = False) -> dict[str, Finding]:
    spec = watches[0].spec
    results = [(watch, judge(watch)) for watch in watches]
    return {item.rule.removeprefix(f"{spec.name}/"): item for item in findings(spec, results, strict=strict)}


@pytest.mark.parametrize("name", shipped())
def test_every_rule_for_clients_has_one_finding(name: str) -> None:
    spec = load(name)
    rules = client_rules(spec)
    items = findings(spec, [], strict=False)
    assert [item.rule for item in items] == [rule.id for rule in rules]
    assert {item.verdict for item in items} == {Verdict.INCONCLUSIVE}
    assert all(item.place is not None and item.place.file.startswith("specs/") for item in items)


def test_the_rules_depend_on_what_a_provider_has() -> None:
    ids = {name: {rule.id.removeprefix(f"{name}/") for rule in client_rules(load(name))} for name in shipped()}
    assert "client/after-end" in ids["reapi"]
    assert "client/after-end" not in ids["apiyi"]
    assert "client/in-time" not in ids["openai"]
    assert "polling/cadence" in ids["toapis"]
    assert all(f"client/{slug}" in ids["toapis"] for slug in client_slugs())
    assert not any(rule.id in {item.id for item in load("reapi").rules} for rule in client_rules(load("reapi"))[:19])


def test_what_is_only_advised_is_a_should_for_clients() -> None:
    for name in shipped():
        advised = [rule for rule in client_rules(load(name)) if "/client/" not in rule.id]
        assert {rule.level for rule in advised} <= {Level.SHOULD}


def test_a_good_client_has_nothing_but_passes() -> None:
    items = found(whole_life().watch(scenario=scene()))
    assert {item.verdict for item in items.values()} == {Verdict.PASSED, Verdict.NOT_APPLICABLE}
    assert items["client/outcome"].judged == 1
    assert items["client/backoff"].reason == "none of the scenarios that were run could show it"


def test_a_must_fails_a_should_warns_and_strict_makes_it_fail() -> None:
    wire = whole_life()
    wire.poll(99.0)
    watch = wire.watch(FAILED, scenario=scene())
    plain, strict = found(watch), found(watch, strict=True)
    assert plain["client/outcome"].verdict is Verdict.FAILED
    assert plain["client/after-end"].verdict is Verdict.WARNED
    assert strict["client/after-end"].verdict is Verdict.FAILED


def test_an_assumed_rule_only_informs() -> None:
    wire = Wire("toapis")
    wire.create(0.0)
    wire.polls(0.1, 0.2)
    item = found(wire.watch(SILENT), strict=True)["polling/cadence"]
    assert item.verdict is Verdict.WARNED
    assert "assumed" in item.reason


def test_the_first_bad_scenario_is_the_evidence_and_the_others_are_listed() -> None:
    good, bad = whole_life(), whole_life()
    bad.create(90.0, status=400, rules=("reapi/x",))
    watches = [
        good.watch(scenario=scene(name="fine")),
        bad.watch(scenario=scene(name="one")),
        bad.watch(scenario=scene(name="two")),
    ]
    item = found(*watches)["client/requests"]
    assert item.verdict is Verdict.FAILED
    assert item.judged == 3
    assert item.actual == "one: 1 of 7 requests break reapi/x"
    assert item.evidence is not None
    assert item.evidence.bad == 8
    assert item.more == ("two: 1 of 7 requests break reapi/x", "rules: reapi/x")


def test_after_a_crash_everywhere_the_rest_is_blocked_by_it() -> None:
    wire = Wire()
    watch = wire.watch(SILENT, Ending(end=End.CRASHED, code=-11), scenario=scene())
    items = found(watch)
    assert items["client/ends"].verdict is Verdict.FAILED
    assert items["client/outcome"].verdict is Verdict.BLOCKED
    assert items["client/outcome"].by == "reapi/client/ends"


def test_a_client_that_supports_nothing_is_not_judged_with_its_reason() -> None:
    watch = whole_life().watch(Answer(told=Told.UNSUPPORTED, message="no edits"), scenario=scene(name="edit"))
    item = found(watch)["client/ends"]
    assert item.verdict is Verdict.INCONCLUSIVE
    assert item.reason == "no scenario could be judged; edit: no edits"


def test_remarks_on_rules_that_the_spec_does_not_have_are_dropped() -> None:
    wire = whole_life()
    stray = Remark(rule="reapi/client/nothing", ok=False, expected="a", actual="b")
    items = findings(wire.spec, [(wire.watch(DONE), [stray])], strict=False)
    assert all(item.verdict is Verdict.NOT_APPLICABLE for item in items)
