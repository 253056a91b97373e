"""Markdown for a comment below a pull request: short enough to be taken, and deaf to what a gateway put into it.

Whatever a stranger wrote stands in code, where Markdown, HTML, links and @mentions mean nothing.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from imageproof.records.lines import Verdict
from imageproof.reports.amounts import counted, lasted
from imageproof.reports.causes import causes, not_judged
from imageproof.reports.load_text import goal_lines, is_load, time_lines, untold
from imageproof.reports.summary import Summary, summary
from imageproof.reports.telling import curl_of, evidence_of, heading, in_short, provenance
from imageproof.reports.terminal import cost
from imageproof.reports.wire_text import one_line, plain, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from imageproof.records.lines import Finding
    from imageproof.records.reading import Run
    from imageproof.reports.causes import Cause

MOST = 60_000  # characters; GitHub takes 65,536 in a comment
FOR_FAILURES = 40_000  # of these
FOR_OTHERS = 12_000
LONGEST_LINE = 600
LONGEST_NOTE = 200  # of what is told in one line only
LONGEST_COMMAND = 2_000
MOST_NAMED = 20
FENCE = 3
NO_WORD = re.compile(r"\W")
LISTS = {
    Verdict.STALE: "Listed in the baseline, but passed: remove the entries",
    Verdict.ERRORED: "Not judged because imageproof itself failed",
    Verdict.WARNED: "Warned",
    Verdict.KNOWN: "Failed as listed in the baseline",
}


def render(run: Run) -> str:
    """The run as Markdown, in less than 60,000 characters."""
    sums = summary(run)
    parts = [
        f"### {_mark(sums)} {code(heading(run.header))}",
        f"{code(sums.says)} at {code(run.header.target)}",
        "\n".join(f"> **Note:** {code(text)}" + "  " for text in sums.warnings),
        table(sums),
        *_load(run),
        *_within(FOR_FAILURES, _failures(untold(run)), "failure"),
        *_within(FOR_OTHERS, _others(untold(run)), "list"),
        _foot(run, sums),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _load(run: Run) -> Iterator[str]:
    """What a load run measured, and what became of its goals."""
    if not is_load(run):
        return
    goals = goal_lines(run.findings)
    if goals:
        yield block(shortened("\n".join(goals), FOR_OTHERS))
    times = time_lines(run)
    if times:
        yield _folded("Latency and overhead", block(shortened("\n".join(times), FOR_OTHERS)))


def code(text: str) -> str:
    """The text as a span of code that it can't end itself."""
    clean = shortened(one_line(text), LONGEST_LINE).strip() or "-"
    fence = "`" * (_longest_run(clean) + 1)
    pad = " " if clean.startswith("`") or clean.endswith("`") else ""
    return f"{fence}{pad}{clean}{pad}{fence}"


def block(text: str) -> str:
    """The text as a block of code that it can't end itself."""
    fence = "`" * max(FENCE, _longest_run(text) + 1)
    return f"{fence}text\n{text}\n{fence}"


def table(sums: Summary) -> str:
    """Verdicts by level."""
    used = [verdict for verdict in Verdict if sums.total(verdict)]
    if not used:
        return ""
    head = f"| | {' | '.join(used)} |\n|---|{'---:|' * len(used)}"
    rows = (
        f"| {NO_WORD.sub('', level)} | {' | '.join(str(of[key]) for key in used)} |"
        for level, of in sums.counts.items()
    )
    return "\n".join([head, *rows])


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall(r"`+", text)), default=0)


def _mark(sums: Summary) -> str:
    if sums.exit is None:
        return "Cut off:"
    return "Failed:" if sums.exit else "Passed:"


def _within(limit: int, parts: Iterable[str], noun: str) -> Iterator[str]:
    """The parts that fit, and how many were left out."""
    left, dropped = limit, 0
    for part in parts:
        left -= len(part)
        if left >= 0 and not dropped:
            yield part
        else:
            dropped += 1
    if dropped:
        yield f"{counted(dropped, f'more {noun}')} left out for want of space: see the full report."


def _failures(run: Run) -> Iterator[str]:
    for cause in causes(run.findings):
        yield _folded(_title(cause), "\n\n".join(_failure(run, cause)))


def _title(cause: Cause) -> str:
    also = f" + {len(cause.blocked)} blocked by it" if cause.blocked else ""
    return f"{cause.finding.level} {cause.finding.rule}{also}"


def _folded(title: str, body: str) -> str:
    """A part that opens on a click. The title is HTML, and harmless inside `code`."""
    shown = escape(shortened(one_line(title), LONGEST_LINE))
    return f"<details><summary><code>{shown}</code></summary>\n\n{body}\n\n</details>"


def _failure(run: Run, cause: Cause) -> Iterator[str]:
    item = cause.finding
    lines = {
        "requires": f"{item.level} {item.sentence}",
        "expected": item.expected,
        "actual": item.actual or item.reason,
        "known": provenance(item),
        "source": item.url,
        "evidence": evidence_of(item.evidence),
        "blocks": _named(cause.blocked),
    }
    yield block("\n".join(f"{name:<9} {_short(text)}" for name, text in lines.items() if text))
    for command in (curl_of(run, item), item.replay):
        if command:
            yield block(shortened(plain(command), LONGEST_COMMAND))


def _short(text: str, most: int = LONGEST_LINE) -> str:
    return shortened(one_line(shortened(text, most)), most)


def _named(findings: Iterable[Finding]) -> str:
    rules = [item.rule for item in findings]
    more = f" and {len(rules) - MOST_NAMED} more" if len(rules) > MOST_NAMED else ""
    return ", ".join(rules[:MOST_NAMED]) + more


def _others(run: Run) -> Iterator[str]:
    for verdict, title in LISTS.items():
        mine = [item for item in run.findings if item.verdict is verdict]
        lines = [
            f"{_short(item.rule, LONGEST_NOTE)}: {_short(in_short(item), LONGEST_NOTE)}" for item in mine[:MOST_NAMED]
        ]
        if len(mine) > MOST_NAMED:
            lines.append(f"and {len(mine) - MOST_NAMED} more")
        if lines:
            yield _folded(f"{title} ({len(mine)})", block("\n".join(lines)))
    groups = not_judged(run.findings)
    if groups:
        lines = [f"{len(group.findings):>4} {group.verdict}: {_short(group.reason, LONGEST_NOTE)}" for group in groups]
        if len(groups) > MOST_NAMED:
            lines[MOST_NAMED:] = [f"and {counted(len(groups) - MOST_NAMED, 'more reason')}"]
        number = sum(len(group.findings) for group in groups)
        yield _folded(f"Not judged, and why ({number})", block("\n".join(lines)))


def _foot(run: Run, sums: Summary) -> str:
    header = run.header
    mode = f", mode {code(header.mode)}" if header.mode else ""
    return " ".join([
        f"{sums.coverage}. {counted(sums.requests, 'request')}, {sums.billable:,} billable, {cost(run, sums)},",
        f"{lasted(sums.duration_s)}. Seed {header.seed}{mode}, imageproof {code(header.version)}.",
    ])  # fmt: skip
