"""Load runs for the tests of reports: made up jobs, measured and judged as real ones are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from random import Random

from msgspec.structs import replace

from imageproof.loadtests.books import Fault, Job
from imageproof.loadtests.goals import read_goal
from imageproof.loadtests.results import results_of
from imageproof.loadtests.samples import findings_of, samples_of
from imageproof.loadtests.verdicts import judge
from imageproof.records.lines import Finding, Footer, Sample
from imageproof.records.reading import Run
from tests.loadtests.books_made import held, polled, row
from tests.reports.runs import header, run_of

GOALS = ("submit.p90<200ms", "e2e.p99.9<6s", "errors<1%", "e2e.p90<9s", "run.p50<1s", "lost=0")
NOTES = ("all jobs ended exactly once in both books", "the generator had time to spare: 10% of a core")


def polled_jobs(count: int = 300, *, seed: int = 1, rate: float = 10.0) -> list[Job]:
    """Polled jobs; those of the first three seconds are warm-up, and every twentieth has a poll that went wrong."""
    random = Random(seed)
    jobs = [
        polled(
            mark,
            mark / rate,
            run=3.0 + random.random(),
            every=0.5,
            added=random.expovariate(100),
            warm_up=mark / rate < 3,
        )
        for mark in range(count)
    ]
    return [_with_fault(job, list(Fault)[job.mark // 20 % 3]) if job.mark % 20 == 5 else job for job in jobs]


def _with_fault(job: Job, fault: Fault) -> Job:
    bad = replace(job.calls[1], fault=fault, status=502)
    return replace(job, calls=(job.calls[0], bad, *job.calls[2:]))


def held_jobs(count: int = 100) -> list[Job]:
    """Jobs of one call each."""
    return [held(mark, mark / 10, seconds=2.0, added=0.01) for mark in range(count)]


def load_run(jobs: Sequence[Job], *, goals: Iterable[str] = GOALS, upstream: bool = True, exit_code: int = 1) -> Run:
    """The record of a run with these jobs."""
    wanted = [read_goal(text) for text in goals]
    results = results_of(jobs, [row(job) for job in jobs] if upstream else None, goals=wanted)
    found = tuple(findings_of(results, judge(wanted, results)))
    return run_with(tuple(samples_of(results)), found, exit_code=exit_code)


def run_with(samples: Sequence[Sample], findings: Sequence[Finding] = (), *, exit_code: int = 0, **config: str) -> Run:
    """A load run of these samples and findings."""
    head = header(what="load", mode="", cadence=(), max_micro_usd=None, config=config)
    counts: dict[str, int] = {}
    for item in findings:
        counts[item.verdict.value] = counts.get(item.verdict.value, 0) + 1
    end = Footer(ended_s=34.0, exit=exit_code, says="it ended", counts=counts, requests=2_000, notes=NOTES)
    run = run_of(*findings, head=head)
    return dataclasses.replace(run, samples=tuple(samples), footer=end)


def sample(name: str, value: float, at_s: float = 0.0, **labels: str) -> Sample:
    """One sample; a label that is a word of Python is written with a line below behind it."""
    return Sample(at_s=at_s, name=name, value=value, labels={key.rstrip("_"): text for key, text in labels.items()})


def slices(count: int, *, width_s: float = 1.0, offered: float = 5.0) -> list[Sample]:
    """A run over time, of so many slices: percentiles that rise, and rates."""
    out: list[Sample] = []
    for number in range(count):
        at = number * width_s
        out += [sample(name, offered, at) for name in ("offered", "ended", "done")]
        for percent, factor in (("50", 1.0), ("90", 2.0), ("99", 4.0)):
            value = factor * (1 + number / max(count, 1))
            out.append(sample("latency", value, at, phase="e2e", percent=percent, samples="5"))
    return out
