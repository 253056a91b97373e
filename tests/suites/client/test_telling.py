"""What a client tells: that it ends, the outcome, the images and their bytes."""

from __future__ import annotations

import pytest

from imageproof.specs.faults import read_fault
from imageproof.suites.client.judging import judge, why_not_judged
from imageproof.suites.client.watch import Answer, End, Ending, Told
from tests.suites.client.wires import DONE, EXITED, FAILED, IMAGE, OTHER, SILENT, Wire, scene, whole_life


def ending(end: End, code: int | None = None, seconds: float = 1.0) -> Ending:
    return Ending(end=end, code=code, seconds=seconds, output="Traceback")


# ends


@pytest.mark.parametrize("code", [0, 1, 2, 64])
def test_whoever_exits_has_come_to_an_end(code: int) -> None:
    assert whole_life().verdict("ends", DONE, ending(End.EXITED, code)) is True


@pytest.mark.parametrize("end", [End.CRASHED, End.HUNG, End.FLOODED, End.UNANSWERED])
def test_no_other_end_is_one(end: End) -> None:
    wire = whole_life()
    (remark,) = wire.judged("ends", SILENT, ending(end, -11))
    assert not remark.ok
    assert remark.bad == wire.exchanges[-1].id
    assert remark.details is not None
    assert remark.details["output"] == "Traceback"


def test_a_client_that_is_only_watched_shows_nothing_of_its_end() -> None:
    assert whole_life().judged("ends", SILENT, ending(End.WATCHED)) == []


def test_a_wrong_outcome_after_a_crash_is_not_blamed_again() -> None:
    wire = whole_life()
    assert wire.judged("outcome", SILENT, ending(End.CRASHED, 1), scenario=scene()) == []
    assert wire.judged("outcome", FAILED, ending(End.HUNG), scenario=scene()) == []
    assert wire.verdict("outcome", DONE, ending(End.CRASHED, 1), scenario=scene()) is True


# outcome


@pytest.mark.parametrize(
    ("expected", "answer", "code", "ok"),
    [
        ("done", DONE, 0, True),
        ("done", FAILED, 2, False),
        ("failed", FAILED, 2, True),
        ("failed", DONE, 0, False),
        ("either", DONE, 0, True),
        ("either", FAILED, 2, True),
        ("done", SILENT, 0, True),
        ("done", SILENT, 2, False),
        ("done", SILENT, 1, False),
        ("failed", SILENT, 2, True),
        ("failed", SILENT, 0, False),
        ("failed", SILENT, 1, None),  # neither of the codes that say something
        ("either", SILENT, 1, None),
    ],
)
def test_the_outcome_is_what_the_scenario_expects(expected: str, answer: Answer, code: int, ok: bool | None) -> None:  # noqa: FBT001  (a table)
    found = whole_life().verdict("outcome", answer, ending(End.EXITED, code), scenario=scene(expected))
    assert found is ok


def test_a_silent_client_that_did_not_exit_said_nothing() -> None:
    assert whole_life().judged("outcome", SILENT, ending(End.WATCHED), scenario=scene()) == []


@pytest.mark.parametrize("rule", ["reads-body", "bytes", "survives", "gives-up"])
def test_a_wrong_outcome_breaks_the_rule_that_the_scenario_names(rule: str) -> None:
    wire = whole_life()
    wrong = [item.rule for item in judge(wire.watch(DONE, scenario=scene("failed", rule=rule))) if not item.ok]
    assert set(wrong) == {f"reapi/client/{rule}"}
    assert wire.judged("outcome", DONE, scenario=scene("failed", rule=rule)) == []
    assert wire.verdict(rule, FAILED, scenario=scene("failed", rule=rule)) is True


@pytest.mark.parametrize(
    ("kind", "ok"),
    [("moderation", True), ("quota", True), ("network", False), ("a word of its own", None), (None, None)],
)
def test_the_kind_of_failure_fits_when_both_name_a_known_one(kind: str | None, ok: bool | None) -> None:  # noqa: FBT001  (a table)
    wanted = scene("failed", rule="reads-body", kinds=("moderation", "quota"))
    found = whole_life().verdict("outcome", Answer(told=Told.FAILED, kind=kind), scenario=wanted)
    assert found is ok


