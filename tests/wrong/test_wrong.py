"""Each wrong client is caught under its rule; the page that says so is up to date."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from imageproof.specs.client import client_rules
from imageproof.specs.library import load
from imageproof.specs.scenario_reading import fits, scenarios
from tests.wrong.catching import Caught, Wrong, all_caught, run_all, wrong_clients
from tests.wrong.table import PAGE

LEAST = 44
CLIENTS = wrong_clients()
pytestmark = pytest.mark.xdist_group("wrong clients")  # one worker runs them all, side by side
ROW = re.compile(r"^\| `(\w+)` \| (.+?) \| `([\w/-]+)` \|", re.MULTILINE)
BESIDES: dict[str, set[str]] = {
    "asks_for_urls": {"client/outcome"},
    "base64_references": {"client/outcome", "client/requests"},
    "forbidden_field": {"client/outcome"},
    "impatient_with_images": {"client/patience"},
    "ignores_stream_errors": {"client/bytes"},
    "resubmits_moderated_tasks": {"client/submits-once"},
    "resubmits_unread_answers": {"client/reads-body"},
    "saves_error_pages": {"client/bytes"},
    "takes_unfinished_streams": {"client/bytes"},
    "waiting_again_fails": {"client/patience"},
}
"""The rules of level MUST that a lie breaks too, as it has more than one consequence. By name of the client."""


@pytest.fixture(scope="module")
def told() -> dict[str, Caught]:
    return {row.wrong.name: row for row in all_caught()}


def test_there_are_many_and_each_lies_alone() -> None:
    assert len(CLIENTS) >= LEAST
    assert len({client.lie for client in CLIENTS}) == len(CLIENTS)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: str(client.name))
def test_its_rule_and_scenarios_exist_at_its_provider(client: Wrong) -> None:
    spec = load(client.spec)
    by_name = {scenario.name: scenario for scenario in scenarios()}
    assert client.rule in {rule.id for rule in client_rules(spec)}
    assert [name for name in client.scenarios if name not in by_name or fits(spec, by_name[name])] == []


def test_the_good_one_among_them_breaks_nothing() -> None:
    honest = [
        replace(client, name="base", timeout_s=None)
        for client in {(item.spec, item.scenarios): item for item in CLIENTS}.values()
    ]
    broken = {
        (row.wrong.spec, row.wrong.scenarios): sorted(row.failed | row.warned) + [row.trouble] * bool(row.trouble)
        for row in run_all(honest)
        if row.failed | row.warned or row.trouble
    }
    assert broken == {}


@pytest.mark.parametrize("name", [client.name for client in CLIENTS])
def test_it_is_caught_under_its_rule(name: str, told: dict[str, Caught]) -> None:
    row = told[name]
    assert row.trouble == ""
    assert row.is_named, f"{row.wrong.lie} It was told: {sorted(row.failed | row.warned) or 'nothing'}"
    assert {rule.partition("/")[2] for rule in row.besides} <= BESIDES.get(name, set())


def test_the_page_names_each_of_them() -> None:
    rows = {name: (lie, rule) for name, lie, rule in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    assert rows == {client.name: (" ".join(client.lie.split()), client.rule) for client in CLIENTS}
