"""One test for each rule of a contract; the rule's id is the test's id. Before them, several tasks at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imageproof.suites.gateway.machine import live_many
from imageproof.suites.gateway.plugin import judge_rule, show

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.suites.gateway.run import GatewayRun


def test_lives(gateway: GatewayRun) -> None:
    """Tasks that live side by side, polled in any order, break no rule."""
    if not live_many(gateway):
        pytest.skip("no tasks, or free mode: nothing to live through")


def test_rule(gateway: GatewayRun, rule: Rule) -> None:
    """The target keeps the rule, or there is a reason why that could not be judged."""
    finding = judge_rule(gateway, rule)
    assert finding.rule == rule.id  # noqa: S101  (a test)
    show(finding)
