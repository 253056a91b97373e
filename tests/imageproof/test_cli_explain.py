"""`imageproof explain` and `imageproof triggers`: what is told is what the checks do."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from imageproof.cli.explanation import place, shown
from imageproof.cli.main import cli
from imageproof.mock_server.triggers import cards
from imageproof.specs.check import Checker, check_selector
from imageproof.specs.client import client_rules
from imageproof.specs.contract import Statement
from imageproof.specs.facts import Rule
from imageproof.specs.files import FileFacts
from imageproof.specs.kinds import Ignored
from imageproof.specs.library import load, shipped
from imageproof.specs.model import Spec
from imageproof.specs.pairs import pair_for, pointers, shape_of
from imageproof.specs.problems import Mark

SPECS = [
    spec for name in shipped() for spec in (load(name), *(load(f"{name}@{more}") for more in load(name).profiles[1:]))
]


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["explain", *arguments])


def broken_by(spec: Spec, rule: Rule, body: dict[str, object]) -> list[str]:
    """The ids of the rules that a body breaks, judged as the mock judges it."""
    shape = shape_of(spec, rule)
    chosen = (
        [found.rule.id for found in check_selector(spec.selector, body)]
        if shape is None or shape.model in spec.models
        else []
    )
    selector = spec.selector if shape is not None and shape.model in spec.models else None
    return chosen + ([found.rule.id for found in Checker(shape, selector).check(body)] if shape else [])


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_rule_of_a_request_has_a_body_that_breaks_it_alone_and_its_mended_twin(spec: Spec) -> None:
    rules = [rule for rule in spec.rules if not isinstance(rule.kind, Statement | Ignored)]
    assert rules
    for rule in rules:
        pair = pair_for(spec, rule)
        assert pair is not None, rule.id
        assert broken_by(spec, rule, pair.breaks) == [rule.id]
        assert broken_by(spec, rule, pair.keeps) == []
        assert pair.violation.rule == rule
        assert len(pair.pointers) == 1, rule.id


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_rule_of_a_contract_can_be_explained(spec: Spec) -> None:
    result = explain(f"{spec.name}/**")
    assert result.exit_code == 0
    told = [
        part.split("\n", 1)[0] for part in result.stdout.split("\n\n") if "\n  " in part and not part.startswith(" ")
    ]
    assert sorted(told) == sorted({rule.id for rule in (*spec.rules, *client_rules(spec))})


def test_an_explanation_says_where_the_rule_is_known_from_and_where_it_stands() -> None:
    spec = SPECS[0]
    rule = next(rule for rule in spec.rules if rule.source.tag and rule.error)
    page, told = spec.sources[rule.source.tag or ""], explain(rule.id).stdout
    answer = spec.errors[rule.error or ""]
    for part in (rule.sentence, rule.level, rule.source.how, page.title, page.url, page.seen, rule.source.place):
        assert part in told
    assert f"{Path(rule.mark.file).name}:{rule.mark.line}:{rule.mark.column}" in told
    assert f"{answer.name}: status {answer.status}" in told


def test_an_explanation_says_what_other_places_say_instead() -> None:
    spec, rule = next((spec, rule) for spec in SPECS for rule in spec.rules if rule.contradicts)
    told = explain(rule.id).stdout
    for other in rule.contradicts:
        assert f"{other.says} (not in force)" in told
        assert other.source.place in told
    assert spec.sources[rule.contradicts[0].source.tag or ""].url in told


def test_the_message_is_that_of_the_example() -> None:
    rule = next(
        rule
        for spec in SPECS
        for rule in spec.rules
        if rule.error and rule.message is None and "{field}" in spec.errors[rule.error].message
    )
    told = explain(rule.id).stdout
    assert "{field}" not in told
    assert "{reason}" not in told


def test_a_pattern_finds_rules_in_all_shipped_contracts_and_their_profiles() -> None:
    told = explain("*/auth/header").stdout
    assert [line for line in told.splitlines() if line.endswith("/auth/header")] == [
        f"{spec.name}/auth/header" for spec in SPECS
    ]


def test_a_rule_of_a_file_is_found_when_the_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"imageproof: 1\nextends: {shipped()[0]}\nprovider: mine\n", encoding="utf-8")
    assert explain("--spec", str(path), "mine/auth/header").stdout.startswith("mine/auth/header\n")
    assert explain("mine/auth/header").exit_code == 2


def test_an_unknown_rule_is_one_sentence_with_the_nearest_ids() -> None:
    rule = next(rule for rule in SPECS[0].rules if rule.error)
    result = explain(f"{rule.id}s")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert rule.id in result.stderr


def test_a_pattern_that_matches_nothing_says_what_ids_look_like() -> None:
    result = explain("zzzz")
    assert result.exit_code == 2
    assert SPECS[0].rules[0].id in result.stderr


@pytest.mark.parametrize(
    ("one", "other", "different"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {"a": 1.0}, ["/a"]),
        ({"a": 1}, {"a": True}, ["/a"]),
        ({"a": 1}, {}, ["/a"]),
        ({}, {"": 1}, ["/"]),
        ({"a/b": {"c~d": 1}}, {"a/b": {"c~d": 2}}, ["/a~1b/c~0d"]),
        ({"a": [1, 2]}, {"a": [1, 3]}, ["/a/1"]),
        ({"a": [1, 2]}, {"a": [1]}, ["/a"]),
        ({"a": 1, "b": 2}, {"b": 3, "c": 4}, ["/a", "/b", "/c"]),
    ],
)
def test_pointers_lead_to_every_difference(one: object, other: object, different: list[str]) -> None:
    assert list(pointers(one, other)) == different


def test_whatever_is_long_is_cut_and_says_how_long_it_was() -> None:
    text = shown({"a": "x" * 4001, "b": ["y"] * 17, "c": ["z"], "d": {"e": "x" * 61}})
    assert len(text) < 200
    assert "4,001 characters" in text
    assert "17 entries" in text
    assert json.loads(text)["c"] == ["z"]


def test_a_file_is_told_by_what_is_known_of_it() -> None:
    text = shown({"mask": FileFacts(format="png", width=64, height=48, has_alpha=True, size=2000)})
    assert text == '{"mask": "<a file: png with alpha, 64x48, 2,000 bytes>"}'


def test_a_place_below_the_current_folder_is_told_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = Mark(str(tmp_path / "inner" / "a.yaml"), 3, 7)
    monkeypatch.chdir(tmp_path)
    assert place(mark) == f"{Path('inner', 'a.yaml')}:3:7"
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert place(mark) == f"{tmp_path.resolve() / 'inner' / 'a.yaml'}:3:7"


def test_the_table_of_triggers_is_that_of_the_mock() -> None:
    told = json.loads(CliRunner().invoke(cli, ["triggers", "--json"]).stdout)
    assert [(item["write"], item["does"]) for item in told] == [(card.write, card.does) for card in cards()]


def test_the_table_of_triggers_for_people_has_every_card() -> None:
    told = CliRunner().invoke(cli, ["triggers"]).stdout
    ends = ("  ", "\n")  # what is long stands on a line of its own
    assert [card.write for card in cards() if not any(f"  {card.write}{end}" in told for end in ends)] == []
