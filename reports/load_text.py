"""A load run as lines of text, for a terminal and for Markdown: its goals with what was found, and its times. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.load_data import load_data
from imageproof.reports.load_goals import CONSERVATION, GOAL
from imageproof.reports.load_tables import latency_table, overhead_table
from imageproof.reports.wire_text import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run
    from imageproof.reports.load_chart import Table

LOAD = "load"
MOST_ROWS = 40
LONGEST_CELL = 40
LONGEST_SAYS = 300
WORDS = {Verdict.PASSED: "ok", Verdict.FAILED: "FAIL", Verdict.INCONCLUSIVE: "?"}


def is_load(run: Run) -> bool:
    """Whether it is a load run."""
    return run.header.what == LOAD


def is_invalid(run: Run, finding: Finding) -> bool:
    """Whether it is a goal that a load run could not judge: such a run is no pass."""
    return is_load(run) and finding.verdict is Verdict.INCONCLUSIVE and not finding.rule.startswith(CONSERVATION)


def untold(run: Run) -> Run:
    """The run without what `goal_lines` tells: of a load run its goals, of others nothing."""
    if not is_load(run):
        return run
    return replace(run, findings=tuple(item for item in run.findings if item.rule.startswith(CONSERVATION)))


def goal_lines(findings: Iterable[Finding]) -> list[str]:
    """A line for each goal: whether it is met, and what was found."""
    goals = [item for item in findings if not item.rule.startswith(CONSERVATION)]
    return [
        f"{WORDS.get(item.verdict, item.verdict.value):>4}  {one_line(item.rule.removeprefix(GOAL))}: {_says(item)}"
        for item in goals
    ]


def _says(item: Finding) -> str:
    return one_line(shortened(item.actual or item.reason or item.sentence, LONGEST_SAYS))


def time_lines(run: Run) -> list[str]:
    """The times of all phases, and the overhead, as tables in plain letters."""
    data = load_data(run.samples)
    tables = [table for table in (latency_table(data), overhead_table(data)) if table.rows]
    out: list[str] = []
    for table in tables:
        out += ["", *grid(table)] if out else grid(table)
    return out


def grid(table: Table) -> list[str]:
    """A table in plain letters: the first column to the left, the others to the right."""
    rows = [table.head, *table.rows[:MOST_ROWS]]
    cells = [[one_line(shortened(cell, LONGEST_CELL)) for cell in row] for row in rows]
    widths = [max(len(row[at]) for row in cells) for at in range(len(table.head))]
    lines = [_line(row, widths) for row in cells]
    left_out = len(table.rows) - MOST_ROWS
    return [*lines, f"and {left_out:,} more"] if left_out > 0 else lines


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]).rstrip()
