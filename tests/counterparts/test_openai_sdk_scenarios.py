"""The SDKs of OpenAI, unchanged and with their default settings, where a provider misbehaves.

What they break was looked at by hand, and stands in docs/field-notes.md. A rule more or less is news: an SDK has
changed, or one of our judges has. The scenarios here are those that tell the two SDKs, or two providers, apart, and
some that both take well; the field notes say how to play all of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from imageproof.client_config import ClientConfig, chosen
from imageproof.client_run import ClientRun
from imageproof.specs.client import client_rules
from imageproof.specs.facts import Level
from imageproof.specs.library import load
from imageproof.specs.scenario_reading import scenarios
from imageproof.suites.client.watch import Told
from tests.counterparts.test_openai_node import missing

FOLDER = Path(__file__).parent / "sdk"
PATIENCE_S = 200.0
PYTHON, NODE = (sys.executable, str(FOLDER / "openai_python.py")), ("node", str(FOLDER / "openai_node.mjs"))
Broken = dict[str, set[str]]

ENDS, OUTCOME, IMAGES, READS_BODY = "client/ends", "client/outcome", "client/images", "client/reads-body"
SUBMITS_ONCE, NEVER_RETRIED = "client/submits-once", "client/never-retried"

FINE: Broken = {name: set() for name in ("plain", "streamed", "with-files", "submit-unavailable", "stream-error")}
BOTH: Broken = FINE | {
    "error-in-200": {READS_BODY},
    "sync-no-data": {READS_BODY, IMAGES},
    "stream-incomplete": {OUTCOME, IMAGES},
    "truncated-answer": {ENDS},
    "no-credit": {NEVER_RETRIED},
}
AT_APIYI: dict[str, Broken] = {
    "python": BOTH | {"submit-cut": set(), "stream-cut": set()},
    "node": BOTH | {"submit-cut": {ENDS}, "stream-cut": {ENDS}},
}
# APIYI advises to send an order again after a time-out or a 5xx, and OpenAI does not.
AGAIN: Broken = {name: {SUBMITS_ONCE} for name in ("lost-submit-gateway", "lost-submit-reset", "submit-half-closed")}
AT_OPENAI: dict[str, Broken] = {
    "python": AGAIN | {"several-images": set(), "submit-cut": {SUBMITS_ONCE}},
    "node": AGAIN | {"several-images": set(), "submit-cut": {ENDS}},
}

by_sdk = pytest.mark.parametrize(
    ("sdk", "command"),
    [
        pytest.param("python", PYTHON, id="python"),
        pytest.param("node", NODE, id="node", marks=pytest.mark.skipif(missing() is not None, reason=str(missing()))),
    ],
)


def broken(spec: str, command: tuple[str, ...], names: Broken) -> Broken:
    """The rules of level MUST that a client breaks, by scenario and without the name of the provider."""
    must = {rule.id for rule in client_rules(load(spec)) if rule.level is Level.MUST}
    config = ClientConfig(
        spec=spec, command=command, scenarios=chosen(scenarios(), names), clock="60x", timeout_s=PATIENCE_S
    )
    state = ClientRun(config).run()
    assert (state.not_started, state.mistakes) == (None, [])
    assert [item.name for item in state.played if item.watch.answer.told is Told.UNSUPPORTED] == []
    return {item.name: {rule.removeprefix(f"{spec}/") for rule in item.broken if rule in must} for item in state.played}


@by_sdk
def test_at_apiyi_they_break_the_rules_of_the_field_notes(sdk: str, command: tuple[str, ...]) -> None:
    assert broken("apiyi", command, AT_APIYI[sdk]) == AT_APIYI[sdk]


@by_sdk
def test_at_openai_they_order_again_what_may_have_been_taken(sdk: str, command: tuple[str, ...]) -> None:
    assert broken("openai", command, AT_OPENAI[sdk]) == AT_OPENAI[sdk]
