"""How a client follows a job: survives, is patient, gives up, stops at the end, and keeps its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from imageproof.specs.faults import read_fault
from imageproof.specs.model import Phase
from imageproof.suites.client.watch import Answer, End, Ending, Told
from tests.suites.client.wires import DONE, EXITED, FAILED, SILENT, Given, Wire, changed, scene, whole_life

if TYPE_CHECKING:
    from imageproof.specs.scenario import Scenario

LEFT = "the client left before the end"
HUNG = Ending(end=End.HUNG, seconds=700.0)
WATCHED = Ending(end=End.WATCHED)


def running(*times: float, name: str = "reapi", succeeded: bool = True) -> Wire:
    wire = Wire(name)
    wire.create(0.0)
    wire.polls(*times)
    wire.truth(succeeded=succeeded)
    return wire


# survives


def troubled(kind: str) -> Wire:
    wire = running(30.0)
    match kind:
        case "nothing":
            wire.poll(33.0, None, status=None, fault="{reset: before}")
        case "page":
            wire.poll(33.0, None, status=502, answer="<html>bad gateway</html>")
        case _:
            wire.poll(33.0, None, **wire.refused(kind))
    return wire


@pytest.mark.parametrize("kind", ["internal", "rate_limited", "unavailable", "nothing", "page"])
def test_a_passing_error_on_a_poll_is_survived(kind: str) -> None:
    wire = troubled(kind)
    (remark,) = wire.judged("survives", FAILED)
    assert not remark.ok
    assert remark.bad == 3
    wire.poll(37.0, Phase.SUCCEEDED)
    assert wire.verdict("survives", DONE) is True


def test_nothing_is_said_where_the_job_fails_anyway_or_the_scenario_says_it_itself() -> None:
    wire = troubled("internal")
    assert wire.judged("survives", FAILED, scenario=scene("either")) == []
    assert wire.verdict("survives", FAILED, scenario=scene(rule="survives")) is False  # by the outcome
    assert len(wire.judged("survives", FAILED, scenario=scene(rule="survives"))) == 1
    assert wire.judged("survives", SILENT, WATCHED) == []
    assert wire.judged("survives", SILENT, HUNG) == []
    wire.truths.clear()
    wire.truth(succeeded=False)
    assert wire.judged("survives", FAILED) == []


# patience


@pytest.mark.parametrize(
    ("name", "last", "ok"),
    [("toapis", 60.0, False), ("toapis", 280.0, False), ("toapis", 299.0, True), ("xingchaoyiqing", 301.0, True)],
)
def test_a_running_job_is_not_given_up_early(name: str, last: float, ok: bool) -> None:  # noqa: FBT001  (a table)
    ending = Ending(end=End.EXITED, code=2, seconds=last)
    assert running(10.0, last, name=name).verdict("patience", FAILED, ending) is ok


def test_without_advice_the_longest_documented_run_counts() -> None:
    wire = running(30.0)
    longest = max(item.seconds[1] for model in wire.spec.models.values() for item in model.durations)
    early, late = (Ending(end=End.EXITED, code=2, seconds=longest * share) for share in (0.5, 1.1))
    assert wire.verdict("patience", FAILED, early) is False
    assert wire.verdict("patience", FAILED, late) is True


def test_whoever_waits_to_the_end_is_patient_and_whoever_failed_for_another_reason_is_not_judged() -> None:
    assert whole_life().verdict("patience") is True
    assert running(30.0).judged("patience", SILENT, WATCHED) == []
    assert running(30.0, succeeded=False).judged("patience", FAILED) == []
    wire = running(30.0)
    wire.poll(33.0, None, **wire.refused("task_not_found"))
    assert wire.judged("patience", FAILED) == []


@pytest.mark.parametrize(
    ("took", "note", "ok"),
    [(60.0, LEFT, False), (600.0, LEFT, True), (60.0, "", True)],
)
def test_an_answer_is_waited_for(took: float, note: str, ok: bool) -> None:  # noqa: FBT001  (a table)
    wire = Wire("apiyi")
    wire.create(0.0, took=took, note=note)
    assert wire.verdict("patience", FAILED if note else DONE) is ok


# gives-up

STUCK = read_fault({"stuck": "running"})


def stuck(last: float) -> Wire:
    return running(30.0, last, succeeded=False)


def stuck_scene(within_s: float = 300.0) -> Scenario:
    return scene("failed", rule="gives-up", faults=[STUCK], within_s=within_s)


def test_a_stuck_job_is_given_up_in_time() -> None:
    assert stuck(290.0).verdict("gives-up", FAILED, scenario=stuck_scene()) is True
    assert stuck(290.0).verdict("gives-up", DONE, scenario=stuck_scene()) is False
    assert stuck(500.0).verdict("gives-up", FAILED, scenario=stuck_scene()) is False


def test_whoever_waits_for_ever_is_blamed_under_the_rule_of_the_scenario_alone() -> None:
    wire = stuck(290.0)
    (remark,) = wire.judged("gives-up", SILENT, HUNG, scenario=stuck_scene())
    assert not remark.ok
    assert wire.judged("ends", SILENT, HUNG, scenario=stuck_scene()) == []
    assert wire.verdict("ends", SILENT, HUNG, scenario=scene()) is False


def test_a_job_that_is_not_stuck_shows_nothing_of_it() -> None:
    assert whole_life().judged("gives-up", scenario=scene()) == []
    assert stuck(290.0).judged("gives-up", SILENT, Ending(end=End.CRASHED, code=1), scenario=stuck_scene()) == []


# after-end


def ended(phase: Phase = Phase.SUCCEEDED, **more: Given) -> Wire:
    wire = running(30.0)
    wire.poll(33.0, phase, **more)
    return wire


@pytest.mark.parametrize("phase", [Phase.SUCCEEDED, Phase.FAILED])
def test_an_end_is_an_end(phase: Phase) -> None:
    wire = ended(phase)
    assert wire.verdict("after-end") is True
    wire.poll(36.5, phase)
    (remark,) = wire.judged("after-end")
    assert not remark.ok
    assert (remark.good, remark.bad) == (3, 4)


def test_a_poll_that_was_under_way_is_none_after_the_end() -> None:
    wire = ended(took=0.5)
    wire.poll(33.2, Phase.SUCCEEDED)
    wire.poll(33.55, Phase.SUCCEEDED)
    assert wire.verdict("after-end") is True


def test_a_last_answer_that_may_not_have_come_ends_nothing() -> None:
    for fault in ("{reset: during, on: poll}", "{json: truncated, on: poll}", "{slow: 30s, on: poll}"):
        wire = ended(fault=fault)
        wire.poll(36.0, Phase.SUCCEEDED)
        assert wire.verdict("after-end") is True


def test_whoever_asks_again_for_what_was_missing_does_right() -> None:
    late = running(30.0)
    late.poll(33.0, Phase.FAILED, answer={"id": "task_1", "status": "failed", "output": None, "error": None})
    late.poll(36.0, Phase.FAILED)
    gone = ended()
    gone.download(33.1, status=404)
    gone.poll(36.0, Phase.SUCCEEDED)
    assert late.verdict("after-end", FAILED) is True
    assert gone.judged("after-end") == []


# unknown-state


@pytest.mark.parametrize("answer", [FAILED, DONE, SILENT])
def test_an_unknown_state_passes(answer: Answer) -> None:
    wire = running(30.0)
    wire.poll(33.0, "rendering")
    (remark,) = wire.judged("unknown-state", answer)
    assert not remark.ok
    assert "rendering" in remark.expected
    wire.poll(36.0)
    assert wire.verdict("unknown-state", answer) is True


def test_nothing_is_said_of_known_states_or_of_whoever_may_go_on() -> None:
    assert whole_life().judged("unknown-state") == []
    wire = running(30.0)
    wire.poll(33.0, "rendering")
    assert wire.judged("unknown-state", SILENT, WATCHED) == []
    assert wire.judged("unknown-state", SILENT, HUNG) == []


# in-time

DAY = 86_400.0


@pytest.mark.parametrize(
    ("at", "status", "ok"),
    [(100.0, 200, True), (60 + DAY, 200, True), (60 + DAY + 10, 403, False), (2 * DAY, 404, False), (100.0, 403, True)],
)
def test_a_result_is_fetched_in_its_lifetime(at: float, status: int, ok: bool) -> None:  # noqa: FBT001  (a table)
    wire = running(30.0, name="toapis")
    wire.download(at, status=status)
    assert wire.verdict("in-time") is ok


@pytest.mark.parametrize(("at", "status", "ok"), [(100.0, 200, True), (1_000.0, 404, False)])
def test_a_scenario_may_shorten_the_lifetime(at: float, status: int, ok: bool) -> None:  # noqa: FBT001  (a table)
    wire = running(30.0, name="toapis")
    wire.download(at, status=status)
    short = scene(faults=[read_fault({"lifetime": "10m"})])
    assert wire.verdict("in-time", scenario=short) is ok
    assert wire.verdict("in-time") is True


def test_no_download_shows_nothing_of_time_or_key() -> None:
    assert running(30.0).judged("in-time") == []
    assert running(30.0).judged("key-to-results") == []


# connections


def connected(*numbers: int | None, pause: float = 3.1, **more: Given) -> Wire:
    wire = Wire()
    wire.create(0.0, connection=numbers[0])
    for index, number in enumerate(numbers):
        wire.poll(30.0 + pause * index, connection=number, **more)
    return wire


@pytest.mark.parametrize(
    ("numbers", "ok"),
    [
        ((1, 1, 1, 1), True),
        ((2, 2, 2, 2), True),
        ((1, 2, 2, 2, 2), True),
        ((1, 2, 1, 2, 1), True),
        ((1, 2, 3, 4), False),
        ((1, 2, 3, 3, 4, 5), False),
        ((1, 2, 3), None),
        ((1, None, 3, 4), None),
    ],
)
def test_polls_share_a_connection(numbers: tuple[int | None, ...], ok: bool | None) -> None:  # noqa: FBT001  (a table)
    assert connected(*numbers).verdict("connections", SILENT) is ok


def test_whoever_has_a_reason_to_connect_again_is_not_blamed() -> None:
    assert connected(1, 2, 3, 4, pause=12.0).judged("connections", SILENT) == []
    assert connected(1, 2, 3, 4, answered=(("Connection", "close"),)).judged("connections", SILENT) == []
    assert connected(1, 2, 3, 4, fault="{content_length: none, on: poll}").judged("connections", SILENT) == []
    wire = connected(1, 1, 1, 2, 2, 2)
    changed(wire, 4, fault="{reset: before}", response=None)
    assert wire.verdict("connections", SILENT) in (True, None)
    assert connected(1, 1, 1, 2, 2, 2, 2).verdict("connections", SILENT, EXITED) is True


def test_a_client_that_gave_up_says_so_in_either_way() -> None:
    ending = Ending(end=End.EXITED, code=1, seconds=60.0)
    gave_up = Answer(told=Told.SILENT, gave_up=True)
    assert running(10.0, name="toapis").verdict("patience", gave_up, ending) is False
