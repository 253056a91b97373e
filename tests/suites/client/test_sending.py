"""What a client sends, and the advice that shows in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imageproof.suites.client.watch import Answer, Told
from tests.suites.client.wires import BODY, DONE, FAILED, KEY, Wire, order, whole_life

if TYPE_CHECKING:
    from collections.abc import Mapping

LEFT = "the client left before the end"
URL = "https://example.com/1.png"
DATA = "data:image/png;base64,iVBORw0KGgo="


# requests, and the key


def test_a_request_that_breaks_a_rule_is_named_with_all_its_rules() -> None:
    wire = whole_life()
    assert wire.verdict("requests") is True
    wire.create(90.0, status=400, rules=("reapi/b", "reapi/a"))
    (remark,) = wire.judged("requests")
    assert not remark.ok
    assert remark.actual == "1 of 7 requests break reapi/a and 1 more"
    assert remark.details == {"rules": "reapi/a, reapi/b"}


def test_a_rule_that_a_poll_breaks_counts_and_no_request_shows_nothing() -> None:
    wire = Wire()
    assert wire.judged("requests") == []
    assert wire.judged("key-in-url") == []
    wire.poll(1.0, rules=("reapi/auth",))
    assert wire.verdict("requests") is False


@pytest.mark.parametrize("url", ["/v1?api_key=[key]", "/v1?k=%5Bkey%5D", "/[redacted]/images"])
def test_a_key_in_a_url_is_seen_though_it_is_hidden(url: str) -> None:
    wire = whole_life()
    assert wire.verdict("key-in-url") is True
    wire.send("submit", "POST", url, 99.0)
    assert wire.verdict("key-in-url") is False


@pytest.mark.parametrize("headers", [KEY, (("AUTHORIZATION", "[key]"),)])
def test_a_result_is_fetched_without_the_key(headers: tuple[tuple[str, str], ...]) -> None:
    wire = whole_life()
    assert wire.verdict("key-to-results") is True
    wire.download(99.0, headers=headers)
    assert wire.verdict("key-to-results") is False


# what is advised of waits and tries


@pytest.mark.parametrize(
    ("took", "note", "ok"),
    [(400.0, "", True), (400.0, LEFT, True), (100.0, LEFT, False), (359.0, LEFT, True), (100.0, "", None)],
)
def test_a_synchronous_answer_is_waited_for_as_long_as_advised(took: float, note: str, ok: bool | None) -> None:  # noqa: FBT001  (a table)
    wire = Wire("apiyi")
    wire.create(0.0, took=took, note=note)
    assert wire.verdict("advice/timeout") is ok


def failing(tries: int, name: str = "internal", *, gaps: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)) -> Wire:
    wire, at = Wire("apiyi"), 0.0
    for number in range(tries):
        wire.create(at, **wire.refused(name))
        at += gaps[number] + 0.01
    return wire


@pytest.mark.parametrize(("tries", "ok"), [(1, True), (3, True), (4, False)])
def test_an_error_of_the_server_is_tried_as_often_as_advised(tries: int, ok: bool) -> None:  # noqa: FBT001  (a table)
    assert failing(tries).verdict("advice/retry-5xx", FAILED) is ok
    assert failing(tries, "rate_limited").judged("advice/retry-5xx", FAILED) == []


def test_time_outs_count_as_tries_where_the_advice_says_so() -> None:
    wire = Wire("apiyi")
    for number in range(4):
        wire.create(number * 31.0, status=None, took=30.0, fault="{silent: 30s}")
    assert wire.verdict("advice/retry-5xx", FAILED) is False


def test_an_order_that_was_never_refused_shows_nothing_of_tries() -> None:
    wire = Wire("apiyi")
    wire.create(0.0)
    for rule in ("retry-5xx", "retry-429", "timeout", "request-id"):
        assert wire.judged(f"advice/{rule}") == []


@pytest.mark.parametrize(("gaps", "ok"), [((1.0, 2.0, 4.0), True), ((1.0, 1.0, 1.0), False), ((0.0, 0.0, 0.0), False)])
def test_backoff_is_asked_for_where_the_limit_was_reached(gaps: tuple[float, ...], ok: bool) -> None:  # noqa: FBT001  (a table)
    assert failing(3, "rate_limited", gaps=gaps).verdict("advice/retry-429", FAILED) is ok
    assert failing(3, "internal", gaps=gaps).judged("advice/retry-429", FAILED) == []


@pytest.mark.parametrize(
    ("gaps", "ok"),
    [
        ((1.0, 2.0, 4.0), True),
        ((0.6, 1.1, 2.2), True),  # with jitter
        ((1.4, 2.9, 5.0), True),
        ((0.1, 2.0, 4.0), False),
        ((1.0, 0.5), False),
        ((1.0, 2.0, 1.0), False),
        ((1.0,), True),
    ],
)
def test_advised_waits_are_kept_within_their_jitter(gaps: tuple[float, ...], ok: bool) -> None:  # noqa: FBT001  (a table)
    wire, at = Wire("toapis"), 0.0
    for gap in gaps:
        wire.create(at, **wire.refused("rate_limited"))
        at += gap + 0.01
    wire.create(at)
    assert wire.verdict("advice/backoff") is ok


def test_what_retry_after_tells_comes_before_the_advised_waits() -> None:
    wire = Wire("toapis")
    for number in range(4):
        wire.create(number * 0.5, **wire.refused("rate_limited"), answered=(("Retry-After", "0.4"),))
    assert wire.judged("advice/backoff") == []


# what is advised of bodies


def sent(name: str, body: Mapping[str, object]) -> Wire:
    wire = Wire(name)
    wire.create(0.0, sent=body)
    return wire


@pytest.mark.parametrize(
    ("values", "ok"),
    [
        ([URL], True),
        ([URL, URL], True),
        ([DATA], False),
        ([URL, DATA], False),
        (["A" * 400], False),
        ([], None),
        (None, None),
    ],
)
def test_references_are_urls(values: list[str] | None, ok: bool | None) -> None:  # noqa: FBT001  (a table)
    body = {**BODY, **({} if values is None else {"reference_images": values})}
    assert sent("toapis", body).verdict("advice/upload-first") is ok


@pytest.mark.parametrize(
    ("fields", "ok"),
    [({"reference_images": [URL]}, True), ({"image_urls": [URL]}, False), ({}, None)],
)
def test_the_newer_field_is_preferred(fields: dict[str, object], ok: bool | None) -> None:  # noqa: FBT001  (a table)
    assert sent("toapis", {**BODY, **fields}).verdict("advice/prefer-reference-images") is ok


@pytest.mark.parametrize(("value", "ok"), [("url", True), ("b64_json", False), (None, None)])
def test_a_value_is_preferred(value: str | None, ok: bool | None) -> None:  # noqa: FBT001  (a table)
    body = {**BODY, **({"response_format": value} if value else {})}
    assert sent("toapis", body).verdict("advice/prefer-url") is ok


def test_what_the_order_asks_for_is_nobodys_choice() -> None:
    old = sent("toapis", {**BODY, "image_urls": [URL], "response_format": "b64_json"})
    asked = order(image_urls=[URL], response_format="b64_json")
    assert old.judged("advice/prefer-url", order=asked) == []
    assert old.judged("advice/prefer-reference-images", order=asked) == []
    assert old.verdict("advice/prefer-url", order=order()) is False


@pytest.mark.parametrize(
    ("prompt", "ok"),
    [
        ("a lighthouse", True),
        ("a clock at 10:30:15", True),
        ("a lighthouse, 16:9", False),
        ("a lighthouse (aspect ratio wide)", False),
    ],
)
def test_the_prompt_does_not_say_the_ratio_again(prompt: str, ok: bool) -> None:  # noqa: FBT001  (a table)
    rule = "advice/gpt-image-2/ratio-not-in-prompt"
    assert sent("reapi", {**BODY, "prompt": prompt}).verdict(rule) is ok


def test_a_ratio_that_the_caller_asked_for_in_words_stays() -> None:
    wire = sent("reapi", {**BODY, "prompt": "a cinema screen of 16:9"})
    assert wire.verdict("advice/gpt-image-2/ratio-not-in-prompt", order=order("a cinema screen of 16:9")) is True


def test_a_body_that_is_no_json_shows_nothing() -> None:
    wire = Wire("toapis")
    wire.create(0.0, sent="--x\r\n")
    assert wire.judged("advice/upload-first") == []


@pytest.mark.parametrize(
    ("ids", "ok"), [(("r2",), True), (("r1", "r2"), True), (("r1",), False), (("r2", "r3"), False), ((), None)]
)
def test_the_ids_that_are_kept_are_those_that_came(ids: tuple[str, ...], ok: bool | None) -> None:  # noqa: FBT001  (a table)
    wire = Wire("openai")
    for number in (1, 2):
        wire.create(number * 1.0, answered=(("X-Request-Id", f"r{number}"),))
    assert wire.verdict("advice/request-id", Answer(told=Told.FAILED, request_ids=ids)) is ok
    assert wire.judged("advice/request-id", DONE) == []
