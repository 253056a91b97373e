"""Writes docs/selftest-clients.md: `python -m tests.wrong.table`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.wrong.catching import all_caught

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.wrong.catching import Caught

PAGE = Path(__file__).parents[2] / "docs" / "selftest-clients.md"
HEAD = """\
# What the client suite notices

Each row is a client that is wrong in one way and right in all others, from `tests/wrong/`; the suite knows nothing of
it. *Rule* is the one that it breaks, and *shown by* the scenarios that bring it to light. *Named* means that the suite
said so under that rule; *besides* are further rules of level MUST that it said were broken.

Made by `python -m tests.wrong.table`, from a checkout.

"""


def page(rows: Sequence[Caught]) -> str:
    """The whole page."""
    named = sum(row.is_named for row in rows)
    alone = sum(row.is_named and not row.besides for row in rows)
    share = 100 * named / len(rows)
    verdict = (
        f"**{named} of {len(rows)} wrong clients ({share:.0f} %) caught under the right rule, "
        f"{alone} of them under no other rule of level MUST.**"
    )
    lines = [
        verdict,
        "",
        "| client | what it does wrong | rule | shown by | named | besides |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        shown = ", ".join(f"`{name}`" for name in row.wrong.scenarios)
        besides = ", ".join(f"`{rule.partition('/')[2]}`" for rule in sorted(row.besides))
        said = "yes" if row.is_named else "no"
        lie = " ".join(row.wrong.lie.split())
        lines.append(f"| `{row.wrong.name}` | {lie} | `{row.wrong.rule}` | {shown} | {said} | {besides} |")
    return HEAD + "\n".join(lines) + "\n"


def main() -> int:
    """Run all wrong clients and write the page; 1 when one was not caught under its rule."""
    rows = all_caught()
    PAGE.write_text(page(rows), encoding="utf-8")
    for row in rows:
        if row.trouble or not row.is_named:
            told = ", ".join(sorted(row.failed | row.warned)) or "nothing"
            sys.stderr.write(f"{row.wrong.name}: expected {row.wrong.rule}, got {told} {row.trouble}\n")
    return 0 if all(row.is_named for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
