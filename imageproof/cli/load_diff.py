"""The part of `imageproof diff` for load runs: which times changed by more than chance explains."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from imageproof.cli.refusal import Refusal
from imageproof.reports.layout import Piece

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imageproof.loadtests.comparison import Change
    from imageproof.records.reading import Run
    from imageproof.specs.model import JsonTree

LOAD = "load"
NOTE = (
    "Chance is what each run shows of itself. Two runs differ by the state of the machine, too: for a small "
    "difference, load both targets in turn with --against."
)


def changes_of(before: Run, after: Run) -> list[Change]:
    """How the times of two load runs differ; nothing for runs of another kind. Raises Refusal."""
    if (before.header.what, after.header.what) != (LOAD, LOAD):
        return []
    try:
        from imageproof.loadtests.comparison import compared, stored_in
        from imageproof.loadtests.histograms import HistogramError
    except ModuleNotFoundError as error:
        raise Refusal(
            f"expected the extra to compare load runs ({error.name} is not installed): pip install 'imageproof[load]'"
        ) from None
    stored = []
    for run in (before, after):
        try:
            stored.append(stored_in(run.samples))
        except HistogramError as error:
            raise Refusal(f"{run.path}: {error}") from None
    return compared(stored[0], stored[1])


def pieces_of(changes: Sequence[Change]) -> Iterator[Piece]:
    """The lines for a terminal: what changed first."""
    if not changes:
        return
    yield Piece()
    real = [change for change in changes if change.is_slower or change.is_faster]
    yield Piece(text=f"Times: {len(real)} of {len(changes)} changed by more than chance explains", style="bold")
    for change in sorted(changes, key=lambda item: item not in real):
        yield Piece(
            text=change.says, indent=2, style="red" if change.is_slower else "green" if change.is_faster else ""
        )
    yield Piece(text=NOTE, style="dim")


def with_times(text: str, changes: Sequence[Change]) -> str:
    """The difference as JSON, with the times in it."""
    if not changes:
        return text
    tree: dict[str, JsonTree] = json.loads(text)
    tree["times"] = [_tree(change) for change in changes]
    return json.dumps(tree, ensure_ascii=False, indent=2)


def _tree(change: Change) -> JsonTree:
    found = change.difference
    interval: JsonTree = [found.interval.low, found.interval.high] if found.interval is not None else None
    return {
        "name": change.name,
        "before": found.before,
        "after": found.after,
        "difference": interval,
        "confidence": found.interval.confidence if found.interval is not None else None,
        "verdict": "slower" if change.is_slower else "faster" if change.is_faster else "noise",
        "samples": [*change.samples],
        "says": change.says,
    }
