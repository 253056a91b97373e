"""Write failures down as entries of a baseline, into a file whose comments and order stay as they are. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs.nodes import Mapping, Node, Scalar, Sequence, plain, read_text
from imageproof.specs.problems import LINE_BREAK, Mark, Problem, SpecError
from imageproof.specs.reading import child
from imageproof.suites.baseline import LIST, VERSION, BaselineError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from imageproof.records.lines import Finding

HEAD = f"{VERSION}: 1\n{LIST}:\n"
"""How a new file begins."""

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_@.=|,:/-]*/[A-Za-z0-9_@.=|,:/-]*[A-Za-z0-9_]")
"""Ids that YAML reads as they are without quotes."""

INDENT = "  "


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What the entries of one addition have in common. `expires` is the last day on which they hold."""

    reason: str
    owner: str
    expires: date
    link: str | None = None


def entries_for(findings: Iterable[Finding], draft: Draft, *, indent: str = INDENT) -> str:
    """YAML entries for findings, one for each, as lines that go below `known:`."""
    return "".join(_entry(finding.rule, draft, indent) for finding in findings)


def _entry(rule: str, draft: Draft, indent: str) -> str:
    lines = [f"rule: {rule if PLAIN.fullmatch(rule) else _quoted(rule)}", f"reason: {_quoted(draft.reason)}"]
    lines += [f"link: {_quoted(draft.link)}"] if draft.link else []
    lines += [f"owner: {_quoted(draft.owner)}", f"expires: {draft.expires.isoformat()}"]
    return "".join(f"{indent}{'- ' if number == 0 else '  '}{line}\n" for number, line in enumerate(lines))


def _quoted(text: str) -> str:
    """A YAML text that is read back as it is, whatever is in it."""
    return '"' + "".join(_escaped(character) for character in text) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def with_entries(text: str, file: str, findings: Iterable[Finding], draft: Draft) -> str:
    """The text of a baseline with entries for these findings at the end of its list; everything else stays.

    `file` is the name that problems carry. Raises SpecError for a text that is no YAML, and BaselineError for a list
    that is written so that nothing can be put below it.
    """
    tree = read_text(text, file=file)
    node = child(tree, LIST)
    if node is None or not isinstance(tree, Mapping):
        raise _refusal(Mark.of_file(file), f"expected a list under `{LIST}`, got no such key")
    lines = _lines(text)
    indent = " " * (node.mark.column - 1) if isinstance(node, Sequence) and not _is_flow(lines, node.mark) else INDENT
    new = entries_for(findings, draft, indent=indent).replace("\n", "\r\n" if "\r\n" in text else "\n")
    changed = _inserted(lines, tree, node, new)
    _require_only_added(tree, changed, file, new)
    return changed


def _inserted(lines: list[str], tree: Mapping, node: Node, new: str) -> str:
    """The lines with the new ones at the end of the list."""
    begins = tree.key_marks[LIST].line
    later = [mark.line for mark in tree.key_marks.values() if mark.line > begins]
    at = min(later, default=len(lines) + 1) - 1
    if _is_flow(lines, node.mark) or isinstance(node, Scalar):
        at = begins
    if isinstance(node, Sequence) and not node.items:
        row, column = node.mark.line - 1, node.mark.column - 1
        rest = lines[row][column:].replace("[]", "", 1)
        lines = [*lines[:row], lines[row][:column].rstrip() + rest, *lines[row + 1 :]]
    before = "".join(lines[:at])
    gap = "" if not before or before.endswith(("\n", "\r")) else ("\r\n" if "\r\n" in before else "\n")
    return before + gap + new + "".join(lines[at:])


def _require_only_added(tree: Mapping, changed: str, file: str, new: str) -> None:
    """Raise BaselineError when the changed text says anything but the old one and the new entries."""
    before, added = plain(tree), plain(read_text(f"{LIST}:\n{new}", file=file))
    if not isinstance(before, dict) or not isinstance(added, dict):
        raise TypeError("expected mappings, which both texts were made as")
    wanted = {**before, LIST: [*(before[LIST] or []), *(added[LIST] or [])]}
    try:
        is_right = plain(read_text(changed, file=file)) == wanted
    except SpecError:
        is_right = False
    if not is_right:
        raise _refusal(
            tree.entries[LIST].mark, f"expected a list that entries can be added to, got another form of `{LIST}`"
        )


def _refusal(mark: Mark, message: str) -> BaselineError:
    return BaselineError([Problem(mark, message, hint=f"write `{LIST}:`, and below it each entry after a '- '")])


def _is_flow(lines: list[str], mark: Mark) -> bool:
    """Whether a list is written in brackets."""
    return lines[mark.line - 1][mark.column - 1 :].startswith("[") if mark.line <= len(lines) else False


def _lines(text: str) -> list[str]:
    """The lines with their ends, counted as YAML counts them."""
    ends = [found.end() for found in LINE_BREAK.finditer(text)]
    starts = [0, *ends]
    return [text[start:end] for start, end in zip(starts, [*ends, len(text)], strict=True) if end > start]
