"""Lint: every mistake of a file at once, each at its place with the nearest name, and none where there is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from imageproof.specs.generate import Maker
from imageproof.specs.library import PROVIDERS, load, read_tree, shipped
from imageproof.specs.lint import lint, require_format
from imageproof.specs.problems import SpecError

if TYPE_CHECKING:
    from imageproof.specs.lint import Report

BROKEN = Path(__file__).parent / "broken"
SOUND = BROKEN / "sound.yaml"
LOOKALIKES = Path(__file__).parent / "lookalikes"
BROKEN_NAMES = sorted(path.stem for path in BROKEN.glob("*.yaml") if path != SOUND)

PLACES: dict[str, list[tuple[int, int, str | None]]] = {
    "unknown_keys": [(5, 1, "'operations'"), (6, 8, "'header'"), (10, 16, "'length'")],
    "idle_null": [(5, 1, None), (9, 7, "'mask'")],
    "two_profiles": [(8, 37, "'default'"), (9, 40, None)],
    "unknown_source": [(6, 45, "'page'")],
    "unknown_placeholder": [(7, 30, "'field'"), (8, 43, "'retry_after'"), (12, 18, "{task.id}"), (12, 38, "'shape'")],
    "rule_of_nothing": [(8, 44, "'photo'"), (9, 16, None), (10, 53, None)],
    "unknown_model": [(5, 21, "'pic'"), (5, 35, None), (9, 7, None)],
    "path_placeholders": [(6, 18, "'model'"), (7, 16, None)],
    "unknown_failure": [(7, 5, "'upstream_timeout'")],
    "default_breaks_rules": [(8, 24, "'square'"), (9, 24, None), (10, 25, None)],
    "values_outside": [(8, 44, None), (9, 28, None), (10, 49, None), (11, 58, "'old'")],
    "impossible_price": [(8, 26, "'best'"), (9, 9, None)],
    "unknown_parent": [(4, 10, "'reapi'")],
}
"""Line, column and nearest name of every error of some files."""

BOMB = b"a0: &a0 [x]\n" + b"".join(b"a%d: &a%d [*a%d, *a%d]\n" % (n, n, n - 1, n - 1) for n in range(1, 40))
MANY = """\
imageproof: 1
provider: many
"""


def rendered(name: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The report on a broken file, as one sees it who stands in its folder."""
    monkeypatch.chdir(BROKEN)
    return lint(Path(f"{name}.yaml")).render() + "\n"


def test_every_way_to_be_wrong_has_its_snapshot() -> None:
    assert sorted(path.stem for path in BROKEN.glob("*.txt")) == BROKEN_NAMES
    assert len(BROKEN_NAMES) > 50