def test_without_a_scenario_the_truth_of_the_only_job_decides() -> None:
    good, bad = whole_life(), whole_life()
    bad.truths.clear()
    bad.truth(succeeded=False)
    assert good.verdict("outcome", DONE) is True
    assert good.verdict("outcome", FAILED) is None
    assert bad.verdict("outcome", DONE) is False
    assert bad.verdict("outcome", FAILED) is True


@pytest.mark.parametrize(
    ("answer", "end"), [(Answer(told=Told.UNSUPPORTED), EXITED), (SILENT, Ending(end=End.NOT_STARTED))]
)
def test_who_does_not_take_part_is_not_judged_and_says_why(answer: Answer, end: Ending) -> None:
    watch = whole_life().watch(answer, end, scenario=scene())
    assert judge(watch) == []
    assert why_not_judged(watch)


# images and bytes


def several(*digests: str) -> Wire:
    wire = Wire()
    wire.create()
    wire.truth(images=digests)
    return wire


def told(*digests: str) -> Answer:
    return Answer(told=Told.DONE, images=digests)


A, B, C, D = (letter * 64 for letter in "abcd")


@pytest.mark.parametrize(
    ("true", "given", "images", "whole"),
    [
        ((A,), (A,), True, True),
        ((A, B, C, D), (D, C, B, A), True, True),
        ((A, A), (A, A), True, True),
        ((A, B, C, D), (A,), False, True),
        ((A, B), (A, A), False, True),
        ((A,), (A, A), False, True),
        ((A, B), (), False, True),
        ((A,), (OTHER,), True, False),
        ((A, B), (A, C), True, False),
        ((A,), (A, C), False, False),
    ],
)
def test_images_are_compared_as_often_as_they_occur(
    true: tuple[str, ...],
    given: tuple[str, ...],
    images: bool,  # noqa: FBT001  (a table)
    whole: bool,  # noqa: FBT001  (a table)
) -> None:
    wire = several(*true)
    assert wire.verdict("images", told(*given)) is images
    assert wire.verdict("bytes", told(*given)) is whole


def test_the_images_of_several_jobs_are_all_wanted_or_those_of_the_one_that_was_told() -> None:
    wire = several(A)
    wire.create(1.0, task="two", sent={"prompt": "another"})
    wire.truth(task="two", exchange=2, images=(B,))
    both, one = scene(images=2, submits=None), scene(images=1, submits=None)
    assert wire.verdict("images", told(A, B), scenario=both) is True
    assert wire.verdict("images", told(A), scenario=both) is False
    assert wire.verdict("images", told(B), scenario=one) is True
    assert wire.verdict("images", Answer(told=Told.DONE, images=(B,), task="two"), scenario=one) is True
    assert wire.verdict("bytes", told(A), scenario=one) is True


def test_nothing_is_said_of_images_that_nobody_told_or_had() -> None:
    wire = several(A)
    assert wire.judged("images", Answer(told=Told.DONE)) == []
    assert wire.judged("bytes", FAILED) == []
    wire.truths.clear()
    wire.truth(succeeded=False)
    assert wire.judged("images", told(A)) == []


def test_bytes_are_not_judged_where_no_client_can_tell_that_they_are_wrong() -> None:
    wire = several(A)
    foreign, cut = [read_fault({"result": "foreign"})], [read_fault({"result": "truncated"})]
    assert wire.judged("bytes", told(B), scenario=scene("either", faults=foreign)) == []
    assert wire.verdict("bytes", told(B), scenario=scene(faults=cut)) is False
    assert wire.verdict("bytes", told(B), scenario=scene("either")) is False
    assert wire.verdict("bytes", told(B), scenario=scene(faults=[read_fault({"flips": True})])) is False


def test_a_good_life_is_right_in_all_that_was_seen() -> None:
    remarks = judge(whole_life().watch(scenario=scene(images=1)))
    assert [remark for remark in remarks if not remark.ok] == []
    seen = {remark.rule.removeprefix("reapi/client/") for remark in remarks}
    assert seen >= {"ends", "outcome", "images", "bytes", "requests", "key-in-url", "key-to-results", "submits-once"}
    assert seen >= {"patience", "after-end", "in-time", "connections", "reapi/polling/cadence"}
    assert IMAGE
