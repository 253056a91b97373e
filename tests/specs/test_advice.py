"""The checks of advice: what the format takes, and what it says of mistakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imageproof.specs.advice import BESIDE, NAMES, BacksOff, NoBase64, Prefers, TriesAtMost, Waits, WaitsAtLeast
from imageproof.specs.library import load, shipped
from imageproof.specs.problems import SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from imageproof.specs.model import Spec

FILE = """
imageproof: 1
provider: mine
extends: toapis
advice:
  extra: {level: SHOULD, says: a client does as it is told, check: CHECK, source: "assumed: for a test"}
"""


def spec_with(folder: Path, check: str) -> Spec:
    path = folder / "mine.yaml"
    path.write_text(FILE.replace("CHECK", check), encoding="utf-8")
    return load(str(path))


@pytest.mark.parametrize(
    ("written", "check"),
    [
        ("no_base64", NoBase64()),
        ("{waits_at_least: 6m}", WaitsAtLeast(seconds=360.0)),
        ("{tries_at_most: 2, on: 5xx}", TriesAtMost(times=2, on=("5xx",))),
        ("{tries_at_most: 2, on: [internal, timeout]}", TriesAtMost(times=2, on=("internal", "timeout"))),
        ("{backoff_on: rate_limited}", BacksOff(on=("rate_limited",))),
        ("{waits: [500ms, 1s], on: 4xx}", Waits(seconds=(0.5, 1.0), on=("4xx",))),
        ("{prefers: a, over: b}", Prefers(what="a", over="b")),
        ("{prefers: url, in: kind}", Prefers(what="url", within="kind")),
    ],
)
def test_a_check_is_read(tmp_path: Path, written: str, check: object) -> None:
    assert spec_with(tmp_path, written).checks["mine/advice/extra"] == check


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("no_base46", "did you mean 'no_base64'"),
        ("nothing_like_it", "known are no_base64"),
        ("waits_at_least", "'waits_at_least' needs parameters"),
        ("{on: 5xx}", "'on' is no check"),
        ("{wait_at_least: 6m}", "waits_at_least"),
        ("{waits_at_least: soon}", "duration such as 30s"),
        ("{tries_at_most: 2}", "expected tries_at_most to say on what"),
        ("{tries_at_most: 0, on: 5xx}", "1"),
        ("{tries_at_most: 2, on: rate_limite}", "did you mean 'rate_limited'"),
        ("{backoff_on: 5xx, over: a}", "got 'over'"),
        ("{prefers: a}", "exactly one of them"),
        ("{prefers: a, over: b, in: c}", "exactly one of them"),
        ("[no_base64]", "check"),
        ("7", "check"),
    ],
)
def test_a_check_that_is_not_understood_is_a_mistake_with_its_place(tmp_path: Path, written: str, said: str) -> None:
    with pytest.raises(SpecError) as raised:
        spec_with(tmp_path, written)
    text = raised.value.render()
    assert said in text
    assert "mine.yaml:6:" in text


def test_every_kind_of_check_can_be_written_and_most_are_shipped() -> None:
    assert set(BESIDE) < set(NAMES)
    used = {type(check) for name in shipped() for check in load(name).checks.values()}
    assert len(used) == len(NAMES)
