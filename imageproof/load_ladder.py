"""Ladders: jobs of ever longer holds, or ever larger payloads, until something gives way."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from imageproof.exits import ExitCode
from imageproof.loadtests.books import End
from imageproof.loadtests.goals import time_text
from imageproof.loadtests.overhead import overhead_of
from imageproof.loadtests.payloads import MEGABYTE, Slope, Way, carrier, slope_of
from imageproof.records.lines import Finding, Sample, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imageproof.load_config import LoadConfig
    from imageproof.load_measure import LoadState
    from imageproof.loadtests.books import Job

OK = (ExitCode.CONFORMS, ExitCode.NOTHING_JUDGED, ExitCode.DOES_NOT_CONFORM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """What became of the jobs of one rung: `value` is seconds of hold, or bytes. Times are medians in seconds.

    `way` is how a payload went, empty for a hold; the overhead is that of the call which carried it.
    """

    value: float
    jobs: int
    done: int
    first_s: float | None
    overhead_s: float | None
    trouble: str
    way: str = ""


def climb(config: LoadConfig, state: LoadState) -> None:
    """Add to a run what its rungs came to."""
    told: list[str] = []
    broken = 0
    slopes: list[Slope] = []
    for way in config.ways or ("",):
        rungs = rungs_of(state.live.jobs, config.rungs, config.ways, way)
        state.lines += ["", _head(way), *(_line(rung) for rung in rungs)]
        parts = [_told(rungs)]
        if way:
            parts += _slopes(config, state, way, slopes)
        told.append("; ".join(parts) if not way else f"{Way(way).says}: {'; '.join(parts)}")
        state.lines.append(told[-1])
        broken += sum(rung.done < rung.jobs for rung in rungs)
        state.findings.append(_finding(rungs, way, told[-1]))
        state.samples += _samples(state, rungs)
    if slopes:
        steepest = max(slopes, key=lambda slope: slope.seconds)
        state.samples.append(Sample(at_s=state.seconds, name="ladder.per_megabyte", value=steepest.seconds))
    if state.exit in OK and state.live.jobs:
        state.exit = ExitCode.DOES_NOT_CONFORM if broken else ExitCode.CONFORMS
        state.says = ". ".join(told)


def rungs_of(jobs: Sequence[Job], values: Sequence[float], ways: Sequence[str] = (), way: str = "") -> list[Rung]:
    """The rungs of one way, from the lowest. Jobs take turns at all of them: which is whose follows from the mark."""
    kinds = max(1, len(ways)) * len(values)
    first = ways.index(way) * len(values) if way else 0
    parts: list[list[Job]] = [[] for _ in range(kinds)]
    for job in jobs:
        parts[job.mark % kinds].append(job)
    mine = sorted(zip(values, parts[first : first + len(values)], strict=True), key=lambda item: item[0])
    return [_rung(value, part, way) for value, part in mine if part]


def of_way(jobs: Sequence[Job], config: LoadConfig, way: str) -> list[Job]:
    """The jobs of one way."""
    count = len(config.rungs)
    return [job for job in jobs if job.mark // count % len(config.ways) == config.ways.index(way)]


def _rung(value: float, jobs: Sequence[Job], way: str) -> Rung:
    good = [job for job in jobs if job.end is End.DONE]
    calls = [call for job in good if (call := carrier(job) if way else job.calls[0]) is not None]
    over = [seconds for call in calls if (seconds := overhead_of(call)) is not None]
    bad = (call.says for job in jobs for call in job.calls if call.fault is not None)
    return Rung(
        value=value,
        jobs=len(jobs),
        done=len(good),
        first_s=median(call.ended_s - call.began_s for call in calls) if calls else None,
        overhead_s=median(over) if over else None,
        trouble=next(bad, ""),
        way=way,
    )


def _slopes(config: LoadConfig, state: LoadState, way: str, slopes: list[Slope]) -> Iterator[str]:
    """What each megabyte adds, gross, and net of what it takes past the target."""
    seen = slope_of(of_way(state.live.jobs, config, way))
    floor = slope_of(of_way(state.live.direct, config, way))
    if seen is None:
        return
    net = seen.less(floor) if floor is not None else None
    slopes.append(net or seen)
    for name, slope in (("gross", seen), ("direct", floor), ("net", net)):
        if slope is not None:
            labels = {"way": way, "measured": name, "error": f"{slope.error_s:.6g}", "samples": str(slope.calls)}
            state.samples.append(Sample(at_s=state.seconds, name="per_megabyte", value=slope.seconds, labels=labels))
    yield f"each megabyte takes {seen.says}"
    if net is not None:
        yield f"{net.says} without the own path"


def _samples(state: LoadState, rungs: Sequence[Rung]) -> Iterator[Sample]:
    for rung in rungs:
        labels = {"jobs": str(rung.jobs), "done": str(rung.done), "trouble": rung.trouble}
        if rung.first_s is not None:
            labels["first_s"] = f"{rung.first_s:.6g}"
        if rung.overhead_s is not None:
            labels["overhead_s"] = f"{rung.overhead_s:.6g}"
        yield Sample(at_s=state.seconds, name=f"ladder.{rung.way or 'hold'}", value=rung.value, labels=labels)


def _finding(rungs: Sequence[Rung], way: str, told: str) -> Finding:
    broken = any(rung.done < rung.jobs for rung in rungs)
    return Finding(
        rule=f"load/ladder/{way or 'hold'}",
        level="MUST",
        verdict=Verdict.FAILED if broken else Verdict.PASSED if rungs else Verdict.INCONCLUSIVE,
        sentence=f"all {Way(way).says if way else 'holds'} come through",
        judged=sum(rung.jobs for rung in rungs),
        expected="every job done",
        actual=told if broken else "",
        reason="" if rungs else "no job of the ladder was begun",
    )


def shown(rung: Rung) -> str:
    """The value of a rung for people."""
    return f"{rung.value / MEGABYTE:g} MB" if rung.way else time_text(rung.value)


def _head(way: str) -> str:
    return f"{Way(way).says if way else 'holds'}, from the lowest rung:"


def _line(rung: Rung) -> str:
    times = f", {time_text(rung.first_s)} each" if rung.first_s is not None else ""
    over = f", of which {time_text(rung.overhead_s)} overhead" if rung.overhead_s is not None else ""
    trouble = f"; first trouble: {rung.trouble}" if rung.trouble else ""
    return f"  {shown(rung):>8}: {rung.done} of {rung.jobs} done{times}{over}{trouble}"


def _told(rungs: Sequence[Rung]) -> str:
    """One sentence."""
    if not rungs:
        return "no rung was reached"
    broken = [rung for rung in rungs if rung.done < rung.jobs]
    if not broken:
        return f"everything up to {shown(rungs[-1])} came through"
    first = broken[0]
    good = [rung for rung in rungs if rung.value < first.value]
    below = f"{shown(good[-1])} came through, " if good else ""
    return f"{below}at {shown(first)} {first.jobs - first.done} of {first.jobs} failed: {first.trouble}"
