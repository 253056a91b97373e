"""Text from strangers is shown and never obeyed."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from imageproof.reports.wire_text import one_line, plain, shortened
from tests.reports.runs import HOSTILE, HOSTILE_TOKENS


def test_escapes_and_invisible_marks_are_spelled() -> None:
    shown = one_line(HOSTILE)
    assert not [token for token in HOSTILE_TOKENS if token in shown]
    assert shown.startswith(r"\x1b]0;owned\x07\x1b[31mred\x1b[0m ")
    assert r"\u202eesrever\u202c \u2028 \x00" in shown
    assert shown.endswith("中文 🦊")


def test_line_ends_stay_only_where_they_are_wanted() -> None:
    assert one_line("a\r\n\tb") == r"a\r\n\tb"
    assert plain("a\r\n\tb") == "a\\r\n\tb"


def test_emoji_that_are_joined_stay_whole() -> None:
    assert one_line("👩‍💻 क्‍ष") == "👩‍💻 क्‍ष"


@given(st.text(st.characters(exclude_categories=())))
def test_no_text_at_all_keeps_anything_that_a_terminal_obeys(text: str) -> None:
    shown = one_line(text)
    assert {unicodedata.category(char) for char in shown} & {"Cc", "Cs", "Zl", "Zp"} == set()
    assert one_line(shown) == shown


def test_a_text_that_is_cut_says_so() -> None:
    assert shortened("abc", 3) == "abc"
    assert shortened("a" * 50, 20) == "aaaaaaaaaaa... (cut)"
