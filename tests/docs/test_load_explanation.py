"""The page about how load is measured says what the code does: its goals, its rules and its numbers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from imageproof.loadtests import bootstrap, capacity, comparison, selfcheck, verdicts
from imageproof.loadtests.conservation import Breach
from imageproof.loadtests.goals import read_goal
from imageproof.loadtests.intervals import share_interval
from imageproof.loadtests.phases import HAS_NAIVE
from imageproof.loadtests.rates import EDGE
from imageproof.loadtests.waterfall import HELD, POLLED

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "how-load-is-measured.md"
TEXT = re.sub(r"\s+", " ", PAGE.read_text(encoding="utf-8"))


def test_every_goal_of_the_page_can_be_read() -> None:
    goals = re.findall(r"`([a-z_0-9.]+<[0-9.]+[a-z%]+)`", TEXT)
    assert len(goals) >= 2
    assert [read_goal(goal).text for goal in goals] == goals


@pytest.mark.parametrize("breach", list(Breach))
def test_every_rule_of_conservation_is_told_in_its_words(breach: Breach) -> None:
    assert f"| `{breach}` | {breach.means} |" in TEXT


def test_every_phase_with_a_planned_start_is_named() -> None:
    sentence = TEXT[TEXT.index("So `submit`") : TEXT.index("are counted from when a job was due")]
    assert set(re.findall(r"`([a-z_0-9]+)`", sentence)) == HAS_NAIVE


def test_the_parts_of_the_waterfall_are_those_that_are_measured() -> None:
    assert all(re.search(rf"\| [a-z, ]*{part}[a-z, ]* \|", TEXT) for part in POLLED)
    assert " + ".join(HELD) in TEXT


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    limits = selfcheck.Limits()
    assert (limits.cpu, limits.delivered, selfcheck.LEAST_S) == (0.9, 0.98, 0.005)
    assert (verdicts.needed(99), verdicts.needed(99.9), verdicts.BEYOND) == (1000, 10_000, 10)
    sure = [count for count in (298, 299) if share_interval(0, count, verdicts.ONE_SIDED).high <= 0.01]
    assert sure == [299]
    assert (EDGE, bootstrap.FEWEST_BLOCKS, comparison.CONFIDENCE) == (0.05, 5, 0.99)
    search = capacity.Search(start=1, least=1)
    assert (search.confidence, search.most, search.precision) == (0.85, 7, 0.05)
    assert capacity.met_more_often(2, 0) >= search.confidence > capacity.met_more_often(1, 0)
