"""What differs between two requests is marked, and nothing else is; JSON is spread without a change."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imageproof.records.lines import Content, Request
from imageproof.reports.html_diff import LONGEST_LINE, MOST_ROWS, Row, body_lines, request_lines, side_by_side, text_of
from imageproof.reports.html_indent import spread
from imageproof.reports.html_weight import weight


def marks(rows: tuple[Row, ...]) -> list[tuple[str, str, str]]:
    return [(row.mark, row.left.changed, row.right.changed) for row in rows if row.mark]


def body(text: str) -> Request:
    return Request(method="POST", url="/", body=Content(size=len(text), kind="application/json", text=text))


def test_only_the_changed_value_is_marked() -> None:
    left, right = body('{"a":1,"size":"7:7","z":[1,2]}'), body('{"a":1,"size":"1:1","z":[1,2]}')
    assert marks(side_by_side(request_lines(left), request_lines(right))) == [("changed", "7:7", "1:1")]


def test_a_field_that_one_side_lacks_is_marked_alone_and_not_the_comma_before_it() -> None:
    rows = side_by_side(request_lines(body('{"a":1,"b":2}')), request_lines(body('{"a":1}')))
    assert marks(rows) == [("left", '  "b": 2', "")]
    assert [row.right.is_there for row in rows if row.mark] == [False]


def test_texts_that_differ_behind_the_cut_still_differ() -> None:
    rows = side_by_side(["x" * 4000], ["x" * 4001])
    assert marks(rows) == [("changed", "", "x")]
    assert len(rows[0].left.before) < LONGEST_LINE + 40


def test_long_stretches_without_a_difference_are_folded() -> None:
    lines = [str(number) for number in range(100)]
    rows = side_by_side(lines, [*lines[:50], "other", *lines[51:]])
    assert [row.folded for row in rows if row.folded] == [44, 43]
    assert marks(rows) == [("changed", "50", "other")]


def test_endless_differences_end() -> None:
    rows = side_by_side([f"a{number}" for number in range(5000)], [f"b{number}" for number in range(5000)])
    assert len(rows) == MOST_ROWS + 1
    assert rows[-1].folded > 0


@given(st.lists(st.text("ab,", max_size=4), max_size=12), st.lists(st.text("ab,", max_size=4), max_size=12))
def test_no_line_is_lost(left: list[str], right: list[str]) -> None:
    rows = [row for row in side_by_side(left, right) if not row.folded]
    for lines, side in ((left, "left"), (right, "right")):
        sides = [getattr(row, side) for row in rows]
        shown = [part.before + part.changed + part.after for part in sides if part.is_there]
        assert shown == lines or len(lines) > 12


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ('{"a":1.0,"a":1e400}', ["{", '  "a": 1.0,', '  "a": 1e400', "}"]),
        ('{"a":[],"b":{}}', ["{", '  "a": [],', '  "b": {}', "}"]),
        ('["{,:}\\"",null]', ["[", '  "{,:}\\"",', "  null", "]"]),
        ('{"a":', ['{"a":']),
        ("plain, [text]", ["plain, [text]"]),
    ],
)
def test_json_is_spread_and_its_tokens_are_not_touched(text: str, lines: list[str]) -> None:
    assert spread(text).split("\n") == lines


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON_VALUES)
def test_spread_json_means_the_same(value: object) -> None:
    assert json.loads(spread(json.dumps(value))) == value


def test_a_very_deep_answer_is_left_as_it_is() -> None:
    deep = "[" * 30_000 + "]" * 30_000
    assert spread(deep) == deep


def test_a_body_says_what_of_it_is_not_there() -> None:
    assert body_lines(Content(size=1234, kind="image/png")) == ["[1,234 bytes of image/png]"]
    assert body_lines(Content(size=99, text="begin", cut=True)) == ["begin", "[cut in the record: 99 bytes in all]"]
    assert text_of(["abcdef"], 4) == "abcd\n[cut: 2 more characters]"


def test_weight_counts_what_escaping_adds() -> None:
    assert weight("a<b", "\x00") == len("a&lt;b") + len(r"\x00")
