"""Money: never more than was allowed, never twice for the same, and the mock's own books agree."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from imageproof import Mock
from imageproof.records.lines import Verdict
from imageproof.records.reading import read_run
from imageproof.suites.gateway.planning import affordable, ordered, wanted
from imageproof.suites.gateway.run import GatewayRun
from tests.suites.running import config_for, run_config

CENT = 10_000


@pytest.mark.parametrize("limit", [0, CENT, 5 * CENT, 40 * CENT])
def test_a_budget_is_never_passed(tmp_path: Path, limit: int) -> None:
    with Mock("reapi", clock="jump", pictures="plain") as mock:
        account = mock.account()
        found = run_config(config_for(account, "reapi", out=tmp_path / "run", max_micro_usd=limit), account)
    assert found.charged_micro_usd <= limit
    assert found.exit == 5
    assert "budget" in found.says
    assert found.failed == []


def test_no_billable_request_is_sent_twice(tmp_path: Path) -> None:
    with Mock("reapi", clock="jump", pictures="plain") as mock:
        account = mock.account()
        run_config(config_for(account, "reapi", out=tmp_path / "run"), account)
        entries = [entry for entry in account.journal() if isinstance(entry, dict)]
    accepted = Counter(
        json.dumps(entry["request"]["body"], sort_keys=True)  # type: ignore[index,call-overload]
        for entry in entries
        if entry["operation"] == "submit" and entry["response"]["status"] == 200  # type: ignore[index,call-overload]
    )
    twice = {body: count for body, count in accepted.items() if count > 1 and "a red fox" in body}
    assert len(accepted) > 50
    assert len(twice) <= 1, "only the repeated idempotency key may be sent again"


def test_going_on_pays_for_nothing_again(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with Mock("reapi", clock="jump", pictures="plain") as mock:
        account = mock.account()
        first = run_config(config_for(account, "reapi", out=out, max_micro_usd=3 * CENT), account)
        again = config_for(account, "reapi", out=out, max_micro_usd=30 * CENT, resume=True)
        second = run_config(again, account)
    assert first.charged_micro_usd + second.charged_micro_usd <= 30 * CENT
    judged = {Verdict.PASSED, Verdict.FAILED, Verdict.WARNED}
    before = {rule for rule, finding in first.findings.items() if finding.verdict in judged}
    after = {rule for rule, finding in second.findings.items() if finding.verdict in judged}
    assert before < after
    lines = [json.loads(line) for line in (out / "ledger.jsonl").read_text().splitlines()]
    keys = [line["key"] for line in lines if line["line"] == "reserved"]
    assert len(keys) == len(set(keys))
    assert {finding.rule for finding in read_run(out).findings} == set(second.findings)


def test_the_plan_begins_with_what_proves_most() -> None:
    with Mock("reapi", clock="jump", pictures="plain") as mock:
        config = config_for(mock.account(), "reapi")
        with GatewayRun(config) as run:
            assert run.session is not None
            plan = ordered(wanted(run.session, run.rules))
    assert len(plan[0].rules) > 50
    assert plan[0].job.micro_usd <= CENT
    costs = [sum(item.job.micro_usd for item in affordable(plan, limit)) for limit in (0, CENT, 100 * CENT)]
    assert all(cost <= limit for cost, limit in zip(costs, (0, CENT, 100 * CENT), strict=True))
    assert costs == sorted(costs)
