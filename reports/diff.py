"""Two runs side by side: what fails now, what is fixed, what is no longer judged, what else is different. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.amounts import counted
from imageproof.reports.layout import EMPTY, Piece
from imageproof.reports.telling import in_short
from imageproof.reports.wire_text import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run
    from imageproof.specs.model import JsonTree

LONGEST = 2_000
GONE = "not in this run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One rule whose finding is different: before and after, None where a run does not hold it. Never both None."""

    before: Finding | None
    after: Finding | None

    @property
    def rule(self) -> str:
        """The rule's id."""
        known = self.after or self.before
        return known.rule if known else ""

    @property
    def verdicts(self) -> str:
        """`passed -> failed`."""
        return f"{_verdict(self.before)} -> {_verdict(self.after)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What is different, each rule in one list only, in the order of the lists.

    `new` fails in AFTER and did not in BEFORE. `lost` passed in BEFORE and is not judged in AFTER. `fixed` failed and
    passes. `changed` has another verdict, or the same failure with another answer. `appeared` and `vanished` are rules
    of one run only that belong to no list before. `notes` say what makes the runs hard to compare; `common` counts
    the rules that both hold.
    """

    new: tuple[Change, ...]
    lost: tuple[Change, ...]
    fixed: tuple[Change, ...]
    changed: tuple[Change, ...]
    appeared: tuple[Change, ...]
    vanished: tuple[Change, ...]
    notes: tuple[str, ...]
    common: int

    @property
    def is_worse(self) -> bool:
        """Whether something fails that did not, or is no longer seen to pass."""
        return bool(self.new or self.lost)


def compare(before: Run, after: Run) -> Difference:
    """Compare two runs, rule by rule."""
    old = {finding.rule: finding for finding in before.findings}
    new = {finding.rule: finding for finding in after.findings}
    lists: dict[str, list[Change]] = {name: [] for name in TITLES}
    for rule in (*old, *(rule for rule in new if rule not in old)):
        change = Change(before=old.get(rule), after=new.get(rule))
        if name := kind_of(change):
            lists[name].append(change)
    return Difference(
        **{name: tuple(changes) for name, changes in lists.items()},
        notes=tuple(_notes(before, after)),
        common=len(old.keys() & new.keys()),
    )


TITLES = {
    "new": "newly failed",
    "lost": "passed before, and no longer judged",
    "fixed": "fixed",
    "changed": "changed",
    "appeared": "only in AFTER",
    "vanished": "only in BEFORE",
}


def kind_of(change: Change) -> str | None:
    """The list in which a change belongs; None when nothing changed."""
    before, after = change.before, change.after
    was_bad, is_bad = _is_bad(before), _is_bad(after)
    if is_bad and not was_bad:
        return "new"
    if before and before.verdict is Verdict.PASSED and not (after and after.verdict.is_judged):
        return "lost"
    if after is None or before is None:
        return "vanished" if after is None else "appeared"
    if was_bad and after.verdict is Verdict.PASSED:
        return "fixed"
    return "changed" if _is_different(before, after) else None


def _is_different(before: Finding, after: Finding) -> bool:
    if before.verdict is not after.verdict:
        return True
    return bool(before.actual and after.actual) and before.actual != after.actual


def _is_bad(finding: Finding | None) -> bool:
    return finding is not None and finding.verdict.is_bad


def _verdict(finding: Finding | None) -> str:
    return finding.verdict.value if finding else GONE


def _notes(before: Run, after: Run) -> Iterator[str]:
    for name, run in (("BEFORE", before), ("AFTER", after)):
        if run.cut:
            yield f"{name}: {run.cut}"
        if not any(finding.verdict.is_judged for finding in run.findings):
            yield f"{name}: nothing was judged, so that nothing worse is no good news"
    for name in ("what", "spec", "mode", "strict", "version"):
        old, new = getattr(before.header, name), getattr(after.header, name)
        if old != new:
            yield f"the runs differ in {name}: {old or 'none'} before, {new or 'none'} after"


def verdict_of(difference: Difference) -> str:
    """One sentence."""
    counts = [
        f"{len(changes)} {title}"
        for name, title in TITLES.items()
        if (changes := getattr(difference, name)) or name == "new"
    ]
    grade = "worse" if difference.is_worse else "not worse"
    return f"{grade}: {', '.join(counts)}, in {counted(difference.common, 'rule')} of both runs"


def pieces(difference: Difference) -> Iterator[Piece]:
    """The difference for a person."""
    yield from (Piece(label="note:", text=one_line(note), style="yellow") for note in difference.notes)
    for name, title in TITLES.items():
        changes: tuple[Change, ...] = getattr(difference, name)
        if changes:
            style = {"new": "bold red", "lost": "bold red", "fixed": "bold green"}.get(name, "bold")
            yield Piece(text=f"{len(changes)} {title}", style=style)
            for change in changes:
                yield from _told(change)
            yield EMPTY
    yield Piece(text=verdict_of(difference), style="bold red" if difference.is_worse else "bold green")


def _told(change: Change) -> Iterator[Piece]:
    yield Piece(label=f"{one_line(change.rule)}:", text=change.verdicts, indent=3)
    for label, finding in (("before", change.before), ("after ", change.after)):
        if finding and finding.verdict is not Verdict.PASSED:
            yield Piece(label=label, text=one_line(shortened(in_short(finding), LONGEST)), indent=5)


def as_json(before: Run, after: Run, difference: Difference) -> str:
    """The difference for a program."""
    lists: dict[str, JsonTree] = {
        name: [_change_as_json(change) for change in getattr(difference, name)] for name in TITLES
    }
    tree: dict[str, JsonTree] = {
        "worse": difference.is_worse,
        "says": verdict_of(difference),
        "common": difference.common,
        **lists,
        "notes": [*difference.notes],
        "before": _run_as_json(before),
        "after": _run_as_json(after),
    }
    return json.dumps(tree, ensure_ascii=False, indent=2)


def _run_as_json(run: Run) -> JsonTree:
    header = run.header
    return {
        "spec": header.spec,
        "target": header.target,
        "started": header.started,
        "seed": header.seed,
        "exit": run.footer.exit if run.footer else None,
    }


def _change_as_json(change: Change) -> JsonTree:
    known = change.after or change.before
    return {
        "rule": change.rule,
        "level": known.level if known else "",
        "before": _finding_as_json(change.before),
        "after": _finding_as_json(change.after),
    }


def _finding_as_json(finding: Finding | None) -> JsonTree:
    if finding is None:
        return None
    told = {"expected": finding.expected, "actual": finding.actual, "reason": finding.reason, "by": finding.by}
    return {"verdict": finding.verdict.value, **{name: text for name, text in told.items() if text}}
