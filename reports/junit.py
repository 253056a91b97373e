"""JUnit XML, which every CI system shows: one test case for each rule."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from imageproof.records.lines import Verdict
from imageproof.reports.causes import why
from imageproof.reports.load_text import is_invalid, is_load
from imageproof.reports.summary import summary
from imageproof.reports.telling import curl_of, evidence_of, heading, in_short, provenance, took_s
from imageproof.reports.wire_text import one_line, plain

if TYPE_CHECKING:
    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run

OUTCOMES = {
    Verdict.FAILED: "failure",
    Verdict.STALE: "failure",
    Verdict.ERRORED: "error",
    Verdict.KNOWN: "skipped",
    Verdict.BLOCKED: "skipped",
    Verdict.INCONCLUSIVE: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
}


def render(run: Run) -> str:
    """The run as JUnit XML. A run that was cut off has an error of its own, so that it is green nowhere."""
    suite = Element("testsuite", _attributes(run))
    _properties(suite, _of_run(run))
    for finding in run.findings:
        suite.append(_case(run, finding))
    if run.cut is not None:
        case = SubElement(suite, "testcase", classname=one_line(run.header.spec), name="the run ended", time="0.000")
        SubElement(case, "error", type="cut", message=one_line(run.cut))
    totals = ("name", "tests", "failures", "errors", "skipped", "time")
    root = Element("testsuites", {name: suite.attrib[name] for name in totals})
    root.append(suite)
    indent(root)
    return tostring(root, encoding="unicode", xml_declaration=False).join((DECLARATION, "\n"))


DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def outcome_of(run: Run, finding: Finding) -> str | None:
    """What JUnit says of a finding; a goal that a load run could not judge is an error, as such a run is no pass."""
    return "error" if is_invalid(run, finding) else OUTCOMES.get(finding.verdict)


def class_name(rule: str) -> str:
    """The folder of a rule, as JUnit groups cases: `reapi.submit` of `reapi/submit/gpt-image-2/size/one-of`."""
    return ".".join(one_line(rule).split("/")[:-1][:2]) or "imageproof"


def _attributes(run: Run) -> dict[str, str]:
    outcomes = [outcome_of(run, finding) for finding in run.findings]
    has_end = run.cut is None
    return {
        "name": one_line(heading(run.header)),
        "tests": str(len(outcomes) + (not has_end)),
        "failures": str(outcomes.count("failure")),
        "errors": str(outcomes.count("error") + (not has_end)),
        "skipped": str(outcomes.count("skipped")),
        "time": f"{summary(run).duration_s:.3f}",
        "timestamp": one_line(run.header.started).partition("+")[0],
    }


def _of_run(run: Run) -> dict[str, str]:
    header, sums = run.header, summary(run)
    return {
        "target": header.target,
        "mode": header.mode,
        "seed": str(header.seed),
        "imageproof": header.version,
        **header.versions,
        "says": sums.says,
        "coverage": sums.coverage,
        "requests": str(sums.requests),
        "micro_usd": str(sums.micro_usd),
        **{f"warning {number}": text for number, text in enumerate(sums.warnings, start=1)},
    }


def _properties(parent: Element, values: dict[str, str]) -> None:
    box = SubElement(parent, "properties")
    for name, value in values.items():
        if value:
            SubElement(box, "property", name=one_line(name), value=one_line(value))


def _case(run: Run, finding: Finding) -> Element:
    place = finding.place
    where = {"file": one_line(place.file), "line": str(place.line)} if place else {}
    name = {"classname": class_name(finding.rule), "name": one_line(finding.rule)}
    case = Element("testcase", {**name, **where, "time": f"{took_s(run, finding):.3f}"})
    _properties(case, {"level": finding.level, "verdict": finding.verdict.value, "provenance": provenance(finding)})
    outcome = outcome_of(run, finding)
    if outcome == "skipped":
        SubElement(case, outcome, type=finding.verdict.value, message=_skipped(finding))
    elif outcome:
        shown = SubElement(
            case, outcome, type=f"{finding.level} {finding.verdict}", message=one_line(in_short(finding))
        )
        shown.text = _details(finding)
    if commands := _commands(run, finding):
        SubElement(case, "system-out").text = commands
    return case


def _skipped(finding: Finding) -> str:
    said = in_short(finding) if finding.verdict is Verdict.KNOWN else why(finding)
    by = f" [{finding.by}]" if finding.by and finding.by not in said else ""
    return one_line(f"{finding.verdict}: {said}{by}")


def _details(finding: Finding) -> str:
    known = provenance(finding)
    lines = {
        "requires": f"{finding.level} {finding.sentence}{f' ({known})' if known else ''}",
        "expected": finding.expected,
        "actual": finding.actual,
        "reason": finding.reason,
        "evidence": evidence_of(finding.evidence),
        "source": finding.url,
    }
    more = [f"also: {text}" for text in finding.more]
    return "\n".join(one_line(line) for line in (*(f"{name}: {text}" for name, text in lines.items() if text), *more))


def _commands(run: Run, finding: Finding) -> str:
    """What shows it again; for a warning also what was seen, as JUnit has no place for one.

    A goal of a load run that is met tells by how much.
    """
    if is_load(run) and finding.verdict is Verdict.PASSED:
        return one_line(finding.actual)
    warned = one_line(f"warned: {in_short(finding)}") if finding.verdict is Verdict.WARNED else ""
    parts = (warned, plain(curl_of(run, finding)), plain(finding.replay))
    return "\n".join(part for part in parts if part) if finding.verdict is not Verdict.PASSED else ""
