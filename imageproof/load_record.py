"""What a load run leaves behind: its record, its books, and its numbers as CSV."""

from __future__ import annotations

import platform
import sys
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from imageproof.load_books import write_books
from imageproof.load_judge import csv_of
from imageproof.records.lines import FORMAT, Footer, Header
from imageproof.records.writing import NAME, Writer

if TYPE_CHECKING:
    from contextlib import ExitStack

    from imageproof.load_config import LoadConfig
    from imageproof.load_judge import Judged
    from imageproof.load_measure import LoadState
    from imageproof.specs.model import Spec

NO_GATEWAY = "imageproof mock (no gateway)"


def header_of(config: LoadConfig, spec: Spec) -> Header:
    """The first line of the record."""
    return Header(
        format=FORMAT,
        what="load",
        spec=spec.name,
        title=spec.title,
        target=config.base_url or (str(config.books) if config.books else NO_GATEWAY),
        version=version("imageproof"),
        started=datetime.now(tz=UTC).isoformat(timespec="seconds"),
        seed=config.seed,
        config=config.shown,
        versions={"python": platform.python_version(), "platform": sys.platform, "locust": version("locust")},
        max_micro_usd=config.max_micro_usd,
        micro_usd_per_credit=spec.billing.micro_usd_per_credit,
        expected_requests=config.expected_jobs(),
        expected_micro_usd=config.expected_micro_usd(spec),
    )


def writer_of(config: LoadConfig, stack: ExitStack) -> Writer | None:
    """Open the record; None where nobody wants one. Raises FileExistsError for one that is there, or OSError."""
    if config.out is None:
        return None
    config.out.mkdir(parents=True, exist_ok=True)
    return stack.enter_context(Writer(config.out / NAME))


def notes_of(found: Judged | None) -> tuple[str, ...]:
    """What a reader should know of a run: what was left out, whether the generator was the limit, what adds up."""
    if found is None:
        return ()
    results = found.results
    falls = (f"{sort} jobs: {fall.says}" for sort, fall in results.waterfalls.items())
    return (results.conservation.says, results.health.warm_up, results.health.says, *falls)


def write_down(config: LoadConfig, state: LoadState, writer: Writer) -> None:
    """Write what was found, and the footer, which is always the last."""
    live = state.live
    found = state.judged
    findings = [*(found.findings if found is not None else ()), *state.findings]
    samples = [*(found.samples if found is not None else ()), *state.samples]
    for finding in findings:
        writer.write(finding)
    for sample in samples:
        writer.write(sample)
    writer.write(
        Footer(
            ended_s=round(state.seconds, 3),
            exit=state.exit,
            says=state.says,
            counts=dict(Counter(finding.verdict.value for finding in findings)),
            requests=live.requests,
            billable=len(live.jobs),
            micro_usd=live.micro_usd,
            notes=(*notes_of(found), *state.notes),
        )
    )
    if config.out is not None:
        write_books(config.out, state)
    if config.csv is not None:
        config.csv.write_text(csv_of(samples), encoding="utf-8", newline="")
