"""The generated pages are fresh, say what the code says, and are told when they are not."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from imageproof.cli.docs import docs, pages, stale, write
from imageproof.cli.markdown import code, table, text
from imageproof.cli.page_mock import SETTINGS
from imageproof.mock_server.control import ROUTES
from imageproof.mock_server.powers import SETTINGS as TAKEN
from imageproof.mock_server.triggers import cards
from imageproof.specs.library import load, shipped

ROOT = Path(__file__).parents[2]


def test_the_pages_in_the_repository_are_fresh() -> None:
    assert stale(ROOT / "docs" / "reference", pages()) == []


def test_every_rule_of_every_contract_and_profile_has_its_row() -> None:
    written = pages()
    for name in shipped():
        spec = load(name)
        for one in (spec, *(load(f"{name}@{profile}") for profile in spec.profiles[1:])):
            page = written[f"rules/{one.name}.md"]
            assert [rule.id for rule in one.rules if f"| {code(rule.id)} |" not in page] == []


def test_the_pages_of_the_mock_list_every_route_card_and_setting() -> None:
    written = pages()
    routes = [route.split(" ", 1) for route in ROUTES]
    assert [path for _, path in routes if f"`/__imageproof__/{path}`" not in written["control-api.md"]] == []
    assert [card.write for card in cards() if f"| `{card.write}` |" not in written["triggers.md"]] == []
    assert tuple(SETTINGS) == TAKEN


def test_the_page_of_the_command_line_lists_every_option_with_its_variable() -> None:
    page = pages()["cli.md"]
    for part in (
        "## imageproof mock",
        "`--ready-json`",
        "`IMAGEPROOF_READY_JSON`",
        "## imageproof spec lint",
        "| `5` |",
    ):
        assert part in page


def test_no_page_names_a_folder_of_the_machine_that_wrote_it() -> None:
    assert [name for name, page in pages().items() if str(ROOT) in page] == []


def test_pages_that_are_missing_changed_or_gone_are_stale_until_they_are_written(tmp_path: Path) -> None:
    wanted = {"a.md": "a\n", "rules/b.md": "b\n"}
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "gone.md").write_text("x", encoding="utf-8")
    (tmp_path / "a.md").write_text("old", encoding="utf-8")
    (tmp_path / "by-hand.md").write_text("kept", encoding="utf-8")
    assert stale(tmp_path, wanted) == ["a.md", "rules/b.md", "rules/gone.md"]
    write(tmp_path, wanted)
    assert stale(tmp_path, wanted) == []
    assert (tmp_path / "by-hand.md").read_text(encoding="utf-8") == "kept"


def test_a_folder_that_is_no_clone_is_left_alone(tmp_path: Path) -> None:
    result = CliRunner().invoke(docs, ["--root", str(tmp_path)])
    assert result.exit_code == 2
    assert str(tmp_path) in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_check_names_what_is_out_of_date_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    result = CliRunner().invoke(docs, ["--check", "--root", str(tmp_path)])
    assert result.exit_code == 1
    assert "triggers.md" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["pyproject.toml"]


def test_what_was_written_passes_the_check(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    assert CliRunner().invoke(docs, ["--root", str(tmp_path)]).exit_code == 0
    assert CliRunner().invoke(docs, ["--check", "--root", str(tmp_path)]).exit_code == 0


@pytest.mark.parametrize(
    ("raw", "escaped"),
    [
        ("a|b", "a\\|b"),
        ("a*b", "a\\*b"),
        ("<b>", "\\<b>"),
        ("a\n b", "a b"),
        ("\\d", "\\\\d"),
        ("[x](y)", "\\[x\\](y)"),
    ],
)
def test_text_means_nothing_to_markdown(raw: str, escaped: str) -> None:
    assert text(raw) == escaped


def test_code_in_a_table_keeps_its_bars_and_backticks() -> None:
    assert code("a|b") == "`a\\|b`"
    assert code("a`b") == "``a`b``"
    assert code("") == ""


def test_a_table_without_rows_is_nothing() -> None:
    assert table(["A"], []) == []
    assert table(["A", "B"], [["1", "2"]]) == ["| A | B |", "|---|---|", "| 1 | 2 |"]
