"""Calls as a person reads them when a test has failed: a table, and the bodies of those that were refused. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imageproof.testing.breaches import Breach
    from imageproof.testing.calls import Call

MOST_CALLS = 30
MOST_BODIES = 3
BODY = 400
PATH = 48
FIRST_ERROR = 400


def table(calls: Sequence[Call]) -> str:
    """A line for each call, the first and the last ones where there are too many."""
    if not calls:
        return "  no request has reached the mock"
    half = MOST_CALLS // 2
    shown = [*calls] if len(calls) <= MOST_CALLS else [*calls[:half], *calls[-half:]]
    rows = [("#", "at", "operation", "request", "answer", "")]
    rows += [_row(call) for call in shown]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = [
        "  " + "  ".join([*(cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=True)), row[-1]]).rstrip()
        for row in rows
    ]
    if len(shown) < len(calls):
        lines.insert(half + 1, f"  ... {len(calls) - len(shown)} more ...")
    return "\n".join(lines)


def _row(call: Call) -> tuple[str, str, str, str, str, str]:
    why = [*call.rules, *([call.note] if call.note else [])]
    remarks = [
        *([f"task {call.task}"] if call.task else []),
        *([f"fault: {call.fault}"] if call.fault else []),
        *([f"breaks {', '.join(why)}" if call.rules else call.note] if why else []),
    ]
    request = f"{call.method} {_cut(call.path, PATH)}"
    return (
        f"{call.number}",
        f"{call.at:.1f} s",
        call.operation or "-",
        request,
        f"{call.status or 'none'}",
        "; ".join(remarks),
    )


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def breaches_told(breaches: Sequence[Breach]) -> str:
    """A line for each thing that is wrong, once where it is the same."""
    seen: dict[tuple[str, str], list[int]] = {}
    for breach in breaches:
        seen.setdefault((breach.rule, breach.says), []).append(breach.call.number)
    return "\n".join(f"  {rule}: {says} ({_numbers(numbers)})" for (rule, says), numbers in seen.items())


def _numbers(numbers: Sequence[int]) -> str:
    shown = ", ".join(f"#{number}" for number in numbers[:5])  # the first few show the pattern
    more = len(numbers) - 5
    return f"{shown} and {more} more" if more > 0 else shown


def bodies(calls: Sequence[Call]) -> str:
    """What the last refused requests sent and got, cut; empty where nothing was refused."""
    refused = [call for call in calls if call.status >= FIRST_ERROR]
    lines: list[str] = []
    for call in refused[-MOST_BODIES:]:
        lines.append(f"  #{call.number} {call.method} {_cut(call.path, PATH)}")
        if call.text:
            lines.append(f"    sent     {_cut(call.text, BODY)}")
        lines.append(f"    answered {call.status} {_cut(call.answer_text, BODY)}".rstrip())
    return "\n".join(lines)
