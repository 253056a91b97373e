"""The table of all rules, what was not judged and why, and what each rule cost. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.reports.amounts import credits_of, usd
from imageproof.reports.causes import not_judged
from imageproof.reports.html_links import GLYPHS, RuleLink, css_of, safe_url
from imageproof.reports.telling import evidence_of, in_short, place_of
from imageproof.reports.wire_text import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run
    from imageproof.reports.html_links import Anchors

LONGEST = 200  # characters of a cell
MOST_COSTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A row of the table. `card` is the anchor where the finding is told; where there is none, `says` tells it."""

    anchor: str
    card: str
    rule: str
    level: str
    verdict: str
    css: str
    glyph: str
    sentence: str
    says: str
    judged: int
    how: str
    source: str
    url: str
    place: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Rules that were not judged for one reason."""

    verdict: str
    css: str
    glyph: str
    reason: str
    rules: tuple[RuleLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What the requests about one rule cost."""

    rule: str
    anchor: str
    requests: int
    usd: str
    credits: str


def rule_rows(findings: Iterable[Finding], anchors: Anchors, cards: AbstractSet[str]) -> tuple[RuleRow, ...]:
    """A row for each rule; `cards` are the anchors of the findings that are told elsewhere."""
    return tuple(_row(item, anchors, cards) for item in findings)


def _row(item: Finding, anchors: Anchors, cards: AbstractSet[str]) -> RuleRow:
    card = anchors.card(item.rule)
    is_told = card in cards
    has_more = not is_told and (item.reason or item.actual or item.by)
    return RuleRow(
        anchor=anchors.row(item.rule),
        card=card if is_told else "",
        rule=item.rule,
        level=item.level,
        verdict=item.verdict.value,
        css=css_of(item.verdict),
        glyph=GLYPHS[item.verdict],
        sentence=shortened(item.sentence, LONGEST),
        says=shortened(in_short(item), LONGEST) if has_more else "",
        judged=item.judged,
        how=item.how,
        source=shortened(item.source, LONGEST),
        url=safe_url(item.url),
        place=place_of(item.place),
        evidence=shortened(evidence_of(item.evidence), LONGEST),
    )


def silences(findings: Sequence[Finding], anchors: Anchors) -> tuple[Silence, ...]:
    """What was not judged, by reason."""
    return tuple(
        Silence(
            verdict=group.verdict.value,
            css=css_of(group.verdict),
            glyph=GLYPHS[group.verdict],
            reason=shortened(group.reason, LONGEST),
            rules=tuple(RuleLink(rule=item.rule, anchor=anchors.row(item.rule)) for item in group.findings),
        )
        for group in not_judged(findings)
    )


def costs(run: Run, anchors: Anchors) -> tuple[Cost, ...]:
    """The rules that cost money or requests of their own, the dearest first."""
    paid = sorted(
        (item for item in run.findings if item.micro_usd or item.requests),
        key=lambda item: (-item.micro_usd, -item.requests),
    )
    return tuple(
        Cost(
            rule=item.rule,
            anchor=anchors.row(item.rule),
            requests=item.requests,
            usd=usd(item.micro_usd),
            credits=credits_of(item.micro_usd, run.header.micro_usd_per_credit),
        )
        for item in paid[:MOST_COSTS]
    )
