"""What several reports say of one finding, in the same words: where it stands, its evidence, how to see it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict

if TYPE_CHECKING:
    from imageproof.records.lines import Evidence, Finding, Header, Place
    from imageproof.records.reading import Run

BASES = {
    "pair": "a pair: the same request, repaired, was accepted",
    "contrast": "contrast: its code, its parameter and other refusals; the repaired request was not sent",
}


def place_of(place: Place | None) -> str:
    """A line of a spec as editors find it: `specs/providers/reapi.yaml:24`."""
    return f"{place.file}:{place.line}" if place else ""


def provenance(finding: Finding) -> str:
    """How the rule is known and where it stands: `documented: model page > Size, specs/providers/reapi.yaml:24`."""
    known = ": ".join(part for part in (finding.how, finding.source) if part)
    return ", ".join(part for part in (known, place_of(finding.place)) if part)


def evidence_of(evidence: Evidence | None) -> str:
    """The exchanges that show a finding: `exchange 12 broke it, exchange 13 is its twin that was right`."""
    if evidence is None:
        return ""
    bad = f"exchange {evidence.bad} broke it" if evidence.bad is not None else ""
    good = f"exchange {evidence.good} is its twin that was right" if evidence.good is not None else ""
    others = f"see also {', '.join(map(str, evidence.others))}" if evidence.others else ""
    return ", ".join(part for part in (bad, good, others) if part)


def curl_of(run: Run, finding: Finding) -> str:
    """The curl line of a finding: its own, or that of the exchange that broke the rule."""
    if finding.curl or finding.evidence is None or finding.evidence.bad is None:
        return finding.curl
    exchange = run.exchanges.get(finding.evidence.bad)
    return exchange.curl if exchange else ""


def took_s(run: Run, finding: Finding) -> float:
    """The seconds that the exchanges of its evidence took together; zero when there are none."""
    evidence = finding.evidence
    if evidence is None:
        return 0.0
    ids = {number for number in (evidence.bad, evidence.good, *evidence.others) if number is not None}
    shown = (run.exchanges[number] for number in ids if number in run.exchanges)
    return max(0.0, sum(exchange.ended_s - exchange.began_s for exchange in shown))


def in_short(finding: Finding) -> str:
    """One sentence: what was got against what was expected, or the reason."""
    if finding.verdict is Verdict.STALE:
        return finding.reason or "listed in the baseline, but it passes now: remove the entry"
    if finding.actual and finding.expected:
        return f"expected {finding.expected}, got {finding.actual}"
    if finding.actual:
        return f"got {finding.actual}"
    if finding.reason:
        return finding.reason
    return f"blocked by {finding.by}" if finding.by else finding.sentence


def heading(header: Header) -> str:
    """What was run: `imageproof verify gateway reapi`."""
    return f"imageproof {COMMANDS.get(header.what, header.what)} {header.spec}"


COMMANDS = {"gateway": "verify gateway", "client": "verify client"}
