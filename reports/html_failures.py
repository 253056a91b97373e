"""Findings told at length: requirement, expected, actual, evidence side by side, commands to see it again. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.amounts import counted, credits_of, usd
from imageproof.reports.causes import Cause, causes
from imageproof.reports.html_diff import request_lines, side_by_side
from imageproof.reports.html_links import GLYPHS, RuleLink, css_of, safe_url
from imageproof.reports.html_weight import weight, weight_of_exchange, weight_of_row
from imageproof.reports.telling import BASES, curl_of, in_short, place_of
from imageproof.reports.wire_text import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run
    from imageproof.reports.html_diff import Row
    from imageproof.reports.html_exchange import ExchangeView
    from imageproof.reports.html_links import Anchors

PATIENCE = timedelta(days=30)  # of a baseline entry, unless its owner says otherwise
LONGEST = 1_200  # characters of a sentence
LONGEST_COMMAND = 8_000
MOST_BLOCKED = 60
MOST_MORE = 8
MOST_CARDS = 120
LONGEST_BRIEF = 160
FRAME = 2_500  # characters of markup of a card
FULL = 500_000  # characters of cards on the page; findings behind them are told in a line each
NO_PAIR = (None, None)
BAD, GOOD = "broke the rule", "its twin, which was right"
NOTED = (Verdict.STALE, Verdict.ERRORED, Verdict.WARNED, Verdict.KNOWN)


Pair = tuple[int | None, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An exchange and its part in the evidence; `anchor` is empty where a card above has it already."""

    role: str
    view: ExchangeView
    anchor: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One finding at length.

    `rows` is the difference of the two requests, `shown` the exchanges, `above` the card that shows the same ones,
    `others` the numbers of further exchanges.
    """

    anchor: str
    row: str
    rule: str
    level: str
    verdict: str
    css: str
    glyph: str
    sentence: str
    expected: str
    actual: str
    reason: str
    by: str
    how: str
    basis: str
    source: str
    url: str
    place: str
    more: tuple[str, ...]
    curl: str
    replay: str
    baseline: str
    cost: str
    blocked: tuple[RuleLink, ...]
    blocked_more: int
    rows: tuple[Row, ...] = ()
    shown: tuple[Shown, ...] = ()
    above: str = ""
    others: tuple[int, ...] = ()

    @property
    def numbers(self) -> frozenset[int]:
        """The exchanges that it shows."""
        return frozenset(item.view.number for item in self.shown)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """All that is told: cards at length, and one line each for those that are too many."""

    cards: tuple[Card, ...]
    brief: tuple[RuleLink, ...] = ()

    @property
    def anchors(self) -> frozenset[str]:
        """Where the findings are told."""
        return frozenset([*(card.anchor for card in self.cards), *(link.own for link in self.brief)])


def telling_of(run: Run, anchors: Anchors, views: Mapping[int, ExchangeView]) -> Telling:
    """The failures by root cause, then what else was noted: each card shows its evidence unless one above does."""
    noted = [item for verdict in NOTED for item in run.findings if item.verdict is verdict]
    every = [*causes(run.findings), *(Cause(finding=item) for item in noted)]
    told: dict[Pair, str] = {}
    anchored: frozenset[int] = frozenset()
    room = FULL
    cards: list[Card] = []
    for cause in every[:MOST_CARDS]:
        if room <= 0:
            break
        card = _complete(_card(run, cause, anchors), run, _pair(cause.finding), views, told)
        card = replace(card, shown=tuple(_anchored(item, anchored) for item in card.shown))
        anchored |= card.numbers
        room -= _weight_of(card)
        cards.append(card)
    return Telling(cards=tuple(cards), brief=tuple(_brief(cause.finding, anchors) for cause in every[len(cards) :]))


def _anchored(item: Shown, taken: AbstractSet[int]) -> Shown:
    return item if item.view.number in taken else replace(item, anchor=f"exchange-{item.view.number}")


def _brief(finding: Finding, anchors: Anchors) -> RuleLink:
    return RuleLink(
        rule=finding.rule,
        anchor=anchors.row(finding.rule),
        said=f"{finding.level} {finding.verdict}: {shortened(in_short(finding), LONGEST_BRIEF)}",
        own=anchors.card(finding.rule),
    )


def _weight_of(card: Card) -> int:
    """About how many characters a card adds to the page."""
    said = weight(card.sentence, card.expected, card.actual, card.reason, card.by, *card.more)
    commands = weight(card.curl, card.replay, card.baseline)
    shown = sum(weight_of_exchange(item.view) for item in card.shown)
    return FRAME + said + commands + shown + sum(weight_of_row(row) for row in card.rows)


def baseline_entry(finding: Finding, started: str) -> str:
    """A baseline entry for a failure, ready to paste; the reason, the link and the owner are the reader's to fill."""
    texts = {
        "rule": finding.rule,
        "reason": "say why this failure is accepted for now",
        "link": "https://tracker.example/your-ticket",
        "owner": "your-team",
        "expires": _day(started),
    }
    lines = (f"{name}: {json.dumps(one_line(text), ensure_ascii=False)}" for name, text in texts.items())
    return "- " + "\n  ".join(lines)


