"""What a client sends again: orders that may have been taken, final refusals, Retry-After, backoff."""

from __future__ import annotations

import pytest

from imageproof.specs.model import Phase
from tests.suites.client.wires import BODY, DONE, FAILED, SILENT, Given, Wire, scene, whole_life

# submits-once


def lost(name: str = "reapi", **more: Given) -> Wire:
    wire = Wire(name)
    wire.create(0.0, status=None, took=30.0, **more)
    return wire


def test_one_order_is_one_order() -> None:
    assert whole_life().verdict("submits-once", scenario=scene()) is True
    assert lost().verdict("submits-once", FAILED, scenario=scene("either")) is True


@pytest.mark.parametrize("fault", ["", "{lost: silent}", "{reset: during, on: submit}"])
def test_an_order_that_nobody_answered_is_not_sent_again(fault: str) -> None:
    wire = lost(fault=fault)
    wire.create(31.0)
    (remark,) = wire.judged("submits-once", scenario=scene(submits=None))
    assert not remark.ok
    assert (remark.good, remark.bad) == (1, 2)
    assert wire.verdict("submits-once") is False


def test_an_answer_that_the_mock_swallowed_counts_as_none() -> None:
    wire = Wire()
    wire.create(0.0)
    wire.create(5.0, task="two")
    wire.truth(was_lost=True)
    assert wire.verdict("submits-once", scenario=scene(submits=None)) is False


def test_another_order_is_not_the_same_order() -> None:
    wire = lost()
    wire.create(31.0, sent={**BODY, "prompt": "something else"})
    assert wire.verdict("submits-once", scenario=scene(submits=None)) is True


def test_the_same_order_is_known_in_another_order_of_keys_and_with_another_boundary() -> None:
    wire = lost(sent='{"model": "m", "prompt": "p"}')
    wire.create(31.0, sent='{"prompt":"p","model":"m"}')
    form = Wire()
    for number, (at, status) in enumerate(((0.0, None), (31.0, 200))):
        headers = (("Content-Type", f"multipart/form-data; boundary=xx{number}"),)
        form.create(at, status=status, headers=headers, sent=f"--xx{number}\r\nprompt\r\n--xx{number}--")
    assert wire.verdict("submits-once", scenario=scene(submits=None)) is False
    assert form.verdict("submits-once", scenario=scene(submits=None)) is False


def test_more_orders_than_the_job_needs_are_too_many() -> None:
    wire = Wire()
    for number in range(2):
        wire.create(number * 5.0, task=f"task_{number}", sent={**BODY, "prompt": f"try {number}"})
        wire.truth(task=f"task_{number}", exchange=number + 1)
    (remark,) = wire.judged("submits-once", scenario=scene(submits=1))
    assert remark.actual == "2 were accepted"
    assert remark.bad == 2
    assert wire.verdict("submits-once", scenario=scene(submits=2)) is True
    assert wire.verdict("submits-once", scenario=scene(submits=None)) is True
    wire.truths.clear()
    assert wire.verdict("submits-once", scenario=scene(submits=1)) is False


def test_an_order_that_was_refused_may_be_sent_again() -> None:
    wire = Wire()
    wire.create(0.0, **wire.refused("rate_limited"))
    wire.create(5.0)
    wire.truth(exchange=2)
    assert wire.verdict("submits-once", scenario=scene()) is True


def test_orders_side_by_side_are_no_second_tries() -> None:
    wire = lost()
    wire.create(1.0)
    assert wire.verdict("submits-once", scenario=scene(submits=None)) is True


def test_tries_that_the_provider_itself_advises_are_excused() -> None:
    wire = lost("apiyi")
    wire.create(31.0)
    assert wire.verdict("submits-once", scenario=scene(submits=None)) is True
    wire.truth(task="one", exchange=1, was_lost=True)
    wire.truth(task="two", exchange=2)
    assert wire.verdict("submits-once", scenario=scene(submits=1)) is True
    four = lost("apiyi")
    for at in (31.0, 71.0, 111.0):
        four.create(at, status=None, took=30.0)
    assert four.verdict("submits-once", scenario=scene(submits=None)) is False


