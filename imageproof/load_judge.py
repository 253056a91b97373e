"""From the books of a load run to verdicts: goals, conservation, and whether the numbers are the target's at all."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.loadtests.goals import read_goal
from imageproof.loadtests.joined import joined, says_joined
from imageproof.loadtests.mix import mark_of
from imageproof.loadtests.results import Beside, results_of
from imageproof.loadtests.samples import findings_of, samples_of
from imageproof.loadtests.selfcheck import Bound
from imageproof.loadtests.summary import summary
from imageproof.loadtests.truth import from_mock
from imageproof.loadtests.verdicts import Outcome, exit_code, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imageproof.load_live import Live
    from imageproof.loadtests.results import Results
    from imageproof.loadtests.verdicts import Judgement
    from imageproof.records.lines import Finding, Sample
    from imageproof.specs.model import Spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What follows from a run. `lines` are for a terminal; `says` is the sentence that the run ends with."""

    results: Results
    judgements: Sequence[Judgement]
    findings: Sequence[Finding]
    samples: Sequence[Sample]
    lines: Sequence[str]
    exit: int
    says: str


def judged(
    live: Live,
    upstream: Iterable[Mapping[str, object]] | None,
    spec: Spec,
    *,
    goals: Iterable[str],
    clock: float,
    was_cut: bool,
) -> Judged:
    """Work out and judge all. Raises GoalError, and msgspec.ValidationError for books that are none of the mock's."""
    wanted = [read_goal(text) for text in goals]
    rows = None if upstream is None else from_mock(upstream, mark_of, scale=clock)[0]
    beside = Beside(beats=live.beats, direct=live.direct, upstream_cpu=live.upstream_cpu)
    jobs, told = joined(live.jobs, rows or (), is_disturbed=live.is_disturbed)
    results = results_of(jobs, rows, beside=beside, goals=wanted, clock=clock, was_cut=was_cut)
    judgements = judge(wanted, results)
    return Judged(
        results=results,
        judgements=judgements,
        findings=tuple(findings_of(results, judgements)),
        samples=tuple(samples_of(results, micro_usd_per_credit=spec.billing.micro_usd_per_credit)),
        lines=(*summary(results, judgements), *says_joined(told, is_disturbed=live.is_disturbed)),
        exit=exit_code(judgements, results.conservation),
        says=_says(results, judgements),
    )


def _says(results: Results, judgements: Sequence[Judgement]) -> str:
    """The sentence that a run ends with."""
    parts = [results.conservation.says]
    for outcome, words in ((Outcome.FAIL, "missed"), (Outcome.INVALID, "could not be judged")):
        texts = [judgement.goal.text for judgement in judgements if judgement.outcome is outcome]
        if texts:
            parts.append(f"{', '.join(texts)} {words}")
    if judgements and len(parts) == 1:
        parts.append(f"all {len(judgements)} goals met" if len(judgements) > 1 else "the goal is met")
    if results.health.bound is not Bound.NONE:
        parts.append(results.health.says)
    return "; ".join(parts)


def csv_of(samples: Iterable[Sample]) -> str:
    """The numbers as CSV: name, value, the time that they are about, and their labels."""
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(("name", "value", "at_s", "labels"))
    for sample in samples:
        labels = ";".join(f"{name}={value}" for name, value in sample.labels.items() if name != "histogram")
        table.writerow((sample.name, f"{sample.value:.9g}", f"{sample.at_s:.3f}", labels))
    return out.getvalue()
