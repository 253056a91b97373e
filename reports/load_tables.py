"""The numbers of a load run as tables: latency, overhead, polling, how jobs ended, what went wrong. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.reports.load_chart import Table, table_of
from imageproof.reports.load_rates import FAULTS
from imageproof.reports.load_units import number_text, share_text, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from imageproof.reports.load_data import LoadData, Phase

STATS = ("p50", "p90", "p99", "p99.9", "max", "mean")
NEEDED = {"p50": 20, "p90": 100, "p99": 1_000, "p99.9": 10_000}  # samples of which ten lie beyond
TOO_FEW = "~"
OVERHEAD = "overhead"
MICRO = 1_000_000
ENDS = {
    "done": "ended well",
    "failed": "were accepted, and failed",
    "refused": "were refused",
    "lost": "were accepted, and never came to an end",
    "open": "had not ended when the run did",
}


def latency_table(data: LoadData) -> Table:
    """All phases of the jobs, and beside the corrected times the naive ones where they differ."""
    phases = [phase for phase in data.phases.values() if not is_overhead(phase.name)]
    caption = "From the intended start of each job; naive is from when it was sent"
    return table_of(caption, ("phase", *STATS, "values"), _rows(phases))


def overhead_table(data: LoadData) -> Table:
    """What was seen less what the upstream took, by kind of call."""
    phases = sorted((phase for phase in data.phases.values() if is_overhead(phase.name)), key=lambda phase: phase.name)
    return table_of("What the client saw, less what the upstream took", ("call", *STATS, "values"), _rows(phases))


def is_overhead(name: str) -> bool:
    """Whether a phase is an overhead."""
    return name.partition(".")[0] == OVERHEAD


def _rows(phases: Iterable[Phase]) -> Iterator[tuple[str, ...]]:
    for phase in phases:
        corrected, naive = tuple(_cells(phase, phase.stats)), tuple(_cells(phase, phase.naive))
        yield (phase.name, *corrected, f"{phase.samples:,}")
        if any(naive) and naive != corrected:
            yield ("naive", *naive, "")


def _cells(phase: Phase, stats: Mapping[str, float]) -> Iterator[str]:
    text = time_text if phase.is_time else number_text
    for stat in STATS:
        few = TOO_FEW if stat in stats and phase.samples < NEEDED.get(stat, 0) else ""
        yield f"{few}{text(stats[stat])}" if stat in stats else ""


def net_table(data: LoadData) -> Table | None:
    """The overhead without what the own path takes; None where no job went past the target."""
    rows = []
    for sample in data.nets:
        labels = sample.labels
        low, high = _seconds(labels.get("low")), _seconds(labels.get("high"))
        counts = (_count(labels.get("samples", "")), _count(labels.get("direct", "")))
        rows.append((sample.name, time_text(sample.value), low, high, *counts))
    if not rows:
        return None
    head = ("net", "best guess", "from", "to", "values", "past the target")
    return table_of("Overhead without the own path's time", head, rows)


def _count(text: str) -> str:
    return f"{int(text):,}" if text.isdecimal() else text


def _seconds(text: str | None) -> str:
    try:
        return time_text(float(text or ""))
    except ValueError:
        return ""


def polling_table(data: LoadData, clock: float = 1.0) -> Table | None:
    """Poll interval against lag, requests and cost; None where nothing was polled."""
    rows = []
    for sample in data.polling:
        labels = sample.labels
        is_measured = labels.get("measured") == "yes"
        rows.append(
            (
                f"{'' if is_measured else 'had it been '}{_interval(labels.get('interval_s'), clock)}",
                time_text(sample.value),
                _seconds(labels.get("p99_s")),
                labels.get("polls", ""),
                labels.get("requests", ""),
                _usd(labels.get("micro_usd", "")),
                _count(labels.get("jobs", "")),
            )
        )
    if not rows:
        return None
    head = ("polled every", "lag, mean", "lag, p99", "polls a job", "requests a job", "USD a job", "jobs")
    return table_of("Poll interval against the time until it is noticed that a job is done", head, rows)


def _interval(text: str | None, clock: float) -> str:
    """An interval, and what it is for a provider whose time goes faster."""
    shown = _seconds(text)
    return f"{shown} (= {time_text(float(text or 0) * clock)} at {clock:g}x)" if shown and clock != 1 else shown


def _usd(text: str) -> str:
    try:
        return f"{float(text) / MICRO:.4f}"
    except ValueError:
        return ""


def polling_says(data: LoadData) -> str:
    """How much of the polling was in vain."""
    each, wasted = data.totals.get("polls.per_task"), data.totals.get("polls.wasted_share")
    if not each:
        return ""
    return f"{number_text(each)} polls a task, {share_text(wasted or 0.0)} of them in vain."


def ends_table(data: LoadData) -> Table | None:
    """How the measured jobs ended."""
    ends = {
        name.removeprefix("jobs."): value
        for name, value in data.totals.items()
        if name.startswith("jobs.") and name != "jobs.warm_up"
    }
    whole = sum(ends.values())
    if not whole:
        return None
    rows = ((name, ENDS.get(name, ""), f"{count:,.0f}", share_text(count / whole)) for name, count in ends.items())
    return table_of("How the measured jobs ended", ("jobs", "that", "count", "share"), rows, words=(0, 1))


def faults_table(data: LoadData) -> Table | None:
    """What went wrong, by who is to blame; None where nothing did."""
    calls = data.totals.get("calls", 0.0)
    rows = [
        (
            name.removeprefix("errors."),
            FAULTS.get(name.removeprefix("errors."), ""),
            f"{count:,.0f}",
            share_text(count / calls) if calls else "",
        )
        for name, count in data.totals.items()
        if name.startswith("errors.")
    ]
    if not rows:
        return None
    return table_of(f"Of {calls:,.0f} requests", ("errors", "meaning", "count", "share"), rows, words=(0, 1))