@pytest.mark.parametrize(("name", "ok"), [("apiyi", True), ("openai", False)])
def test_an_order_behind_a_bad_gateway_is_excused_where_the_provider_advises_to_send_it_again(
    name: str,
    ok: bool,  # noqa: FBT001  (a table)
) -> None:
    wire = Wire(name)
    wire.create(0.0, status=504)
    wire.create(5.0)
    wire.truth(task="one", exchange=1, was_lost=True)
    wire.truth(task="two", exchange=2)
    assert wire.verdict("submits-once", scenario=scene("either")) is ok


# never-retried


@pytest.mark.parametrize("name", ["moderated_input", "invalid_param", "auth_invalid"])
def test_what_was_refused_for_good_is_not_sent_again(name: str) -> None:
    wire = Wire()
    wire.create(0.0, **wire.refused(name))
    assert wire.verdict("never-retried", FAILED) is True
    wire.create(1.0, **wire.refused(name))
    (remark, *_) = wire.judged("never-retried", FAILED)
    assert not remark.ok
    assert (remark.good, remark.bad) == (1, 2)


def test_a_refusal_inside_a_success_counts_as_well() -> None:
    wire = Wire()
    wire.create(0.0, answer=wire.refused("moderated_input")["answer"], task=None)
    wire.create(3.0)
    assert wire.verdict("never-retried") is False


def test_a_changed_order_or_another_key_is_another_request() -> None:
    wire = Wire()
    wire.create(0.0, **wire.refused("auth_missing"), headers=())
    wire.create(1.0, **wire.refused("moderated_input"))
    wire.create(2.0, sent={**BODY, "prompt": "a kinder one"})
    assert wire.verdict("never-retried") is True


@pytest.mark.parametrize("name", ["rate_limited", "internal", "insufficient_funds"])
def test_errors_that_pass_say_nothing_of_it(name: str) -> None:
    wire = Wire()
    wire.create(0.0, **wire.refused(name))
    wire.create(5.0)
    assert wire.judged("never-retried") == []


def test_in_a_scenario_nobody_tops_up_the_account() -> None:
    wire = Wire()
    for at in (0.0, 5.0):
        wire.create(at, **wire.refused("insufficient_funds"))
    assert wire.verdict("never-retried", FAILED, scenario=scene("failed")) is False
    assert wire.judged("never-retried", FAILED) == []


@pytest.mark.parametrize(("failure", "ok"), [("moderated_output", False), ("upstream_failed", None)])
def test_a_job_that_failed_for_good_is_not_ordered_again(failure: str, ok: bool | None) -> None:  # noqa: FBT001  (a table)
    wire = Wire()
    wire.create(0.0)
    wire.poll(30.0, Phase.FAILED, answer=wire.failed(failure))
    wire.create(31.0, task="two")
    assert wire.verdict("never-retried", FAILED) is ok


# retry-after


def told_to_wait(value: str, waited: float, *, date: str | None = None, scale: float = 1.0) -> Wire:
    wire = Wire(scale=scale)
    headers = (("Retry-After", value), *((("Date", date),) if date else ()))
    wire.create(0.0, took=0.0, **wire.refused("rate_limited"), answered=headers)
    wire.create(waited)
    return wire


@pytest.mark.parametrize(
    ("value", "waited", "ok"),
    [
        ("5", 5.0, True),
        ("5", 9.0, True),
        ("5", 4.75, True),
        ("5", 4.7, False),
        ("5", 0.5, False),
        ("1.5", 1.0, False),
        ("0", 0.0, None),
        ("-3", 0.0, None),
        ("soon", 0.1, None),
        ("99999", 2.0, None),
        ("3601", 2.0, None),
        ("3600", 2.0, False),
    ],
)
def test_retry_after_in_seconds_is_kept(value: str, waited: float, ok: bool | None) -> None:  # noqa: FBT001  (a table)
    assert told_to_wait(value, waited).verdict("retry-after") is ok


