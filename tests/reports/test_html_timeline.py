"""Polls on a time axis: each is drawn once, and those that came sooner than advised are seen without reading."""

import pytest
from msgspec.structs import replace

from imageproof.records.lines import CadenceBand, Evidence, Verdict
from imageproof.reports.html_axis import LEFT, RIGHT, scale_to
from imageproof.reports.html_pace import early
from imageproof.reports.html_timeline import MOST_TASKS, timelines
from tests.reports.html_runs import life, run_with, seen
from tests.reports.runs import finding, header

BANDS = (
    CadenceBand(from_s=30.0, until_s=180.0, least_s=3.0, most_s=5.0),
    CadenceBand(from_s=180.0, until_s=None, least_s=10.0, most_s=30.0),
)
CLIENT = header(what="client", cadence=BANDS)
HASTY = [1.0, 31.0, 32.0, 36.0, 181.0, 185.0, 200.0]
TOO_SOON = (True, False, True, False, False, True, False)


def test_a_wait_is_judged_by_the_band_in_which_it_began() -> None:
    assert early(HASTY, BANDS) == TOO_SOON
    assert early([177.0, 181.0], BANDS) == (False, False), "the wait began while 3 s were enough"


def test_a_timer_that_fires_a_little_early_is_not_impatient() -> None:
    assert early([29.9, 32.8, 35.7], BANDS) == (False, False, False)
    assert early([28.0, 31.0, 33.0], BANDS) == (True, False, True)


def test_without_advice_nothing_is_too_early() -> None:
    assert early([0.1, 0.2], ()) == (False, False)


def test_each_poll_has_one_mark_and_the_early_ones_another_shape() -> None:
    page = seen(run_with(life("task_1", first=1, polls_s=HASTY), head=CLIENT))
    kinds = [found["data-mark"] for _, found in page.elements if "data-mark" in found]
    assert kinds == ["submit", "early", "poll", "early", "poll", "poll", "early", "last"]
    assert "7 polls, 3 sooner than advised" in page.text
    drawn = [found for found in page.all("path", "early") if " 37l10 10M" in (found["d"] or "")]
    assert len(drawn) == TOO_SOON.count(True)


def test_marks_stand_in_time_and_inside_of_the_drawing() -> None:
    line = timelines(run_with(life("task_1", first=1, polls_s=HASTY), head=CLIENT), frozenset()).drawn[0]
    places = [mark.x for mark in line.marks]
    assert places == sorted(places)
    assert places[0] == LEFT
    assert all(LEFT <= mark.x <= mark.end <= RIGHT for mark in line.marks)
    assert [span.label for span in line.bands] == ["first poll after 30 s", "every 3 to 5 s", "every 10 to 30 s"]


def test_an_impatient_task_is_shown_first_and_up_to_the_band_that_it_did_not_wait_for() -> None:
    patient = life("task_1", first=1, polls_s=[31.0])
    hasty = [
        replace(item, began_s=item.began_s + 5, ended_s=item.ended_s + 5)
        for item in life("task_2", first=10, polls_s=[2.0, 3.0])
    ]
    drawn = timelines(run_with([*patient, *hasty], head=CLIENT), frozenset()).drawn
    assert [line.task for line in drawn] == ["task_2", "task_1"]
    assert [span.label for span in drawn[0].bands] == ["first poll after 30 s", "every 3 to 5 s"]


def test_polls_of_imageproof_itself_are_no_reproach_to_a_gateway() -> None:
    run = run_with(life("task_1", first=1, polls_s=[1.0, 2.0]), head=header(cadence=BANDS))
    page = seen(run)
    assert page.all("svg", "timeline")[0]["class"] == "timeline own"
    assert page.all("span", "early-word") == []
    assert "imageproof's own" in page.text
    assert "2 polls, 2.2 s" in page.text
    assert timelines(run, frozenset()).drawn[0].bands[0].width == pytest.approx(RIGHT - LEFT), "not stretched to 30 s"


def test_what_a_gateway_polls_upstream_is_judged() -> None:
    upstream = [replace(item, side="upstream") for item in life("task_1", first=1, polls_s=[1.0])]
    drawn = timelines(run_with(upstream, head=header(cadence=BANDS)), frozenset()).drawn
    assert [(line.own, line.early) for line in drawn] == [(False, 1)]


def test_states_last_until_the_answer_that_tells_another() -> None:
    told = life("task_1", first=1, polls_s=[10.0, 20.0, 30.0])
    states = ("pending", "pending", "processing", "completed")
    lived = [replace(item, state=state) for item, state in zip(told, states, strict=True)]
    line = timelines(run_with(lived, head=CLIENT), frozenset()).drawn[0]
    assert [span.label for span in line.states] == ["pending", "processing", "completed"]
    assert line.states[0].x + line.states[0].width == pytest.approx(line.states[1].x, abs=0.2)


def test_questions_about_a_task_that_never_was_are_drawn_only_as_evidence() -> None:
    polls = life("task_none", first=1, polls_s=[1.0, 2.0])[1:]
    assert timelines(run_with(polls, head=CLIENT), frozenset()).drawn == ()
    broken = finding("reapi/errors/none", Verdict.FAILED, evidence=Evidence(bad=2))
    page = seen(run_with(polls, broken, head=CLIENT))
    assert len([found for _, found in page.elements if "data-mark" in found]) == 2
    assert page.all("rect", "band") == [], "nothing was submitted, so no advice counts from it"


def test_at_most_so_many_tasks_are_drawn_and_the_rest_is_counted() -> None:
    lives = [item for task in range(60) for item in life(f"task_{task}", first=1 + 10 * task, polls_s=[31.0])]
    page = seen(run_with(lives, head=CLIENT))
    assert len(page.all("svg", "timeline")) == MOST_TASKS
    assert "20 more tasks are not drawn" in page.text


@pytest.mark.parametrize("end_s", [0.0, 0.0004, 0.3, 1.0, 7.7, 1000.0, 86_400.0])
def test_ticks_are_few_round_and_in_order(end_s: float) -> None:
    scale = scale_to(end_s)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 10
    assert [tick.x for tick in ticks] == sorted({tick.x for tick in ticks})
    assert ticks[0].label == "0 s"
    assert scale.x(end_s * 2 + 1) == RIGHT
