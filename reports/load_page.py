"""All that the page shows of a load run, decided before the template is asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.amounts import lasted, usd
from imageproof.reports.html_links import anchors_of
from imageproof.reports.html_rules import rule_rows
from imageproof.reports.html_view import Banner, Page, page_of
from imageproof.reports.load_data import load_data
from imageproof.reports.load_fall import fall_views
from imageproof.reports.load_goals import CONSERVATION, count_rows, goal_rows, limits_of
from imageproof.reports.load_over_time import latency_charts
from imageproof.reports.load_pair import differences_chart
from imageproof.reports.load_rates import errors_chart, flight_chart, throughput_chart
from imageproof.reports.load_shapes import curve_charts, shape_charts
from imageproof.reports.load_tables import (
    ends_table,
    faults_table,
    latency_table,
    net_table,
    overhead_table,
    polling_says,
    polling_table,
)
from imageproof.reports.load_trials import ladder_charts, trials_chart
from imageproof.reports.load_units import bytes_text, clock_text, rate_text, share_text, time_text
from imageproof.reports.summary import summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from imageproof.records.reading import Run
    from imageproof.reports.load_chart import Chart, Table
    from imageproof.reports.load_data import LoadData
    from imageproof.reports.load_fall import FallView
    from imageproof.reports.load_goals import GoalRow

NO_GOAL = "No goal was set: the run tells how it was, and judges only that every job ended once."
NOT_JUDGED = "No goal was judged: the run did not come so far."
MET, MISSED, OPEN_EXIT, ENDED = 0, 1, 4, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadView:
    """The charts and tables of a load run; what has no data is empty or None."""

    goals: tuple[GoalRow, ...]
    counts: tuple[GoalRow, ...]
    health: tuple[tuple[str, str], ...]
    is_bound: bool
    special: tuple[Chart, ...]
    latency: tuple[Chart, ...]
    curves: tuple[Chart, ...]
    shapes: tuple[Chart, ...]
    rates: tuple[Chart, ...]
    errors: Chart | None
    falls: tuple[FallView, ...]
    latency_table: Table
    overhead: Table
    net: Table | None
    polling: Table | None
    polling_says: str
    ends: Table | None
    faults: Table | None
    asides: tuple[str, ...]
    has_data: bool
    no_goal: str


def load_page(run: Run) -> tuple[Page, LoadView]:
    """Decide what the page shows of a load run."""
    data = load_data(run.samples)
    anchors = anchors_of(run.findings)
    page = page_of(run)
    return replace(
        page,
        banner=_banner(run, page.banner, data),
        rules=rule_rows(run.findings, anchors, frozenset()),
        costs=(),
    ), _view(run, data)


def _view(run: Run, data: LoadData) -> LoadView:
    charts = (trials_chart(data), differences_chart(data), *ladder_charts(data))
    rates = (throughput_chart(data), flight_chart(data))
    return LoadView(
        goals=goal_rows(run.findings),
        counts=count_rows(run.findings, data.totals),
        health=tuple(_health(data)),
        is_bound=bool(data.totals.get("generator.is_bound")),
        special=tuple(chart for chart in charts if chart is not None),
        latency=latency_charts(data, limits_of(run.findings)),
        curves=curve_charts(data),
        shapes=shape_charts(data),
        rates=tuple(chart for chart in rates if chart is not None),
        errors=errors_chart(data),
        falls=fall_views(data),
        latency_table=latency_table(data),
        overhead=overhead_table(data),
        net=net_table(data),
        polling=polling_table(data, _clock(run, data)),
        polling_says=polling_says(data),
        ends=ends_table(data),
        faults=faults_table(data),
        asides=tuple(_asides(run, data)),
        has_data=bool(data.phases or data.series),
        no_goal=NOT_JUDGED if run.header.config.get("goals") else NO_GOAL,
    )


def _banner(run: Run, banner: Banner, data: LoadData) -> Banner:
    """The verdict in the words of a load run."""
    meaning = _meaning(run, data, banner.meaning)
    return replace(banner, meaning=meaning, figures=_figures(run, data), levels=())


def _asides(run: Run, data: LoadData) -> Iterator[str]:
    """What a reader of the charts should know."""
    cut = data.totals.get("jobs.warm_up", 0.0)
    if cut:
        until = clock_text(data.warm_up_s)
        yield f"{cut:,.0f} jobs of the warm-up, until {until}, are in the charts over time, shaded, and nowhere else."
    if run.header.config.get("against"):
        yield "The charts and tables are of A and B together; only B against A tells them apart."
    if data.trials:
        yield "Each trial was a run of its own: what is kept of it is its verdict, and no chart."


def _meaning(run: Run, data: LoadData, usual: str) -> str:
    """The verdict in a few words, for a load run."""
    code = run.footer.exit if run.footer else None
    bad = [item.rule for item in run.findings if item.verdict is Verdict.FAILED]
    if code == MISSED and any(rule.startswith(CONSERVATION) for rule in bad):
        return "jobs are missing, or not what was ordered"
    if code in (MET, MISSED):
        return _asked(run, data, is_met=code == MET)
    return {OPEN_EXIT: "no valid measurement", ENDED: "ended early"}.get(code, usual) if code is not None else usual


def _asked(run: Run, data: LoadData, *, is_met: bool) -> str:
    """What the run was to find out, in a few words."""
    if data.trials:
        return f"it carries {_rate(data.totals, 'capacity')}" if is_met else "no rate meets the goals"
    if data.rungs:
        return "every rung came through" if is_met else "a rung gave way"
    if not is_met:
        return "goals missed" if any(item.verdict is Verdict.FAILED for item in run.findings) else "the target gave way"
    if any(item.verdict.is_judged and not item.rule.startswith(CONSERVATION) for item in run.findings):
        return "all goals met"
    if data.differences:
        sure = any(sample.labels.get("noise") == "no" for sample in data.differences)
        return "A and B differ" if sure else "A and B are not distinguishable"
    return "every job ended once"


def _figures(run: Run, data: LoadData) -> tuple[tuple[str, str], ...]:
    header, totals = run.header, data.totals
    sums = summary(run)
    jobs, against = totals.get("jobs"), header.config.get("against", "")
    pairs = (
        ("target" if not against else "A", header.target),
        ("B", against),
        ("contract", f"{header.title} ({header.spec})"),
        ("jobs measured", f"{jobs:,.0f}" if jobs is not None else ""),
        ("offered", _rate(totals, "rate.offered")),
        ("throughput", _rate(totals, "rate.throughput")),
        ("goodput", _rate(totals, "rate.goodput")),
        ("errors", _errors(totals)),
        ("end to end", _p50_and_p99(data, "e2e")),
        ("overhead", _p50_and_p99(data, "overhead")),
        ("requests", f"{sums.requests:,}"),
        ("at the provider's prices", usd(sums.micro_usd)),
        ("took", lasted(sums.duration_s)),
        ("seed", str(header.seed)),
    )
    return tuple((name, text) for name, text in pairs if text)


def _rate(totals: Mapping[str, float], name: str) -> str:
    return rate_text(totals[name]) if name in totals else ""


def _errors(totals: Mapping[str, float]) -> str:
    calls = totals.get("calls", 0.0)
    wrong = sum(count for name, count in totals.items() if name.startswith("errors."))
    return f"{share_text(wrong / calls)} of {calls:,.0f} requests" if calls else ""


def _clock(run: Run, data: LoadData) -> float:
    """How many seconds of the provider passed in one of the run."""
    known = data.totals.get("clock")
    if known is not None:
        return known
    try:
        return float(run.header.config.get("clock", "1").removesuffix("x"))
    except ValueError:
        return 1.0


def _p50_and_p99(data: LoadData, name: str) -> str:
    stats = data.phases[name].stats if name in data.phases else {}
    return ", ".join(f"{stat} {time_text(stats[stat])}" for stat in ("p50", "p99") if stat in stats)


def _health(data: LoadData) -> Iterator[tuple[str, str]]:
    """How the generator itself did."""
    totals = data.totals
    if "generator.cpu" in totals:
        yield "of a core, the busiest process", share_text(totals["generator.cpu"])
    if "generator.lag_s" in totals:
        yield "its loop was late by, in a usual second", time_text(totals["generator.lag_s"])
    if "generator.late_s" in totals:
        yield "jobs began late by, p99", time_text(totals["generator.late_s"])
    if "bytes.sent" in totals:
        yield "sent, received", f"{bytes_text(totals['bytes.sent'])}, {bytes_text(totals.get('bytes.received', 0.0))}"