@pytest.mark.parametrize(
    ("waited", "date", "ok"),
    [
        (10.0, "Sat, 21 Nov 2026 12:00:00 GMT", True),
        (8.6, "Sat, 21 Nov 2026 12:00:00 GMT", True),  # dates are whole seconds
        (4.0, "Sat, 21 Nov 2026 12:00:00 GMT", False),
        (4.0, None, None),
        (4.0, "yesterday", None),
        (4.0, "Sat, 21 Nov 2026 12:00:11 GMT", None),
    ],
)
def test_retry_after_as_a_date_counts_from_the_date_of_the_answer(
    waited: float,
    date: str | None,
    ok: bool | None,  # noqa: FBT001  (a table)
) -> None:
    assert told_to_wait("Sat, 21 Nov 2026 12:00:10 GMT", waited, date=date).verdict("retry-after") is ok


def test_other_requests_and_those_under_way_may_come_earlier() -> None:
    wire = Wire()
    wire.create(0.0, task="one")
    wire.poll(30.0, None, **wire.refused("rate_limited"), answered=(("Retry-After", "10"),), took=0.5)
    wire.poll(30.1, task="two")
    wire.create(31.0, task="three")
    wire.download(32.0)
    wire.poll(41.0)
    assert wire.verdict("retry-after") is True


def test_no_time_no_word() -> None:
    assert told_to_wait("5", 0.1, scale=0.0).judged("retry-after") == []
    assert told_to_wait("2", 0.1, scale=60.0).verdict("retry-after") is False
    assert told_to_wait("2", 1.4, scale=60.0).verdict("retry-after") is True
    assert told_to_wait("1", 0.5, scale=100.0).judged("retry-after") == []


# backoff


def tries(*gaps: float, scale: float = 1.0, name: str = "internal") -> Wire:
    wire, at = Wire(scale=scale), 0.0
    for gap in gaps:
        wire.create(at, **wire.refused(name))
        at += 0.01 + gap
    wire.create(at)
    return wire


@pytest.mark.parametrize(
    ("gaps", "ok"),
    [
        ((1.0, 2.0), True),
        ((1.0, 2.0, 4.0), True),
        ((0.5, 1.0, 2.0, 4.0, 8.0, 8.0), True),
        ((2.0, 1.6, 4.5), True),  # with chance
        ((1.0, 0.3), None),  # full jitter: nothing is proved
        ((30.0, 30.0), True),
        ((1.0, 1.0), False),
        ((1.0, 1.05, 0.98, 1.0), False),
        ((4.0, 2.0, 1.0), False),
        ((0.01, 0.02, 0.04), False),
        ((0.0, 0.0), False),
        ((1.0,), None),
    ],
)
def test_waits_between_tries_grow(gaps: tuple[float, ...], ok: bool | None) -> None:  # noqa: FBT001  (a table)
    assert tries(*gaps).verdict("backoff") is ok


@pytest.mark.parametrize(("scale", "ok"), [(10.0, None), (60.0, None), (0.0, None), (0.1, False)])
def test_a_clock_that_is_too_coarse_says_nothing(scale: float, ok: bool | None) -> None:  # noqa: FBT001  (a table)
    assert tries(1.0, 1.0, scale=scale).verdict("backoff") is ok


def test_polls_at_their_advised_pause_need_not_back_off() -> None:
    calm, hasty = Wire(), Wire()
    for wire, pause in ((calm, 3.2), (hasty, 0.4)):
        wire.create(0.0)
        for number in range(4):
            wire.poll(30.0 + pause * number, None, **wire.refused("internal"))
        wire.poll(30.0 + pause * 4)
    assert calm.verdict("backoff", SILENT) is True
    assert hasty.verdict("backoff", SILENT) is False


def test_what_retry_after_tells_is_no_backoff() -> None:
    wire = Wire()
    for number in range(4):
        wire.create(number * 2.0, **wire.refused("rate_limited"), answered=(("retry-after", "1"),))
    assert wire.judged("backoff") == []
    assert wire.verdict("retry-after", DONE) is True
