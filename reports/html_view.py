"""All that the page shows of a run, decided before the template is asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.amounts import counted, credits_of, lasted, share, usd
from imageproof.reports.html_coverage import Covered, covered_of
from imageproof.reports.html_exchange import ExchangeView, evidence_ids, exchange_views
from imageproof.reports.html_failures import Telling, telling_of
from imageproof.reports.html_heat import Heat, heat_of
from imageproof.reports.html_links import GLYPHS, anchors_of, css_of
from imageproof.reports.html_pictures import Pictures, pictures_of
from imageproof.reports.html_rules import Cost, RuleRow, Silence, costs, rule_rows, silences
from imageproof.reports.html_timeline import Timelines, timelines
from imageproof.reports.html_weight import weight_of_exchange
from imageproof.reports.summary import Summary, summary
from imageproof.reports.telling import heading

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet

    from imageproof.records.reading import Run

FOR_OTHERS = 100_000  # characters of exchanges that stand in no finding's pair
MEANINGS = {
    None: "cut off",
    0: "conforms",
    1: "does not conform",
    2: "a mistake in the command",
    3: "the target could not be reached, or imageproof itself failed",
    4: "nothing was judged",
    5: "the budget ended first",
}
TONES = {None: "inconclusive", 0: "passed", 1: "failed", 4: "inconclusive", 5: "inconclusive"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many rules of a level have a verdict; `width` is its part of the bar, out of 1,000."""

    verdict: str
    css: str
    glyph: str
    number: int
    x: int
    width: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level, and how its rules fared."""

    name: str
    total: int
    counts: tuple[Count, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """The verdict, and the figures that belong to it."""

    title: str
    says: str
    meaning: str
    tone: str
    glyph: str
    exit: str
    levels: tuple[Level, ...]
    coverage: str
    figures: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The whole page."""

    banner: Banner
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    silences: tuple[Silence, ...]
    telling: Telling
    timelines: Timelines
    pictures: Pictures
    heat: Heat
    coverage: tuple[Covered, ...]
    rules: tuple[RuleRow, ...]
    verdicts: tuple[str, ...]
    others: tuple[ExchangeView, ...]
    embedded: AbstractSet[int]
    costs: tuple[Cost, ...]
    facts: tuple[tuple[str, str], ...]
    config: tuple[tuple[str, str], ...]

    @property
    def failed(self) -> int:
        """How many findings are failures."""
        return sum(1 for row in self.rules if row.verdict == Verdict.FAILED)


def page_of(run: Run) -> Page:
    """Decide what the page shows."""
    sums, anchors = summary(run), anchors_of(run.findings)
    ids = evidence_ids(run.findings)
    views = exchange_views(run, ids)
    telling = telling_of(run, anchors, views)
    told = frozenset().union(*(card.numbers for card in telling.cards))
    others = _others(views, told)
    return Page(
        banner=banner_of(run, sums),
        warnings=sums.warnings,
        notes=run.footer.notes if run.footer else (),
        silences=silences(run.findings, anchors),
        telling=telling,
        timelines=timelines(run, frozenset(ids)),
        pictures=pictures_of(run.pictures),
        heat=heat_of(run.findings, [item.model for item in run.coverage], anchors),
        coverage=covered_of(run.coverage),
        rules=rule_rows(run.findings, anchors, telling.anchors),
        verdicts=tuple(verdict.value for verdict in Verdict if sums.total(verdict)),
        others=others,
        embedded=told | {view.number for view in others},
        costs=costs(run, anchors),
        facts=_facts(run, sums),
        config=tuple(run.header.config.items()),
    )


def _others(views: Mapping[int, ExchangeView], told: AbstractSet[int]) -> tuple[ExchangeView, ...]:
    """The evidence that stands in no card, as far as there is room."""
    room = FOR_OTHERS
    kept: list[ExchangeView] = []
    for number in sorted(views.keys() - told):
        room -= weight_of_exchange(views[number])
        if room < 0:
            break
        kept.append(views[number])
    return tuple(kept)


def banner_of(run: Run, sums: Summary) -> Banner:
    """The verdict of a run; a run that was cut off has none, and says so."""
    tone = TONES.get(sums.exit, "failed")
    return Banner(
        title=heading(run.header),
        says=sums.says,
        meaning=MEANINGS.get(sums.exit, "ended with an unknown exit code"),
        tone=tone,
        glyph=GLYPHS[Verdict(tone)],
        exit="" if sums.exit is None else str(sums.exit),
        levels=tuple(_level(name, of_level) for name, of_level in sums.counts.items()),
        coverage=sums.coverage,
        figures=_figures(run, sums),
    )


def _level(name: str, of_level: Mapping[Verdict, int]) -> Level:
    total = sum(of_level.values())
    counts: list[Count] = []
    x = before = 0
    for verdict, number in of_level.items():
        before += number
        width = before * 1000 // total - x
        if number:
            parts = {"verdict": verdict.value, "css": css_of(verdict), "glyph": GLYPHS[verdict]}
            counts.append(Count(**parts, number=number, x=x, width=width))
        x += width
    return Level(name=name, total=total, counts=tuple(counts))


def _figures(run: Run, sums: Summary) -> tuple[tuple[str, str], ...]:
    header = run.header
    limit = header.max_micro_usd
    in_credits = credits_of(sums.micro_usd, header.micro_usd_per_credit)
    of_limit = f"of {usd(limit)} ({share(sums.micro_usd, limit)})" if limit else "no limit was set"
    return _filled(
        ("target", header.target),
        ("contract", f"{header.title} ({header.spec})"),
        ("mode", f"{header.mode}{', strict' if header.strict else ''}"),
        ("spent", f"{usd(sums.micro_usd)}{f' = {in_credits}' if in_credits else ''}, {of_limit}"),
        ("requests", f"{sums.requests:,}, {sums.billable:,} billable"),
        ("took", lasted(sums.duration_s)),
        ("seed", str(header.seed)),
    )


def _facts(run: Run, sums: Summary) -> tuple[tuple[str, str], ...]:
    header = run.header
    expected = f"{header.expected_requests:,}" if header.expected_requests is not None else ""
    estimate = usd(header.expected_micro_usd) if header.expected_micro_usd is not None else ""
    return _filled(
        ("started", header.started),
        ("seed", str(header.seed)),
        ("rules of the contract", counted(header.rules, "rule") if header.rules or header.what != "load" else ""),
        ("requests expected", expected),
        ("requests sent", f"{sums.requests:,}"),
        ("cost expected", estimate),
        ("cost", usd(sums.micro_usd)),
        ("imageproof", header.version),
        *header.versions.items(),
    )


def _filled(*pairs: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, text) for name, text in pairs if text)
