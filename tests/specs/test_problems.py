"""Problems as people see them: place, line, caret and hint; and guesses at what a word should have been."""

import copy
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.specs.problems import Mark, Problem, SpecError, did_you_mean, lines_of, nearest, render

FILE = "a.yaml"


def shown(source: str, column: int, *, line: int = 1, hint: str | None = None) -> list[str]:
    """What is printed below the message of a problem at this place."""
    problem = Problem(Mark(FILE, line, column), "wrong", hint=hint)
    return render([problem], lines_of({FILE: source})).splitlines()[1:]


def test_a_problem_shows_place_line_caret_and_hint() -> None:
    problem = Problem(Mark("specs/x.yaml", 2, 5), "unknown key 'szie'", hint="did you mean 'size'?")

    assert render([problem], lines_of({"specs/x.yaml": "a:\n    szie: 3\n"})) == (
        "specs/x.yaml:2:5: unknown key 'szie'\n"
        "        szie: 3\n"
        "        ^\n"
        "    hint: did you mean 'size'?"
    )  # fmt: skip


def test_problems_are_sorted_by_file_and_position_and_told_once() -> None:
    late, early, other = (Problem(Mark(*place), "wrong") for place in (("b", 9, 1), ("b", 2, 7), ("a", 10, 1)))
    whole = Problem(Mark.of_file("b"), "wrong")

    assert render([late, early, other, late, whole], lines_of()).splitlines() == [
        "a:10:1: wrong",
        "b: wrong",
        "b:2:7: wrong",
        "b:9:1: wrong",
    ]


@pytest.mark.parametrize(
    ("source", "column", "line", "caret"),
    [
        ("abc", 1, "    abc", "    ^"),
        ("abc", 4, "    abc", "       ^"),
        ("abc", 99, "    abc", "       ^"),
        ("\ta: b", 2, "        a: b", "        ^"),
        ("a\tb", 3, "    a    b", "         ^"),
        ("提示词: x", 6, "    提示词: x", "            ^"),
        ("\uff57\uff49\uff44\uff45 x", 6, "    \uff57\uff49\uff44\uff45 x", "             ^"),
        ("e\u0301: x", 5, "    e\u0301: x", "       ^"),
        ("\x1b[31mred", 1, "    \N{REPLACEMENT CHARACTER}[31mred", "    ^"),
    ],
)
def test_the_caret_stands_below_the_character(source: str, column: int, line: str, caret: str) -> None:
    assert shown(source, column) == [line, caret]


@pytest.mark.parametrize("column", [1, 40, 500, 960, 1000])
@pytest.mark.parametrize("letter", ["x", "字"])
def test_a_long_line_is_cut_around_the_caret(column: int, letter: str) -> None:
    source = letter * (column - 1) + "!" + letter * (1000 - column)

    line, caret = shown(source, column)

    columns = {"字": 2}
    before, after = line.split("!")
    assert sum(columns.get(character, 1) for character in before) == len(caret) - 1
    assert 90 <= sum(columns.get(character, 1) for character in line) <= 4 + 96 + 6
    assert before.startswith("    ...") == (before.count(letter) < column - 1)
    assert after.endswith("...") == (after.count(letter) < 1000 - column)


def test_lines_end_where_editors_end_them() -> None:
    source = "a\r\nb\rc\nd\x0be\u2028f"

    assert [lines_of({FILE: source})(FILE, line) for line in range(6)] == [None, "a", "b", "c", "d\x0be\u2028f", None]


def test_lines_come_from_disk_where_no_text_is_given(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: \xff\n")
    error = SpecError([Problem(Mark(str(file), 1, 7), "wrong")])

    assert error.render().splitlines()[1:] == ["    name: \N{REPLACEMENT CHARACTER}", "          ^"]


@pytest.mark.parametrize("name", ["", ".", "missing.yaml", "nul\0.yaml", "x" * 5000])
def test_a_file_that_cannot_be_read_has_no_lines(name: str, tmp_path: Path) -> None:
    assert lines_of()(str(tmp_path / name), 1) is None


def test_a_blank_line_is_not_shown() -> None:
    assert shown("   ", 2, hint="write something") == ["    hint: write something"]


def test_the_error_says_everything_without_its_files() -> None:
    error = SpecError([Problem(Mark("a", 1, 2), "wrong"), Problem(Mark.of_file("b"), "worse")])

    assert str(error) == "a:1:2: wrong\nb: worse"


@pytest.mark.parametrize("duplicate", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301
def test_the_error_survives_copying_and_another_process(duplicate: "object") -> None:
    error = SpecError([Problem(Mark(FILE, 1, 1), "wrong")], sources={FILE: "x"})

    again = duplicate(error)  # type: ignore[operator]

    assert (again.problems, again.render()) == (error.problems, error.render())


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("width", "width"),
        ("WIDTH", "width"),
        ("widht", "width"),
        ("wdth", "width"),
        ("widthh", "width"),
        ("output-format", "output_format"),
        ("outputFormat", "output_format"),
        ("output_fromat", "output_format"),
        ("szie", "size"),
        ("res", "resolution"),
        ("resolutoin", "resolution"),
        ("si", None),
        ("z", None),
        ("", None),
        ("provider", None),
        ("x" * 100_000, None),
    ],
)
def test_nearest(word: str, meant: str | None) -> None:
    assert nearest(word, ["width", "size", "output_format", "output_compression", "resolution", "n"]) == meant


def test_a_beginning_of_two_words_is_near_none() -> None:
    assert nearest("output", ["output_format", "output_compression"]) is None


def test_nearest_does_not_depend_on_order() -> None:
    assert nearest("bat", ["cat", "bar"]) == nearest("bat", ["bar", "cat"]) == "bar"


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1))
def test_a_known_word_is_near_something_that_reads_the_same(known: list[str]) -> None:
    near = nearest(known[0], known)

    assert near is None or near in known


@given(st.text(alphabet="abcdefgh", min_size=4, max_size=12), st.data())
def test_two_exchanged_letters_are_near(word: str, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(word) - 2))
    exchanged = word[:index] + word[index + 1] + word[index] + word[index + 2 :]

    assert nearest(exchanged, [word, "0000000000"]) == word


def test_the_hint_names_the_nearest_word() -> None:
    assert did_you_mean("szie", ["size"]) == "did you mean 'size'?"
    assert did_you_mean("colour", ["size"]) is None
