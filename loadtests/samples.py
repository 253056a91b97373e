"""The results of a run as lines of its record: numbers with labels, and findings for goals and for conservation.

| name | value | labels |
| --- | --- | --- |
| `PHASE.p50` ... `.p99.9`, `.mean`, `.max` | seconds (polls: a number) | `measured`: `corrected`, `naive`; `samples` |
| `floor.p50`, `floor.submit.p99` ... | seconds of the own path | `measured`: `direct`; `samples` |
| `net.p50`, `net.submit.p99` ... | seconds of overhead without it | `low`, `high`, `confidence`, `samples`, `direct` |
| `curve` | seconds at a percentile | `phase`, `percent` |
| `bar` | how many values | `phase`, `from`, `to` |
| `block` | how many values | `phase`, `histogram`: for comparing runs |
| `waterfall` | seconds on average | `sort`, `part`; `whole`, `error` and `worst` are parts too |
| `polling` | seconds of lag on average | `interval_s`, `polls`, `requests`, `micro_usd`, `p99_s`, `measured` |
| `offered`, `ended`, `done`, `requests`, `errors` ... | per second at that time | `warm_up` |
| `jobs.END`, `errors.FAULT`, `conservation.BREACH` ... | how many | |
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imageproof.loadtests.bootstrap import blocks_of_time
from imageproof.loadtests.comparison import BLOCK, BLOCKS, PHASES
from imageproof.loadtests.conservation import Breach
from imageproof.loadtests.goals import NET
from imageproof.loadtests.histograms import PERCENTILES, Bar, Histogram
from imageproof.loadtests.overhead import ALL as OVERHEAD
from imageproof.loadtests.phases import unit_of
from imageproof.loadtests.results import Results
from imageproof.loadtests.selfcheck import Bound
from imageproof.loadtests.series import slices
from imageproof.loadtests.verdicts import Judgement, Outcome
from imageproof.records.lines import Finding, Sample, Verdict

MICRO = 1_000_000
FLOOR = "floor"
CURVE = (0.0, 1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9, 99.95, 99.99, 100.0)
MOST_BARS = 60
VERDICTS = {
    Outcome.PASS: Verdict.PASSED,
    Outcome.FAIL: Verdict.FAILED,
    Outcome.INVALID: Verdict.INCONCLUSIVE,
}


def samples_of(results: Results, *, micro_usd_per_credit: int | None = None) -> Iterator[Sample]:
    """All numbers of a run."""
    end = max((job.calls[-1].ended_s for job in results.jobs if job.calls), default=0.0)
    yield from _latencies(results, end)
    yield from _blocks(results)
    yield from _waterfalls(results, end)
    yield from _polling(results, end)
    yield from _over_time(results)
    for name, value in _totals(results, micro_usd_per_credit):
        yield Sample(at_s=end, name=name, value=value)


def findings_of(results: Results, judgements: Iterable[Judgement]) -> Iterator[Finding]:
    """One finding for each goal, and for each way in which a job can go missing."""
    for judgement in judgements:
        yield _goal(judgement)
    for breach in Breach:
        yield _conservation(results, breach)


def _goal(judgement: Judgement) -> Finding:
    goal = judgement.goal
    is_open = judgement.outcome is Outcome.INVALID
    return Finding(
        rule=f"load/goal/{goal.text}",
        level="MUST",
        verdict=VERDICTS[judgement.outcome],
        sentence=goal.says,
        judged=judgement.samples,
        expected=goal.says,
        actual="" if is_open else judgement.says,
        reason=judgement.says if is_open else "",
    )


def _conservation(results: Results, breach: Breach) -> Finding:
    conservation = results.conservation
    count = conservation.count(breach)
    verdict = Verdict.INCONCLUSIVE if count is None or not conservation.jobs else Verdict.PASSED
    reason = ""
    if count is None:
        reason = "without the upstream's books nobody can tell: put imageproof's mock behind the target"
    elif not conservation.jobs:
        reason = "no job was begun"
    elif count:
        verdict = Verdict.FAILED
    marks = ", ".join(f"load-{mark}" for mark in conservation.breaches[breach][:5])
    return Finding(
        rule=f"load/conservation/{breach}",
        level="MUST",
        verdict=verdict,
        sentence=f"no job is {breach.means}",
        judged=conservation.jobs if count is not None else 0,
        expected="none",
        actual=f"{count:,} of {conservation.jobs:,} jobs{f', first {marks}' if marks else ''}" if count else "",
        reason=reason,
    )


def _latencies(results: Results, end: float) -> Iterator[Sample]:
    phases = results.phases
    for name in phases.names():
        yield from _statistics(name, phases.corrected[name], "corrected", end)
        if name in phases.naive:
            yield from _statistics(name, phases.naive[name], "naive", end)
    for name, histogram in results.overheads.items():
        yield from _statistics(name, histogram, "corrected", end)
    for name, histogram in results.floors.items():
        yield from _statistics(name.replace(OVERHEAD, FLOOR, 1), histogram, "direct", end)
    yield from _nets(results, end)
    for name, histogram in {**phases.corrected, **results.overheads}.items():
        for percent in CURVE:
            value = histogram.percentile(percent)
            if value is not None:
                labels = {"phase": name, "percent": f"{percent:g}"}
                yield Sample(at_s=end, name="curve", value=value, labels=labels)
        for bar in coarse(histogram.bars()):
            labels = {"phase": name, "from": f"{bar.low:.6g}", "to": f"{bar.high:.6g}"}
            yield Sample(at_s=end, name="bar", value=bar.times, labels=labels)


def _nets(results: Results, end: float) -> Iterator[Sample]:
    for (name, percent), found in results.nets.items():
        interval = found.difference
        labels = {
            "low": f"{interval.low:.6g}",
            "high": f"{interval.high:.6g}",
            "confidence": f"{interval.confidence:g}",
            "samples": str(found.samples),
            "direct": str(found.floor_samples),
        }
        yield Sample(
            at_s=end, name=f"{name.replace(OVERHEAD, NET, 1)}.p{percent:g}", value=found.seconds, labels=labels
        )


def _statistics(name: str, histogram: Histogram, measured: str, end: float) -> Iterator[Sample]:
    values = {f"p{percent:g}": histogram.percentile(percent) for percent in PERCENTILES}
    labels = {"measured": measured, "samples": str(histogram.count), "unit": unit_of(name).value}
    for stat, value in {**values, "mean": histogram.mean, "max": histogram.most}.items():
        if value is not None:
            yield Sample(at_s=end, name=f"{name}.{stat}", value=value, labels=labels)


def coarse(bars: list[Bar], most: int = MOST_BARS) -> list[Bar]:
    """The same values in at most so many bars of even ratio, for a picture; those up to a microsecond are one bar."""
    if len(bars) <= most:
        return bars
    low = max(min(bar.high for bar in bars), 1e-6)
    ratio = max(max(bar.high for bar in bars) / low, 1.0) ** (1 / most) * (1 + 1e-9)
    out: list[Bar] = []
    edge = low
    for bar in bars:
        if out and bar.high <= edge:
            out[-1] = Bar(out[-1].low, bar.high, out[-1].times + bar.times)
            continue
        while edge < bar.high:
            edge *= ratio
        out.append(bar)
    return out


def _blocks(results: Results) -> Iterator[Sample]:
    """The histograms by time that comparing two runs needs."""
    for phase in PHASES:
        if results.histogram(phase) is None:
            continue
        for number, block in enumerate(blocks_of_time(results.jobs, phase, BLOCKS)):
            if block.count:
                labels = {"phase": phase, "block": str(number), "histogram": block.text()}
                yield Sample(at_s=0.0, name=BLOCK, value=block.count, labels=labels)


def _waterfalls(results: Results, end: float) -> Iterator[Sample]:
    for sort, fall in results.waterfalls.items():
        more = {"whole": fall.whole_s, "error": fall.error_s, "worst": fall.worst_s, "jobs": float(fall.jobs)}
        for part, value in {**fall.parts, **more}.items():
            yield Sample(at_s=end, name="waterfall", value=value, labels={"sort": sort, "part": part})


def _polling(results: Results, end: float) -> Iterator[Sample]:
    for row in (*results.polling, *results.tried):
        labels = {
            "interval_s": f"{row.interval_s:.4g}",
            "jobs": str(row.jobs),
            "polls": f"{row.polls:.4g}",
            "requests": f"{row.requests:.4g}",
            "micro_usd": f"{row.micro_usd:.0f}",
            "p99_s": f"{row.lag_p99_s:.4g}",
            "measured": "yes" if row.is_measured else "no",
        }
        yield Sample(at_s=end, name="polling", value=row.lag_mean_s, labels=labels)


def _over_time(results: Results) -> Iterator[Sample]:
    for part in slices(results.jobs):
        labels = {"warm_up": "yes"} if part.warm_up else {}
        counts = {"offered": part.offered, "ended": part.ended, "done": part.done, "requests": part.requests}
        counts |= {"errors": sum(part.faults.values())}
        for name, count in counts.items():
            yield Sample(at_s=part.at_s, name=name, value=count / part.width_s, labels=labels)
        for fault, count in part.faults.items():
            more = {**labels, "fault": fault.value}
            yield Sample(at_s=part.at_s, name="errors.by", value=count / part.width_s, labels=more)
        for name, histogram in (("first", part.first), ("e2e", part.e2e)):
            for percent in (50.0, 90.0, 99.0):
                value = histogram.percentile(percent)
                if value is not None:
                    more = {**labels, "phase": name, "percent": f"{percent:g}", "samples": str(histogram.count)}
                    yield Sample(at_s=part.at_s, name="latency", value=value, labels=more)


def _totals(results: Results, micro_usd_per_credit: int | None) -> Iterator[tuple[str, float]]:
    conservation, rates, health, polls = results.conservation, results.rates, results.health, results.polls
    yield from (("jobs", results.measured), ("clock", results.clock))
    yield "jobs.warm_up", results.phases.warm_up
    for end, count in results.ends.items():
        yield f"jobs.{end}", count
    yield "calls", results.calls
    for fault, count in results.faults.items():
        yield f"errors.{fault}", count
    for breach in Breach:
        found = conservation.count(breach)
        if found is not None:
            yield f"conservation.{breach}", found
    yield from (("rate.offered", rates.offered), ("rate.throughput", rates.throughput), ("rate.goodput", rates.goodput))
    yield from (("polls.per_task", polls.per_task), ("polls.wasted_share", polls.wasted_share))
    yield from (("bytes.sent", results.sent), ("bytes.received", results.received))
    yield "cost.usd", results.micro_usd / MICRO
    if micro_usd_per_credit:
        yield "cost.credits", results.micro_usd / micro_usd_per_credit
    if conservation.upstream is not None:
        yield "cost.paid_usd", conservation.paid_micro_usd / MICRO
    yield from (("generator.lag_s", health.lag_s), ("generator.late_s", health.late_s))
    if health.cpu is not None:
        yield "generator.cpu", health.cpu
    if health.upstream_cpu is not None:
        yield "upstream.cpu", health.upstream_cpu
    yield "generator.is_bound", float(health.bound is not Bound.NONE)
