"""The report for a person at a terminal: failures first, three lines each, and one line that sums up at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.amounts import counted, credits_of, lasted, usd
from imageproof.reports.causes import causes, not_judged
from imageproof.reports.layout import EMPTY, Output, Piece, lay_out
from imageproof.reports.load_text import goal_lines, is_load, time_lines, untold
from imageproof.reports.summary import Summary, noun_of, summary
from imageproof.reports.telling import BASES, curl_of, evidence_of, heading, in_short, provenance
from imageproof.reports.wire_text import one_line, plain, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import Console

    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run
    from imageproof.reports.causes import Cause

MOST_NAMED = 5
LONGEST = 2_000  # characters of one value; the whole of it is in run.jsonl
STYLES = {"failed": "bold red", "good": "bold green", "open": "yellow", "faint": "dim"}
NOTED = {
    Verdict.STALE: "listed in the baseline, but passed: each makes the run fail until its entry is removed",
    Verdict.ERRORED: "not judged because imageproof itself failed",
    Verdict.WARNED: "warned: no failure",
    Verdict.KNOWN: "failed as listed in the baseline",
}


def write(run: Run, console: Console | None = None, *, quiet: bool = False) -> None:
    """Write the report of a run, to standard output if there is no console; with `quiet`, its last line only."""
    lay_out(console or Output(), [last_line(run, summary(run))] if quiet else pieces(run))


def pieces(run: Run) -> Iterator[Piece]:
    """The whole report, piece by piece."""
    sums = summary(run)
    yield from _head(run)
    yield from _warnings(sums)
    yield from _load(run)
    yield from _failures(untold(run))
    for verdict in NOTED:
        yield from _noted(run.findings, verdict)
    yield from _silent(untold(run))
    yield from _sums(run, sums)
    yield last_line(run, sums)


def last_line(run: Run, sums: Summary) -> Piece:
    """The verdict of the run."""
    said = one_line(f"{run.header.spec} at {run.header.target}: {sums.says}")
    return Piece(text=said, style=STYLES[{None: "open", 0: "good"}.get(sums.exit, "failed")])


def _head(run: Run) -> Iterator[Piece]:
    header = run.header
    yield Piece(text=one_line(heading(header)), style="bold", is_prose=False)
    yield Piece(label="target", text=one_line(header.target), is_prose=False)
    mode = f"mode {header.mode}, " if header.mode else ""
    strict = "strict, " if header.strict else ""
    yield Piece(text=one_line(f"{mode}{strict}seed {header.seed}, imageproof {header.version}, {header.started}"))
    yield EMPTY


def _warnings(sums: Summary) -> Iterator[Piece]:
    for warning in sums.warnings:
        yield Piece(label="note:", text=one_line(warning), style=STYLES["open"])
    if sums.warnings:
        yield EMPTY


def _load(run: Run) -> Iterator[Piece]:
    """What a load run measured, and what became of its goals."""
    if not is_load(run):
        return
    for lines in (time_lines(run), goal_lines(run.findings)):
        for line in lines:
            yield Piece(text=line, is_prose=False)
        if lines:
            yield EMPTY


def _failures(run: Run) -> Iterator[Piece]:
    found = causes(run.findings)
    if found:
        blocked = sum(len(cause.blocked) for cause in found)
        also = f", {blocked:,} more blocked by them" if blocked else ""
        yield Piece(text=f"{counted(len(found), noun_of(run))} failed{also}", style=STYLES["failed"])
        yield EMPTY
    for number, cause in enumerate(found, start=1):
        yield from failure(run, cause, number)
        yield EMPTY


def failure(run: Run, cause: Cause, number: int) -> Iterator[Piece]:
    """One failure: requirement, expected, actual; then what shows it, and what hangs on it."""
    item = cause.finding
    yield Piece(label=f"{number}.", text=one_line(item.rule), style="bold", is_prose=False)
    known = provenance(item)
    yield _line("requires", f"{item.level}{f' ({known})' if known else ''}: {item.sentence}")
    yield _line("expected", item.expected)
    yield _line("actual", item.actual or item.reason, style="red")
    for other in item.more:
        yield _line("also", other)
    details = {
        "judged by": BASES.get(item.basis, item.basis),
        "because": item.reason if item.actual else "",
        "evidence": evidence_of(item.evidence),
        "source": item.url,
    }
    for label, text in details.items():
        if text:
            yield _line(label, text)
    for label, command in (("curl", curl_of(run, item).removeprefix("curl ")), ("again", item.replay)):
        if command:
            yield Piece(label=label, text=plain(command), indent=3, is_prose=False)
    if cause.blocked:
        yield Piece(text=f"+ {len(cause.blocked)} blocked by it: {_named(cause.blocked)}", indent=3)


def _line(label: str, text: str, *, style: str = "") -> Piece:
    return Piece(label=f"{label:<9}", text=one_line(shortened(text, LONGEST)), indent=3, style=style)


def _named(findings: Iterable[Finding]) -> str:
    rules = [one_line(item.rule) for item in findings]
    more = f" and {len(rules) - MOST_NAMED} more" if len(rules) > MOST_NAMED else ""
    return ", ".join(rules[:MOST_NAMED]) + more


def _noted(findings: Iterable[Finding], verdict: Verdict) -> Iterator[Piece]:
    """The findings with one verdict, a line each."""
    mine = [item for item in findings if item.verdict is verdict]
    if not mine:
        return
    is_bad = verdict in (Verdict.STALE, Verdict.ERRORED)
    yield Piece(text=f"{len(mine)} {NOTED[verdict]}", style=STYLES["failed" if is_bad else "open"])
    for item in mine:
        listed = f" [{item.by}]" if item.by and verdict is not Verdict.ERRORED else ""
        said = shortened(f"{item.level} {in_short(item)}{listed}", LONGEST)
        yield Piece(label=f"{one_line(item.rule)}:", text=one_line(said), indent=3)
    yield EMPTY


def _silent(run: Run) -> Iterator[Piece]:
    groups = not_judged(run.findings)
    for group in groups:
        who = f" ({one_line(group.findings[0].rule)})" if len(group.findings) == 1 else ""
        reason = one_line(shortened(group.reason, LONGEST))
        yield Piece(label=f"{len(group.findings):>3} {group.verdict}:", text=f"{reason}{who}")
    if groups:
        yield EMPTY


def _sums(run: Run, sums: Summary) -> Iterator[Piece]:
    for level, counts in sums.counts.items():
        told = ", ".join(f"{number} {verdict}" for verdict, number in counts.items() if number)
        yield Piece(label=f"{one_line(level):<6}", text=told)
    yield Piece(text=sums.coverage)
    yield Piece(text=f"{counted(sums.requests, 'request')}, {sums.billable:,} billable, {lasted(sums.duration_s)}")
    yield Piece(text=cost(run, sums))
    yield from (Piece(text=one_line(note)) for note in (run.footer.notes if run.footer else ()))


def cost(run: Run, sums: Summary) -> str:
    """What the run cost, of what it may cost: `$0.12 (120 credits) of $0.50 spent`."""
    amount = credits_of(sums.micro_usd, run.header.micro_usd_per_credit)
    if is_load(run) and run.header.max_micro_usd is None:
        return f"{usd(sums.micro_usd)}{f' ({amount})' if amount else ''} at the provider's prices"
    limit = f" of {usd(run.header.max_micro_usd)}" if run.header.max_micro_usd is not None else ""
    return f"{usd(sums.micro_usd)}{f' ({amount})' if amount else ''}{limit} spent"
