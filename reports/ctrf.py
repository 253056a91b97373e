"""CTRF, the common test report format: the run as JSON for tools that collect test results."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.junit import class_name
from imageproof.reports.load_text import is_invalid
from imageproof.reports.summary import summary
from imageproof.reports.telling import curl_of, evidence_of, in_short, provenance, took_s
from imageproof.reports.wire_text import one_line, plain

if TYPE_CHECKING:
    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run
    from imageproof.specs.model import JsonTree

SPEC_VERSION = "1.0.0"
MILLI = 1000
STATUSES = ("passed", "failed", "skipped", "pending", "other")
STATUS_OF = {
    Verdict.PASSED: "passed",
    Verdict.WARNED: "passed",
    Verdict.FAILED: "failed",
    Verdict.STALE: "failed",
    Verdict.ERRORED: "failed",
    Verdict.KNOWN: "other",
    Verdict.BLOCKED: "skipped",
    Verdict.INCONCLUSIVE: "skipped",
    Verdict.NOT_APPLICABLE: "skipped",
}


def render(run: Run) -> str:
    """The run as CTRF JSON."""
    return json.dumps(report(run), ensure_ascii=False, indent=2) + "\n"


def report(run: Run) -> dict[str, JsonTree]:
    """The same as a value."""
    header = run.header
    return {
        "reportFormat": "CTRF",
        "specVersion": SPEC_VERSION,
        "generatedBy": "imageproof",
        "results": {
            "tool": {"name": "imageproof", "version": one_line(header.version)},
            "summary": _summary(run),
            "tests": [*(_test(run, finding) for finding in run.findings), *_cut(run)],
            "environment": {
                "testEnvironment": one_line(header.target),
                "extra": {
                    "spec": one_line(header.spec),
                    "mode": header.mode,
                    "seed": header.seed,
                    "versions": {one_line(name): one_line(text) for name, text in header.versions.items()},
                },
            },
        },
    }


def status_of(run: Run, finding: Finding) -> str:
    """The status of a finding; a goal that a load run could not judge has failed, as such a run is no pass."""
    return "failed" if is_invalid(run, finding) else STATUS_OF[finding.verdict]


def started_ms(text: str) -> int:
    """The start of a run in milliseconds since 1970; zero for a time that is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * MILLI)


def _summary(run: Run) -> dict[str, JsonTree]:
    sums, start = summary(run), started_ms(run.header.started)
    statuses = [status_of(run, finding) for finding in run.findings] + ["failed"] * (run.cut is not None)
    duration = int(sums.duration_s * MILLI)
    return {
        "tests": len(statuses),
        **{status: statuses.count(status) for status in STATUSES},
        "start": start,
        "stop": start + duration,
        "extra": {
            "says": one_line(sums.says),
            "exit": sums.exit,
            "judged": sums.judged,
            "judgeable": sums.judgeable,
            "requests": sums.requests,
            "billable": sums.billable,
            "microUsd": sums.micro_usd,
            "warnings": [one_line(text) for text in sums.warnings],
        },
    }


def _test(run: Run, finding: Finding) -> dict[str, JsonTree]:
    said: dict[str, JsonTree] = {} if finding.verdict is Verdict.PASSED else {"message": one_line(in_short(finding))}
    where: dict[str, JsonTree] = (
        {"filePath": one_line(finding.place.file), "line": finding.place.line} if finding.place else {}
    )
    return {
        "name": one_line(finding.rule),
        "status": status_of(run, finding),
        "duration": int(took_s(run, finding) * MILLI),
        "suite": [*class_name(finding.rule).split(".")],
        "rawStatus": finding.verdict.value,
        "tags": [finding.level],
        **said,
        **where,
        "extra": _extra(run, finding),
    }


def _extra(run: Run, finding: Finding) -> dict[str, JsonTree]:
    told = {
        "sentence": finding.sentence,
        "expected": finding.expected,
        "actual": finding.actual,
        "reason": finding.reason,
        "by": finding.by,
        "evidence": evidence_of(finding.evidence),
        "basis": finding.basis,
        "provenance": provenance(finding),
        "url": finding.url,
    }
    commands = {"curl": curl_of(run, finding), "replay": finding.replay}
    return {
        **{name: one_line(text) for name, text in told.items() if text},
        **{name: plain(text) for name, text in commands.items() if text},
    }


def _cut(run: Run) -> list[JsonTree]:
    """A run that was cut off has a failed test of its own, so that it is green nowhere."""
    if run.cut is None:
        return []
    return [{"name": "the run ended", "status": "failed", "duration": 0, "message": one_line(run.cut)}]
