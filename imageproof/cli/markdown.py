"""Pieces of the generated pages: tables and texts in GitHub's Markdown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SPECIAL = re.compile(r"[\\*<\[\]|]")
GENERATED = "<!-- generated: change the code or the specs, then run `make docs` -->"


def text(value: object) -> str:
    """A value as plain text on one line, in a table or outside."""
    return SPECIAL.sub(lambda match: f"\\{match[0]}", " ".join(str(value).split()))


def code(value: object) -> str:
    """A value as code in a table; nothing for an empty one."""
    words = " ".join(str(value).split()).replace("|", "\\|")
    fence = "``" if "`" in words else "`"
    return f"{fence}{words}{fence}" if words else ""


def link(title: str, url: str) -> str:
    """A link, or the title alone where there is no URL."""
    return f"[{text(title)}]({url})" if url else text(title)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table whose cells are Markdown already; no lines at all without rows."""
    body = [f"| {' | '.join(row)} |" for row in rows]
    return [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *body] if body else []


def section(title: str, lines: Sequence[str]) -> list[str]:
    """A heading and what stands below it; nothing where nothing does."""
    return ["", f"## {title}", "", *lines] if lines else []


def page(title: str, *parts: Iterable[str]) -> str:
    """A whole page: title, hint that it is generated, and its lines."""
    lines = [f"# {title}", "", GENERATED, *(line for part in parts for line in part)]
    return "\n".join(lines) + "\n"
