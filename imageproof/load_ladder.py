"""Ladders: jobs of ever longer holds, or ever larger payloads, until something gives way."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from imageproof.exits import ExitCode
from imageproof.loadtests.books import End
from imageproof.loadtests.goals import time_text
from imageproof.loadtests.overhead import overhead_of
from imageproof.records.lines import Finding, Sample, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imageproof.load_config import LoadConfig
    from imageproof.load_measure import LoadState
    from imageproof.loadtests.books import Job

MEGABYTE = 1_000_000
OK = (ExitCode.CONFORMS, ExitCode.NOTHING_JUDGED, ExitCode.DOES_NOT_CONFORM)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """What became of the jobs of one rung: `value` is seconds of hold, or bytes. Times are medians in seconds."""

    value: float
    jobs: int
    done: int
    first_s: float | None
    overhead_s: float | None
    trouble: str


def climb(config: LoadConfig, state: LoadState) -> None:
    """Add to a run what its rungs came to."""
    rungs = rungs_of(state.live.jobs, config.rungs)
    name = "holds" if config.ladder == "hold" else "payloads"
    broken = [rung for rung in rungs if rung.done < rung.jobs]
    state.lines += ["", f"{name}, from the lowest rung:", *(_line(rung, config.ladder) for rung in rungs)]
    told = _told(rungs, broken, config.ladder)
    if config.ladder == "payload" and (slope := per_megabyte(rungs)) is not None:
        told += f"; each megabyte adds {time_text(slope)}"
        state.samples.append(Sample(at_s=state.seconds, name="ladder.per_megabyte", value=slope))
    state.lines.append(told)
    if state.exit in OK and rungs:
        state.exit = ExitCode.DOES_NOT_CONFORM if broken else ExitCode.CONFORMS
        state.says = told
    state.findings.append(
        Finding(
            rule=f"load/ladder/{config.ladder}",
            level="MUST",
            verdict=Verdict.FAILED if broken else Verdict.PASSED if rungs else Verdict.INCONCLUSIVE,
            sentence=f"all {name} come through",
            judged=sum(rung.jobs for rung in rungs),
            expected="every job done",
            actual=told if broken else "",
            reason="" if rungs else "no job of the ladder was begun",
        )
    )
    for rung in rungs:
        labels = {"jobs": str(rung.jobs), "done": str(rung.done), "trouble": rung.trouble}
        if rung.first_s is not None:
            labels["first_s"] = f"{rung.first_s:.6g}"
        if rung.overhead_s is not None:
            labels["overhead_s"] = f"{rung.overhead_s:.6g}"
        state.samples.append(
            Sample(at_s=state.seconds, name=f"ladder.{config.ladder}", value=rung.value, labels=labels)
        )


def rungs_of(jobs: Sequence[Job], values: Sequence[float]) -> list[Rung]:
    """The rungs, from the lowest. Jobs take turns at them: which is whose follows from the mark."""
    parts: list[list[Job]] = [[] for _ in values]
    for job in jobs:
        parts[job.mark % len(values)].append(job)
    return [
        _rung(value, part) for value, part in sorted(zip(values, parts, strict=True), key=lambda item: item[0]) if part
    ]


def _rung(value: float, jobs: Sequence[Job]) -> Rung:
    good = [job for job in jobs if job.end is End.DONE]
    over = [seconds for job in good for call in job.calls[:1] if (seconds := overhead_of(call)) is not None]
    first = [job.calls[0].ended_s - job.calls[0].began_s for job in good]
    bad = (call.says for job in jobs for call in job.calls if call.fault is not None)
    return Rung(
        value=value,
        jobs=len(jobs),
        done=len(good),
        first_s=median(first) if first else None,
        overhead_s=median(over) if over else None,
        trouble=next(bad, ""),
    )


def per_megabyte(rungs: Sequence[Rung]) -> float | None:
    """By how much the gateway's own time grows with each megabyte, by least squares; None with too few rungs."""
    points = [(rung.value / MEGABYTE, rung.overhead_s) for rung in rungs if rung.overhead_s is not None]
    if len(points) < 2:  # noqa: PLR2004  (a line has two points)
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else None


def shown(value: float, ladder: str | None) -> str:
    """The value of a rung for people."""
    return time_text(value) if ladder == "hold" else f"{value / MEGABYTE:g} MB"


def _line(rung: Rung, ladder: str | None) -> str:
    times = f", {time_text(rung.first_s)} each" if rung.first_s is not None else ""
    over = f", of which {time_text(rung.overhead_s)} overhead" if rung.overhead_s is not None else ""
    trouble = f"; first trouble: {rung.trouble}" if rung.trouble else ""
    return f"  {shown(rung.value, ladder):>8}: {rung.done} of {rung.jobs} done{times}{over}{trouble}"


def _told(rungs: Sequence[Rung], broken: Sequence[Rung], ladder: str | None) -> str:
    """One sentence."""
    if not rungs:
        return "no rung was reached"
    if not broken:
        return f"everything up to {shown(rungs[-1].value, ladder)} came through"
    first = broken[0]
    good = [rung.value for rung in rungs if rung.value < first.value]
    below = f"{shown(good[-1], ladder)} came through, " if good else ""
    return f"{below}at {shown(first.value, ladder)} {first.jobs - first.done} of {first.jobs} failed: {first.trouble}"
