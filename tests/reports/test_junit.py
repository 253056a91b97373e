"""JUnit, read back by a parser."""

from xml.etree.ElementTree import Element, fromstring

from hypothesis import given
from hypothesis import strategies as st

from imageproof.records.lines import Verdict
from imageproof.reports.junit import OUTCOMES, class_name, render
from tests.reports.runs import every_verdict, finding, run_of


def root_of(text: str) -> Element:
    return fromstring(text.encode())  # noqa: S314  (it was written a moment ago)


def suite_of(text: str) -> Element:
    suite = root_of(text).find("testsuite")
    assert suite is not None
    return suite


def cases_of(text: str) -> dict[str, Element]:
    return {case.attrib["name"]: case for case in suite_of(text).iter("testcase")}


def outcome_of(case: Element) -> str:
    found = [child.tag for child in case if child.tag in {"failure", "error", "skipped"}]
    assert len(found) <= 1
    return found[0] if found else "passed"


def test_each_rule_is_one_case_with_its_outcome() -> None:
    found = every_verdict()
    cases = cases_of(render(run_of(*found)))
    assert {name: outcome_of(case) for name, case in cases.items()} == {
        item.rule: OUTCOMES.get(item.verdict, "passed") for item in found
    }


def test_the_totals_are_what_the_cases_say() -> None:
    text = render(run_of(*every_verdict()))
    root, outcomes = root_of(text), [outcome_of(case) for case in cases_of(text).values()]
    for element in (root, suite_of(text)):
        assert element.attrib["tests"] == str(len(outcomes))
        assert element.attrib["failures"] == str(outcomes.count("failure")) == "4"
        assert element.attrib["errors"] == str(outcomes.count("error")) == "1"
        assert element.attrib["skipped"] == str(outcomes.count("skipped")) == "7"


def test_a_failure_tells_expected_actual_evidence_and_how_to_see_it_again() -> None:
    case = cases_of(render(run_of(*every_verdict())))["reapi/submit/gpt-image-2/size/one-of"]
    failure = case.find("failure")
    assert failure is not None
    assert failure.attrib["type"] == "MUST failed"
    assert failure.attrib["message"].startswith("expected status 400 with code 20003, got status 200")
    assert "exchange 2 broke it" in (failure.text or "")
    assert (case.findtext("system-out") or "").splitlines()[0].startswith("curl ")
    assert (case.findtext("system-out") or "").splitlines()[1].startswith("imageproof replay ")
    assert case.attrib["classname"] == "reapi.submit"
    assert (case.attrib["file"], case.attrib["line"]) == ("specs/providers/reapi.yaml", "41")
    assert case.attrib["time"] == "0.375"


def test_what_was_skipped_says_why() -> None:
    cases = cases_of(render(run_of(*every_verdict())))
    messages = {
        name: skip.attrib["message"] for name, case in cases.items() if (skip := case.find("skipped")) is not None
    }
    assert messages["reapi/auth/key"] == "not applicable: a gateway issues keys of its own form"
    assert messages["reapi/results/size"] == "blocked: no task was made [reapi/answers/submit/route]"
    assert messages["reapi/general/decodes"] == "inconclusive: the budget ended before it"
    assert messages["reapi/submit/gpt-image-2/user/length"].startswith("known: expected status 400, got status 200")


def test_the_suite_holds_seed_versions_and_target() -> None:
    suite = suite_of(render(run_of(*every_verdict())))
    values = {item.attrib["name"]: item.attrib["value"] for item in suite.findall("properties/property")}
    assert values["seed"] == "7"
    assert values["imageproof"] == "0.1.0"
    assert values["python"] == "3.11.7"
    assert values["target"].startswith("http://127.0.0.1")
    assert suite.attrib["timestamp"] == "2026-11-21T09:06:16"


def test_a_run_that_was_cut_off_is_green_nowhere() -> None:
    text = render(run_of(finding("a/1", Verdict.PASSED), cut="the run has no footer"))
    assert suite_of(text).attrib["errors"] == "1"
    assert outcome_of(cases_of(text)["the run ended"]) == "error"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_gives_xml_that_can_be_read(text: str) -> None:
    item = finding("a/b", Verdict.FAILED, expected=text, actual=text, curl=text, reason=text, more=(text,))
    assert outcome_of(cases_of(render(run_of(item)))["a/b"]) == "failure"


def test_classes_are_the_first_two_parts_of_a_rule() -> None:
    assert class_name("reapi/submit/gpt-image-2/size/one-of") == "reapi.submit"
    assert class_name("reapi/idempotency") == "reapi"
    assert class_name("lonely") == "imageproof"
