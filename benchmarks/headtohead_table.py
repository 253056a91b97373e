"""The result of the head to head as Markdown."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from headtohead_report import Outcome, Row

# What an OpenAPI document can say: bodies, statuses, headers, keys. It says nothing of pixels, prices, streams or time.
SAYABLE = {
    *("accepts", "refuses", "too-wide", "status", "code", "type", "missing", "retyped", "null"),
    *("renamed", "moved", "header", "open", "other-form"),
}
HEAD = """\
| family | sabotages | caught | by Schemathesis | named | by it | requests | its | seconds | its |
|---|---|---|---|---|---|---|---|---|---|"""
HONEST = """\
| honest mock | requests | of Schemathesis | seconds | its | failures | its |
|---|---|---|---|---|---|---|"""


def markdown(rows: list[Row], honest: list[Row]) -> str:
    """A table by family, the honest runs, and where Schemathesis is ahead."""
    said = [row for row in rows if row.family in SAYABLE]
    unsaid = [row for row in rows if row.family not in SAYABLE]
    families = [*_families(said), *_families(unsaid)]
    lines = [HEAD, *(_line(name, _of(rows, name)) for name in families)]
    lines += [
        _line(f"**{title}**", some)
        for title, some in (("a schema can say it", said), ("no schema says it", unsaid), ("all", rows))
        if some
    ]
    lines += ["", HONEST, *map(_honest, honest)]
    caught = [name for name in families if all(row.theirs.is_caught for row in _of(rows, name))]
    sooner = [name for name in caught if _is_less(_of(rows, name), lambda side: side.until or side.requests)]
    faster = [name for name in caught if _is_less(_of(rows, name), lambda side: side.cpu_s)]
    lines += _list("Only Schemathesis caught", [row for row in rows if row.theirs.is_caught and not row.ours.is_caught])
    lines += _list("Neither caught", [row for row in rows if not row.theirs.is_caught and not row.ours.is_caught])
    lines += _list("Schemathesis took too long and was ended", [row for row in rows if row.theirs.was_ended])
    lines += ["", f"Families of which it caught all with fewer requests: {', '.join(sooner) or 'none'}."]
    lines += ["", f"Families of which it caught all in less time: {', '.join(faster) or 'none'}."]
    return "\n".join(lines) + "\n"


def _families(rows: list[Row]) -> list[str]:
    return sorted({row.family for row in rows})


def _of(rows: list[Row], family: str) -> list[Row]:
    return [row for row in rows if row.family == family]


def _is_less(rows: list[Row], cost: Callable[[Outcome], float]) -> bool:
    return median(cost(row.theirs) for row in rows) < median(cost(row.ours) for row in rows)


def _list(title: str, rows: list[Row]) -> list[str]:
    return ["", f"{title}: {', '.join(f'`{row.sabotage}`' for row in rows) or 'none'}."]


def _honest(row: Row) -> str:
    cells = [row.spec, f"{row.ours.requests:,}", f"{row.theirs.requests:,}"]
    cells += [f"{row.ours.cpu_s:.0f}", f"{row.theirs.cpu_s:.0f}"]
    cells += [outcome.told.partition(":")[0] or "none" for outcome in (row.ours, row.theirs)]
    return f"| {' | '.join(cells)} |"


def _line(family: str, rows: list[Row]) -> str:
    ours, theirs = [row.ours for row in rows], [row.theirs for row in rows]
    cells = [family, str(len(rows))]
    cells += [str(sum(item.is_caught for item in side)) for side in (ours, theirs)]
    cells += [str(sum(item.is_named for item in side)) for side in (ours, theirs)]
    cells += [_until(side) for side in (ours, theirs)]
    cells += [f"{median(item.cpu_s for item in side):.0f}" for side in (ours, theirs)]
    return f"| {' | '.join(cells)} |"


def _until(side: list[Outcome]) -> str:
    needed = [item.until for item in side if item.until is not None]
    return f"{median(needed):,.0f}" if needed else "-"
