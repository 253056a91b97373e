"""Parts of files and unchanged files: what RFC 9110 says of ranges and conditions, as decisions."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imageproof.mock_server.ranges import Validators, Wanted, date_of, part_of, wanted

SIZE = 1000
MODIFIED = 784_111_777  # Sun, 06 Nov 1994 08:49:37 GMT, the example of the RFC
DATES = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994")
EARLIER, LATER = "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:38 GMT"
THIS = Validators(tag='"abc"', modified=MODIFIED)
WHOLE = (200, 0, 0)


def told(found: Wanted) -> tuple[int, int, int]:
    return found.status, found.start, found.end


# one range


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("bytes=0-0", (206, 0, 1)),
        ("bytes=0-499", (206, 0, 500)),
        ("bytes=500-", (206, 500, 1000)),
        ("bytes=999-", (206, 999, 1000)),
        ("bytes=0-", (206, 0, 1000)),
        ("bytes=500-4000", (206, 500, 1000)),
        ("bytes=-1", (206, 999, 1000)),
        ("bytes=-1000", (206, 0, 1000)),
        ("bytes=-5000", (206, 0, 1000)),
        ("bytes=007-008", (206, 7, 9)),
        ("Bytes=5-6", (206, 5, 7)),
        ("bytes= ,5-6, ,", (206, 5, 7)),
        ("bytes=0-" + "9" * 5000, (206, 0, 1000)),
        ("bytes=1000-", (416, 0, 0)),
        ("bytes=5000-6000", (416, 0, 0)),
        ("bytes=-0", (416, 0, 0)),
        ("bytes=" + "9" * 5000 + "-", (416, 0, 0)),
        # malformed, of another unit, or more than one: passed over
        ("", WHOLE),
        ("bytes", WHOLE),
        ("bytes=", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=5", WHOLE),
        ("bytes=6-5", WHOLE),
        ("bytes=a-b", WHOLE),
        ("bytes=0x1-2", WHOLE),
        ("bytes=1.5-2", WHOLE),
        ("bytes=--5", WHOLE),
        ("bytes=+1-2", WHOLE),
        ("bytes 0-5", WHOLE),
        ("bytes=0 - 5", WHOLE),
        ("bytes=\u0661-\u0662", WHOLE),
        ("pages=1-2", WHOLE),
        ("bytes=0-1,5-6", WHOLE),
        ("bytes=0-1, bytes=5-6", WHOLE),
    ],
)
def test_a_range_means_a_part_or_nothing(asked: str, expected: tuple[int, int, int]) -> None:
    assert told(part_of(asked, SIZE)) == expected
    assert told(wanted("GET", {"range": asked}, SIZE, THIS)) == expected
    assert told(wanted("HEAD", {"range": asked}, SIZE, THIS)) == WHOLE


@given(st.one_of(st.text(), st.from_regex(r"bytes=[0-9 ,-]*"), st.from_regex(r"bytes=[0-9]{0,4}-[0-9]{0,4}")))
@example("bytes=-")
def test_any_range_is_inside_the_file(asked: str) -> None:
    found = part_of(asked, SIZE)
    assert found.status in (200, 206, 416)
    assert (0 <= found.start < found.end <= SIZE) == (found.status == 206)


# dates


@pytest.mark.parametrize("text", DATES)
def test_a_date_has_three_forms(text: str) -> None:
    assert date_of(text) == MODIFIED


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "yesterday",
        "784111777",
        "Sun, 06 Nov 1994 08:49:37 +0100",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 1994 99:99:99 GMT",
        "Sun, 36 Nov 1994 08:49:37 GMT",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 ::::::37 GMT",
        f"{DATES[0]}, {DATES[0]}",
    ],
)
def test_what_is_no_date_is_passed_over(text: str | None) -> None:
    assert date_of(text) is None
    assert text is None or told(wanted("GET", {"if-modified-since": text}, SIZE, THIS)) == WHOLE


@given(st.one_of(st.text(), st.from_regex(r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT")))
def test_any_text_is_a_date_or_none(text: str) -> None:
    found = date_of(text)
    assert found is None or isinstance(found, int)


@given(st.integers(min_value=0, max_value=4_000_000_000))
def test_a_date_that_was_told_is_understood(when: int) -> None:
    (told_date,) = (value for name, value in Validators(tag='"a"', modified=when).headers().items() if name[0] == "L")
    assert date_of(told_date) == when == parsedate_to_datetime(told_date).timestamp()


# conditions, in the order of RFC 9110, section 13.2.2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"if-none-match": '"abc"'}, 304),
        ({"if-none-match": 'W/"abc"'}, 304),
        ({"if-none-match": '"x", W/"y" , "abc"'}, 304),
        ({"if-none-match": "*"}, 304),
        ({"if-none-match": '"x"'}, 200),
        ({"if-none-match": "abc"}, 200),
        ({"if-none-match": ""}, 200),
        ({"if-modified-since": DATES[0]}, 304),
        ({"if-modified-since": DATES[1]}, 304),
        ({"if-modified-since": DATES[2]}, 304),
        ({"if-modified-since": LATER}, 304),
        ({"if-modified-since": EARLIER}, 200),
        ({"if-none-match": '"x"', "if-modified-since": LATER}, 200),
        ({"if-none-match": '"abc"', "if-modified-since": EARLIER}, 304),
        ({"if-match": '"abc"'}, 200),
        ({"if-match": "*"}, 200),
        ({"if-match": '"x", "abc"'}, 200),
        ({"if-match": 'W/"abc"'}, 412),
        ({"if-match": '"x"'}, 412),
        ({"if-match": '"x"', "if-none-match": '"abc"'}, 412),
        ({"if-match": '"abc"', "if-none-match": '"abc"'}, 304),
        ({"if-unmodified-since": EARLIER}, 412),
        ({"if-unmodified-since": DATES[0]}, 200),
        ({"if-unmodified-since": "soon"}, 200),
        ({"if-match": '"abc"', "if-unmodified-since": EARLIER}, 200),
        ({"if-none-match": '"abc"', "range": "bytes=0-9"}, 304),
        ({"if-match": '"x"', "range": "bytes=0-9"}, 412),
        ({"if-match": '"abc"', "range": "bytes=0-9"}, 206),
        ({"if-modified-since": EARLIER, "range": "bytes=5000-"}, 416),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_come_first(method: str, headers: Mapping[str, str], status: int) -> None:
    expected = 200 if method == "HEAD" and status in (206, 416) else status
    assert wanted(method, headers, SIZE, THIS).status == expected


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"abc"', 206),
        ('"x"', 200),
        ('W/"abc"', 200),
        ('"abc", "x"', 200),
        ("*", 200),
        ("", 200),
        (DATES[0], 206),
        (DATES[1], 206),
        (EARLIER, 200),
        (LATER, 200),
    ],
)
def test_a_part_of_this_version_or_the_whole_of_another(condition: str, status: int) -> None:
    assert wanted("GET", {"range": "bytes=0-9", "if-range": condition}, SIZE, THIS).status == status
    assert wanted("GET", {"if-range": condition}, SIZE, THIS).status == 200


def test_a_file_of_unknown_age_knows_no_dates() -> None:
    undated = Validators(tag='"abc"')
    assert undated.headers() == {"Accept-Ranges": "bytes", "ETag": '"abc"'}
    for name in ("if-modified-since", "if-unmodified-since"):
        assert wanted("GET", {name: EARLIER}, SIZE, undated).status == 200
    assert wanted("GET", {"range": "bytes=0-9", "if-range": DATES[0]}, SIZE, undated).status == 200
