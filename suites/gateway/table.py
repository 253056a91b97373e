"""Which check judges which rule: one table over the closed sets of topics, and a line for each exception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.contract import Topic
from imageproof.suites.gateway import checks_answers as answers
from imageproof.suites.gateway import checks_money as money
from imageproof.suites.gateway import checks_other as other
from imageproof.suites.gateway import checks_results as results
from imageproof.suites.gateway.checks_defaults import check_changed_value, check_default
from imageproof.suites.gateway.checks_errors import check_error
from imageproof.suites.gateway.checks_failures import check_failure
from imageproof.suites.gateway.checks_pixels import check_pixels
from imageproof.suites.gateway.checks_requests import check_request
from imageproof.suites.gateway.checks_streams import check_stream
from imageproof.suites.gateway.checks_tokens import check_usage_sums

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Spec
    from imageproof.suites.gateway.session import Check

CLIENTS = "addressed to clients, not to a gateway"
GENERAL: dict[str, Check] = {
    "combinations": results.check_combinations,
    "decodes": results.check_decodes,
    "own-result": results.check_own_result,
    "same-result": results.check_same_result,
    "foreign-task": answers.check_foreign,
    "usage-sums": check_usage_sums,
}
BY_TOPIC: dict[Topic, Check] = {
    Topic.ORDER: other.check_order,
    Topic.NUMBERS: other.check_numbers,
    Topic.ERRORS: check_error,
    Topic.STREAM: check_stream,
    Topic.STATES: answers.check_state,
    Topic.FAILURES: check_failure,
    Topic.RETRIES: other.not_for_gateways("what the provider tries again inside is seen by nobody"),
    Topic.RESULTS: results.check_lifetime,
    Topic.POLLING: other.not_for_gateways(CLIENTS),
    Topic.TIMING: other.not_for_gateways("how long a job takes is no promise: other times are allowed"),
    Topic.PIXELS: check_pixels,
    Topic.IMAGES: results.check_images,
    Topic.PRICE: money.check_price,
    Topic.BILLING: money.check_billing,
    Topic.LIMITS: other.check_limit,
    Topic.IDEMPOTENCY: other.check_idempotency,
    Topic.WEBHOOKS: other.not_for_gateways("a call back needs an address that the gateway can reach"),
    Topic.DEFAULTS: check_default,
    Topic.ADVICE: other.not_for_gateways(CLIENTS),
    Topic.GENERAL: answers.check_ambient,
}
AMBIENT_LAST = frozenset({Topic.GENERAL, Topic.STATES})
CHANGED = ("downgraded", "decided")
LATE = frozenset({Topic.PRICE, Topic.BILLING, Topic.LIMITS})


def check_for(spec: Spec, rule: Rule) -> Check:
    """The check of a rule."""
    topic = getattr(rule.kind, "topic", None)
    if not isinstance(topic, Topic):
        return check_request
    parts = rule.id.removeprefix(f"{spec.name}/").split("/")
    if topic is Topic.AUTH:
        return (
            answers.check_header
            if parts[1] == "header"
            else other.not_for_gateways("a gateway issues keys of its own form")
        )
    if topic is Topic.ANSWERS:
        return _of_answers(parts)
    if topic is Topic.IMAGES and parts[-1] in CHANGED:
        return check_changed_value
    if topic is Topic.GENERAL:
        return GENERAL.get(parts[1], answers.check_ambient)
    return BY_TOPIC[topic]


def _of_answers(parts: list[str]) -> Check:
    if parts[-1] == "route":
        return answers.check_route
    if parts[-1] == "unknown-fields":
        return answers.check_unknown_fields
    return answers.check_ambient if parts[1] == "request-id" else answers.check_answer


def running_order(rule: Rule) -> int:
    """When a rule is judged: what others rest on first, money near the end, what is seen in passing at the very end."""
    topic = getattr(rule.kind, "topic", None)
    if topic in (Topic.AUTH, Topic.ANSWERS):
        return 0
    if topic is Topic.ERRORS:
        return 1
    if topic in LATE:
        return 3
    return 4 if topic in AMBIENT_LAST else 2