@pytest.mark.parametrize("name", BROKEN_NAMES)
def test_a_broken_file_is_told_what_its_snapshot_says(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rendered(name, monkeypatch) == (BROKEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PLACES)
def test_each_mistake_stands_at_its_place_with_the_nearest_name(name: str) -> None:
    report = lint(BROKEN / f"{name}.yaml")
    assert len(report.errors) == len(PLACES[name])
    for problem, (line, column, near) in zip(report.errors, PLACES[name], strict=True):
        assert (problem.mark.line, problem.mark.column) == (line, column)
        assert near is None or problem.hint == f"did you mean {near}?"


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_spec_has_no_mistake(name: str) -> None:
    assert lint(PROVIDERS / f"{name}.yaml").render() == ""


@pytest.mark.parametrize("path", [SOUND, *sorted(LOOKALIKES.glob("*.yaml"))], ids=lambda path: path.stem)
def test_a_sound_file_of_a_stranger_has_no_mistake(path: Path) -> None:
    assert lint(path).render() == ""
    assert load(str(path)).provider == path.stem


def test_a_wrong_part_does_not_hide_what_is_wrong_elsewhere() -> None:
    lines = {problem.mark.line for problem in lint(BROKEN / "many_at_once.yaml").errors}
    assert lines == {5, 7, 9, 13, 15}


def test_what_follows_from_a_part_that_was_left_out_is_not_told(tmp_path: Path) -> None:
    broken = SOUND.read_text(encoding="utf-8").replace("internal: {status: 500,", "internal: {status: fatal,")
    broken = broken.replace("mask: {type: string, url: true}", "mask: [url]")
    assert places(lint_text(tmp_path, broken)) == [(25, 24), (78, 13)]


def test_a_mistake_of_all_profiles_is_told_once(tmp_path: Path) -> None:
    text = SOUND.read_text(encoding="utf-8").replace("default: square", "default: round")
    assert len(lint_text(tmp_path, f"{text}profiles: {{one: {{}}, two: {{}}, three: {{}}}}\n").errors) == 1


def test_warnings_are_no_errors_and_say_so() -> None:
    report = lint(BROKEN / "no_price.yaml")
    assert not report.errors
    assert [problem.mark.line for problem in report.warnings] == [6]
    assert "6:3: warning: " in report.render()


def test_a_flood_of_mistakes_is_cut_and_counted(tmp_path: Path) -> None:
    report = lint_text(tmp_path, MANY + "".join(f"key{number}: 1\n" for number in range(300)))
    assert len(report.errors) == 101
    assert report.errors[-1].message == "201 more like these from here on"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("large.yaml", b"a" * 50_000_000),
        ("binary.yaml", bytes(range(256)) * 20),
        ("bomb.yaml", BOMB),
        ("deep.yaml", b"[" * 100_000),
        ("empty.yaml", b""),
        ("list.yaml", b"[imageproof, 1]\n"),
        ("latin.yaml", "title: caf\u00e9\n".encode("latin-1")),
    ],
)  # fmt: skip
def test_what_is_no_spec_is_told_in_one_sentence(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    report = lint(path)
    assert len(report.errors) == 1
    assert not report.warnings
    assert str(report.errors[0].mark).startswith(str(path))


@pytest.mark.parametrize("name", ["", "missing.yaml", "missing/spec.yaml", "nul\0.yaml"])
def test_a_path_that_cannot_be_read_is_told_in_one_sentence(tmp_path: Path, name: str) -> None:
    assert len(lint(tmp_path / name).errors) == 1


@pytest.mark.parametrize("regex", ["(a+)+b", "(x|x)*y", "x*x*x*x*x*x*y", "([a-z]+)*$"])
def test_an_expression_that_could_take_for_ever_is_not_tried(tmp_path: Path, regex: str) -> None:
    seed = f"seed: {{type: string, pattern: {json.dumps(regex)}}}"
    text = SOUND.read_text(encoding="utf-8").replace("      photo:", f"      {seed}\n      photo:")
    report = lint_text(tmp_path, text)
    assert not report.errors
    assert places(report) == [(77, 37)]


def test_a_request_that_the_makers_cannot_make_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Maker, "least", lambda _: {})
    report = lint(SOUND)
    assert places(report) == [(73, 40)]
    assert not report.errors


def test_a_rule_that_the_makers_cannot_break_is_an_error_only_when_nothing_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imageproof.specs.lint_rules._is_broken_by", lambda *_: False)
    report = lint(BROKEN / "never_broken.yaml")
    assert [problem.mark.line for problem in report.errors] == [8, 10]
    assert len(report.warnings) > 10


def test_loading_a_broken_file_raises_all_that_keeps_it_from_being_read() -> None:
    with pytest.raises(SpecError) as raised:
        load(str(BROKEN / "unknown_keys.yaml"))
    assert [problem.hint for problem in raised.value.problems] == [
        "did you mean 'operations'?", "did you mean 'header'?", "did you mean 'length'?",
    ]  # fmt: skip


def test_what_would_break_the_mock_is_refused_when_a_file_is_loaded() -> None:
    for name in ("bad_pattern", "table_shape", "ends_reversed", "constraint_of_other_type"):
        with pytest.raises(SpecError):
            require_format(read_tree(BROKEN / f"{name}.yaml"))


def lint_text(folder: Path, text: str) -> Report:
    """The report on a file with this text."""
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8")
    return lint(path)


def places(report: Report) -> list[tuple[int, int]]:
    """Line and column of everything that is told."""
    return [(problem.mark.line, problem.mark.column) for problem in (*report.errors, *report.warnings)]
