"""One test for each rule of a contract; the rule's id is the test's id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.suites.gateway.plugin import judge_rule, show

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.suites.gateway.run import GatewayRun


def test_rule(gateway: GatewayRun, rule: Rule) -> None:
    """The target keeps the rule, or there is a reason why that could not be judged."""
    finding = judge_rule(gateway, rule)
    assert finding.rule == rule.id  # noqa: S101  (a test)
    show(finding)