def _day(started: str) -> str:
    """The last day of a month's patience. A start that is no time, in a run written by hand, leaves the day open."""
    try:
        return (datetime.fromisoformat(started) + PATIENCE).date().isoformat()
    except (ValueError, OverflowError):
        return "YYYY-MM-DD"


def _pair(finding: Finding) -> Pair:
    return (finding.evidence.bad, finding.evidence.good) if finding.evidence else (None, None)


def _complete(card: Card, run: Run, pair: Pair, views: Mapping[int, ExchangeView], told: dict[Pair, str]) -> Card:
    """The card with its evidence, or with the card that shows the same; what it shows is put down in `told`."""
    if pair == NO_PAIR:
        return card
    if pair in told:
        return replace(card, above=told[pair])
    told |= {pair: card.anchor, (pair[0], None): card.anchor}
    roles = zip((BAD, GOOD), pair, strict=True)
    shown = tuple(
        Shown(role=role, view=views[number]) for role, number in roles if number is not None and number in views
    )
    bad, good = (run.exchanges.get(number) if number is not None else None for number in pair)
    rows = side_by_side(request_lines(bad.request), request_lines(good.request)) if bad and good else ()
    return replace(card, shown=shown, rows=rows)


def _card(run: Run, cause: Cause, anchors: Anchors) -> Card:
    item = cause.finding
    return Card(
        anchor=anchors.card(item.rule),
        row=anchors.row(item.rule),
        rule=item.rule,
        level=item.level,
        verdict=item.verdict.value,
        css=css_of(item.verdict),
        glyph=GLYPHS[item.verdict],
        sentence=shortened(item.sentence, LONGEST),
        expected=shortened(item.expected, LONGEST),
        actual=shortened(item.actual, LONGEST),
        reason=shortened(item.reason, LONGEST),
        by=shortened(item.by, LONGEST),
        how=item.how,
        basis=BASES.get(item.basis, item.basis),
        source=item.source,
        url=safe_url(item.url),
        place=place_of(item.place),
        more=_more(item.more),
        curl=shortened(curl_of(run, item), LONGEST_COMMAND),
        replay=shortened(item.replay, LONGEST_COMMAND),
        baseline=baseline_entry(item, run.header.started) if item.verdict is Verdict.FAILED else "",
        cost=_cost(run, item),
        blocked=_links(cause.blocked[:MOST_BLOCKED], anchors),
        blocked_more=max(0, len(cause.blocked) - MOST_BLOCKED),
        others=item.evidence.others if item.evidence else (),
    )


def _more(more: tuple[str, ...]) -> tuple[str, ...]:
    rest = len(more) - MOST_MORE
    kept = tuple(shortened(text, LONGEST) for text in more[:MOST_MORE])
    return kept if rest <= 0 else (*kept, f"and {rest:,} more")


def _links(findings: Iterable[Finding], anchors: Anchors) -> tuple[RuleLink, ...]:
    return tuple(RuleLink(rule=item.rule, anchor=anchors.row(item.rule), said=item.reason) for item in findings)


def _cost(run: Run, finding: Finding) -> str:
    if not finding.requests and not finding.micro_usd:
        return ""
    amount = credits_of(finding.micro_usd, run.header.micro_usd_per_credit)
    paid = f", {usd(finding.micro_usd)}{f' ({amount})' if amount else ''}" if finding.micro_usd else ""
    return f"{counted(finding.requests, 'request')}{paid}"
