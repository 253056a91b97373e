"""SARIF 2.1.0, for code scanning: findings point at the line of the contract that states the rule."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from imageproof.records.lines import Verdict
from imageproof.reports.causes import causes
from imageproof.reports.summary import summary
from imageproof.reports.telling import curl_of, evidence_of, in_short
from imageproof.reports.wire_text import one_line, plain

if TYPE_CHECKING:
    from imageproof.records.lines import Finding, Place
    from imageproof.records.reading import Run
    from imageproof.specs.model import JsonTree

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "%SRCROOT%"
FINGERPRINT = "rule/v1"
SHOWN = (Verdict.FAILED, Verdict.STALE, Verdict.WARNED, Verdict.KNOWN)


def render(run: Run) -> str:
    """The run as SARIF."""
    return json.dumps(log(run), ensure_ascii=False, indent=2) + "\n"


def log(run: Run) -> dict[str, JsonTree]:
    """The same as a value: what failed, is stale, warned or known. What passed or was not judged is no result."""
    header = run.header
    shown = [finding for finding in run.findings if finding.verdict in SHOWN]
    blocked = {cause.finding.rule: len(cause.blocked) for cause in causes(run.findings)}
    driver: dict[str, JsonTree] = {
        "name": "imageproof",
        "version": one_line(header.version),
        "rules": [_rule(finding) for finding in shown],
    }
    result: dict[str, JsonTree] = {
        "tool": {"driver": driver},
        "automationDetails": {"id": one_line(f"imageproof/{header.what}/{header.spec}/")},
        "originalUriBaseIds": {ROOT: {"description": {"text": "the folder in which imageproof was started"}}},
        "invocations": [_invocation(run)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(run, item, at, blocked.get(item.rule, 0)) for at, item in enumerate(shown)],
        "properties": {"target": one_line(header.target), "mode": header.mode, "seed": header.seed},
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [result]}


def level_of(finding: Finding) -> str:
    """How bad it is, in SARIF's words: a failure is an error, a SHOULD a warning, all else a note."""
    if finding.verdict in (Verdict.FAILED, Verdict.STALE, Verdict.KNOWN):
        return "warning" if finding.level == "SHOULD" else "error"
    return "warning" if finding.level != "MAY" and finding.how != "assumed" else "note"


def uri_of(file: str) -> tuple[str, bool]:
    """The URI of a file, and whether it is relative to the root."""
    path = file.replace("\\", "/")
    if path[1:2] == ":":
        return f"file:///{quote(path, safe='/:')}", False
    return (f"file://{quote(path)}", False) if path.startswith("/") else (quote(path), True)


def _rule(finding: Finding) -> dict[str, JsonTree]:
    link: dict[str, JsonTree] = {"helpUri": finding.url} if finding.url.startswith(("https://", "http://")) else {}
    return {
        "id": one_line(finding.rule),
        "shortDescription": {"text": _message(finding.sentence)},
        "defaultConfiguration": {"level": level_of(finding)},
        **link,
        "properties": {"level": finding.level, "how": finding.how, "source": one_line(finding.source)},
    }


def _result(run: Run, finding: Finding, index: int, blocked: int) -> dict[str, JsonTree]:
    also = f"; {blocked} more could not be judged because of it" if blocked else ""
    where: dict[str, JsonTree] = {"locations": [_location(finding.place)]} if finding.place else {}
    return {
        "ruleId": one_line(finding.rule),
        "ruleIndex": index,
        "level": level_of(finding),
        "message": {"text": _message(f"{finding.sentence}: {in_short(finding)}{also}")},
        "partialFingerprints": {FINGERPRINT: one_line(finding.rule)},
        **where,
        **_suppressed(finding),
        "properties": {
            "verdict": finding.verdict.value,
            "evidence": evidence_of(finding.evidence),
            "curl": plain(curl_of(run, finding)),
            "replay": plain(finding.replay),
        },
    }


def _suppressed(finding: Finding) -> dict[str, JsonTree]:
    if finding.verdict is not Verdict.KNOWN:
        return {}
    said = ": ".join(part for part in (finding.by, finding.reason) if part) or "listed in the baseline"
    return {"suppressions": [{"kind": "external", "status": "accepted", "justification": one_line(said)}]}


def _location(place: Place) -> JsonTree:
    uri, is_relative = uri_of(one_line(place.file))
    base: dict[str, JsonTree] = {"uriBaseId": ROOT} if is_relative else {}
    region: JsonTree = {"startLine": max(1, place.line), "startColumn": max(1, place.column)}
    return {"physicalLocation": {"artifactLocation": {"uri": uri, **base}, "region": region}}


def _message(text: str) -> str:
    """Text as a message holds it: brackets are escaped, so that nobody plants a link."""
    return (
        one_line(text).replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]") or "no sentence was written down"
    )


def _invocation(run: Run) -> JsonTree:
    sums = summary(run)
    errored = [finding for finding in run.findings if finding.verdict is Verdict.ERRORED]
    said = [*([run.cut] if run.cut else []), *(f"{item.rule}: {item.reason}" for item in errored)]
    ended: dict[str, JsonTree] = {} if sums.exit is None else {"exitCode": sums.exit}
    return {
        "executionSuccessful": run.cut is None and not errored,
        **ended,
        "exitCodeDescription": one_line(sums.says),
        "startTimeUtc": one_line(run.header.started).replace("+00:00", "Z"),
        "toolExecutionNotifications": [{"level": "error", "message": {"text": _message(text)}} for text in said],
    }
