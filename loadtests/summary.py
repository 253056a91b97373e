"""A run on one screen of a terminal, in plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from imageproof.loadtests.goals import time_text
from imageproof.loadtests.histograms import PERCENTILES, Histogram
from imageproof.loadtests.overhead import ALL as OVERHEAD
from imageproof.loadtests.phases import unit_of
from imageproof.loadtests.polling import Row
from imageproof.loadtests.results import Results
from imageproof.loadtests.verdicts import Judgement, Outcome

MICRO = 1_000_000
MEGABYTE = 1_000_000
MARKS = {Outcome.PASS: "ok", Outcome.FAIL: "FAIL", Outcome.INVALID: "?"}
BAR = 24
Cells = Sequence[str]


def summary(results: Results, judgements: Iterable[Judgement] = ()) -> list[str]:
    """The lines, without an end; each section after an empty line."""
    sections = (
        _head(results),
        _latency(results),
        _overhead(results),
        _waterfalls(results),
        _polling(results),
        _errors(results),
        _goals(judgements),
        [results.conservation.says, results.health.warm_up, results.health.says],
    )
    return [line for section in sections if section for line in ("", *section)][1:]


def grid(rows: Sequence[Cells]) -> list[str]:
    """Rows in columns: the first to the left, the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))] if rows else []
    return [
        "  ".join(cell.rjust(width) if at else cell.ljust(width) for at, (cell, width) in enumerate(pairs)).rstrip()
        for pairs in ([*zip(row, widths, strict=True)] for row in rows)
    ]


def _head(results: Results) -> list[str]:
    ends = ", ".join(f"{count:,} {end}" for end, count in results.ends.items()) or "none"
    rates, cost = results.rates, results.micro_usd / MICRO
    good = "" if rates.limit_s is None else f" within {time_text(rates.limit_s)}"
    jobs = (
        f"{results.measured:,} jobs: {ends}; offered {rates.offered:.4g}/s, ended {rates.throughput:.4g}/s, goodput "
        f"{rates.goodput:.4g}/s{good}"
    )
    requests = (
        f"{results.calls:,} requests, {results.sent / MEGABYTE:,.1f} MB sent, {results.received / MEGABYTE:,.1f} MB "
        f"received; {cost:,.2f} USD at the provider's prices"
    )
    return [jobs, requests]


def _latency(results: Results) -> list[str]:
    phases = results.phases
    rows: list[Cells] = [("from the intended start", *(f"p{item:g}" for item in PERCENTILES), "max", "samples")]
    for name in phases.names():
        corrected, naive = phases.corrected[name], phases.naive.get(name)
        rows.append(_row(name, corrected))
        if naive is not None and naive.percentile(99) != corrected.percentile(99):
            rows.append(_row("  naive, from the send", naive))
    return grid(rows) if len(rows) > 1 else []


def _row(name: str, histogram: Histogram) -> Cells:
    values = [*(histogram.percentile(percent) for percent in PERCENTILES), histogram.most]
    is_time = unit_of(name).value == "s"
    shown = ("-" if value is None else time_text(value) if is_time else f"{value:g}" for value in values)
    return (name, *shown, f"{histogram.count:,}")


def _overhead(results: Results) -> list[str]:
    if not results.overheads:
        return ["overhead: the upstream told no times of its own, so nobody knows whose the time was"]
    rows: list[Cells] = [("seen less held", *(f"p{item:g}" for item in PERCENTILES), "max", "samples")]
    names = sorted(results.overheads, key=lambda name: (name != OVERHEAD, name))
    rows += [_row(name, results.overheads[name]) for name in names]
    least = results.overheads[OVERHEAD].least or 0.0
    note = [f"the smallest is {time_text(least)}: two clocks differ by so much"] if least < 0 else []
    return [*grid(rows), *note, *_net(results)]


def _net(results: Results) -> list[str]:
    """What is left without the own path's time, which jobs past the target have measured."""
    floor = results.floors.get(OVERHEAD)
    if floor is None or not results.nets:
        return ["gross: the own path is in it, as no job went past the target to the mock behind it"]
    rows: list[Cells] = [("net of the own path", "seen", "own path", "net", "at 95 %", "samples", "own path's")]
    for (name, percent), found in results.nets.items():
        low, high = found.difference.low, found.difference.high
        rows.append(
            (
                f"{name}.p{percent:g}",
                *(time_text(value) for value in (found.seen_s, found.floor_s, found.seconds)),
                f"{time_text(low)} to {time_text(high)}",
                f"{found.samples:,}",
                f"{found.floor_samples:,}",
            )
        )
    told = (results.nets[OVERHEAD, percent].says for percent in (50.0, 99.0) if (OVERHEAD, percent) in results.nets)
    return [*grid(rows), *told]


def _waterfalls(results: Results) -> list[str]:
    out: list[str] = []
    for sort, fall in results.waterfalls.items():
        if fall.parts:
            out.append(f"a {sort} job waited {time_text(fall.whole_s)} on average:")
            out += grid([_part(name, seconds, fall.whole_s) for name, seconds in fall.parts.items()])
        out.append(fall.says)
        if fall.untold:
            out.append(f"of {fall.untold:,} more jobs the upstream told no times")
    return out


def _part(name: str, seconds: float, whole: float) -> Cells:
    share = seconds / whole if whole > 0 else 0.0
    drawn = "#" * max(0, round(share * BAR))
    return f"  {name}", time_text(seconds), f"{share:.1%}", drawn.ljust(BAR)


def _polling(results: Results) -> list[str]:
    polls = results.polls
    if not polls.polls:
        return []
    told = f"{polls.per_task:.2f} polls per task, {polls.wasted_share:.0%} of them in vain"
    told += f", {polls.failed:,} answered badly" if polls.failed else ""
    head = ("polled every", "lag mean", "lag p99", "polls", "requests", "USD", "jobs")
    rows: list[Cells] = [head, *_poll_rows(results.polling, results.clock), *_poll_rows(results.tried, results.clock)]
    return [told, *(grid(rows) if len(rows) > 1 else [])]


def _poll_rows(rows: Iterable[Row], clock: float) -> Iterator[Cells]:
    for row in rows:
        fast = "" if clock == 1 else f" (= {time_text(row.interval_s * clock)} at {clock:g}x)"
        yield (
            f"{'' if row.is_measured else 'had it been '}{time_text(row.interval_s)}{fast}",
            time_text(row.lag_mean_s),
            time_text(row.lag_p99_s),
            f"{row.polls:.2f}",
            f"{row.requests:.2f}",
            f"{row.micro_usd / MICRO:.4f}",
            f"{row.jobs:,}",
        )


def _errors(results: Results) -> list[str]:
    if not results.faults:
        return []
    total = sum(results.faults.values())
    kinds = ", ".join(f"{count:,} {fault}" for fault, count in results.faults.items())
    return [f"{total:,} of {results.calls:,} requests went wrong ({total / results.calls:.2%}): {kinds}"]


def _goals(judgements: Iterable[Judgement]) -> list[str]:
    return [f"{MARKS[item.outcome]:>4}  {item.goal.text}: {item.says}" for item in judgements]
