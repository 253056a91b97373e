"""When a client polls: the advised cadence, its tolerances, and what excuses."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imageproof.specs.model import Phase
from tests.suites.client.wires import SILENT, Wire, whole_life

RULE = "polling/cadence"


def polled(*times: float, name: str = "reapi", scale: float = 1.0) -> Wire:
    wire = Wire(name, scale)
    wire.create(0.0)
    wire.polls(*times)
    return wire


@pytest.mark.parametrize("name", ["reapi", "toapis", "xingchaoyiqing"])
@pytest.mark.parametrize("scale", [0.5, 1.0, 10.0])
def test_polls_as_advised_are_right_at_every_provider(name: str, scale: float) -> None:
    assert whole_life(name, scale).verdict(RULE) is True


@pytest.mark.parametrize(
    ("times", "ok"),
    [
        ((30.0,), True),
        ((28.5,), True),  # 5 %, and the jitter of the machine
        ((28.4,), False),
        ((10.0,), False),
        ((1.0, 2.0, 3.0), False),
        ((30.0, 33.0, 36.0), True),
        ((30.0, 32.84), True),
        ((30.0, 32.8), False),
        ((30.0, 30.5), False),
        ((30.0, 38.0), True),  # late, but less than twice as late
        ((30.0, 41.0), False),
        ((75.0,), False),
        ((69.0,), True),
        ((30.0, *(30 + 3.5 * n for n in range(1, 42)), 185.0), True),  # over the border of the phases
        ((178.0, 182.0), True),
        ((178.0, 200.0), True),
        ((200.0, 203.0), False),
        ((200.0, 210.0, 240.0), True),
        ((200.0, 280.0), False),
    ],
)
def test_early_and_late_polls_are_told_from_good_ones(times: tuple[float, ...], ok: bool) -> None:  # noqa: FBT001  (a table)
    times = times if times[0] < 70 or len(times) == 1 else (30.0, *_as_advised(30.0, times[0]), *times)
    assert polled(*times).verdict(RULE, SILENT) is ok


def _as_advised(since: float, until: float) -> tuple[float, ...]:
    out, at = [], since + 4.0
    while at < until - 3.0:
        out.append(at)
        at += 4.0 if at < 180.0 else 12.0
    return tuple(out if not out or until < 180.0 else [item for item in out if until - item >= 10.0])


def test_a_bad_cadence_tells_the_worst_wait_and_all_intervals() -> None:
    (remark,) = polled(30.0, 32.0, 32.5, 36.0).judged(RULE, SILENT)
    assert not remark.ok
    assert remark.bad == 4
    assert remark.good == 3
    assert remark.actual == "a poll came 0.50 s after the poll before: early (2 of 4 waits)"
    assert remark.expected == "3 to 5 s after the poll before"
    assert remark.details is not None
    assert remark.details["intervals_s"] == "30.000, 2.000, 0.500, 3.500"


def test_what_follows_an_error_is_no_cadence() -> None:
    wire = polled(30.0, 33.0)
    wire.poll(36.0, None, **wire.refused("internal"))
    wire.poll(36.5, None, status=None, fault="{reset: before}")
    wire.poll(37.0)
    wire.poll(39.5)  # counted from the first of the tries
    assert wire.verdict(RULE, SILENT) is True


def test_a_retry_after_excuses_a_late_poll() -> None:
    wire = polled(30.0)
    wire.poll(33.0, answered=(("Retry-After", "60"),))
    wire.poll(93.0)
    assert wire.verdict(RULE, SILENT) is True


def test_a_slow_answer_does_not_make_the_next_poll_late() -> None:
    wire = polled(30.0)
    wire.poll(33.0, took=25.0, fault="{slow: 25s}")
    wire.poll(61.0)
    assert wire.verdict(RULE, SILENT) is True


def test_requests_that_are_no_polls_do_not_count() -> None:
    wire = polled(30.0, 33.0)
    wire.send("balance", "GET", "/api/v1/balance", 0.2)
    wire.send("poll", "HEAD", "/api/v1/tasks/task_1", 0.3, task="task_1")
    wire.send("poll", "OPTIONS", "/api/v1/tasks/task_1", 31.0, task="task_1")
    assert wire.verdict(RULE, SILENT) is True


def test_tasks_are_judged_each_for_itself() -> None:
    wire = Wire()
    wire.create(0.0, task="one")
    wire.create(0.5, task="two", sent={"prompt": "another"})
    for at in (30.5, 33.6, 36.7):
        wire.poll(at, task="one")
        wire.poll(at + 0.4, task="two")
    assert [remark.ok for remark in wire.judged(RULE, SILENT)] == [True, True]


@pytest.mark.parametrize("scale", [0.0, 60.0])
def test_nothing_is_said_where_time_is_too_coarse_or_stands_still(scale: float) -> None:
    wire = Wire("xingchaoyiqing", scale)
    wire.create(0.0)
    wire.polls(2.0, 2.1, 2.2)
    assert wire.judged(RULE, SILENT) == []


def test_nothing_is_said_of_a_provider_without_tasks() -> None:
    wire = Wire("apiyi")
    wire.create(0.0)
    assert wire.judged(RULE) == []


TIMES = st.floats(min_value=0.0, max_value=1.0)


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["reapi", "toapis", "xingchaoyiqing"]),
    draws=st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=60),
    submit=st.floats(min_value=0.001, max_value=20.0),
    answers=st.floats(min_value=0.001, max_value=2.0),
)
def test_whoever_waits_as_advised_after_each_answer_is_never_blamed(
    name: str, draws: list[tuple[float, float]], submit: float, answers: float
) -> None:
    """The waits may count from the submit or its answer, and the machine may wake the client late by its jitter."""
    wire = Wire(name)
    polling = wire.polling
    wire.create(0.0, took=submit)
    at = submit + polling.first_s + draws[0][1] * 0.02
    for share, jitter in draws:
        wire.poll(at, took=answers)
        phase = next(item for item in polling.phases if item.until_s is None or at - submit < item.until_s)
        least, most = phase.every_s
        at += answers + least + share * (most - least) + jitter * 0.02
    assert wire.verdict(RULE, SILENT) is True


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(["reapi", "toapis", "xingchaoyiqing"]),
    before=st.integers(min_value=0, max_value=10),
    share=st.floats(min_value=0.05, max_value=0.9),
    scale=st.sampled_from([0.5, 1.0, 5.0]),
)
def test_whoever_polls_too_early_is_always_blamed(name: str, before: int, share: float, scale: float) -> None:
    wire = Wire(name, scale)
    polling = wire.polling
    wire.create(0.0)
    least = polling.phases[0].every_s[0]
    times = [polling.first_s + least * number for number in range(before + 1)]
    tolerance = max(0.05 * scale, 0.05 * least) + 0.02 * scale
    wire.polls(*times, times[-1] + (least - tolerance) * share)
    wire.poll(times[-1] + 100.0, Phase.SUCCEEDED)
    assert wire.verdict(RULE, SILENT) is False
