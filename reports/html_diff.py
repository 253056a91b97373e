"""Two requests side by side, line by line: what is equal, and what makes the difference. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

from imageproof.reports.html_indent import spread

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imageproof.records.lines import Content, Request

MOST_LINES = 300
MOST_ROWS = 120
LONGEST_LINE = 240  # characters shown of one line
CONTEXT = 3  # equal lines kept on either side of a difference


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One line of one side in three parts: `changed` is what the other side has not, between what both have.

    `is_there` is false where only the other side has a line.
    """

    before: str = ""
    changed: str = ""
    after: str = ""
    is_there: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of both sides. `mark` is empty when they are equal, else `changed`, `left` or `right` (only there).

    `folded` above zero stands for so many equal lines that are not shown.
    """

    left: Side
    right: Side
    mark: str = ""
    folded: int = 0


NOTHING = Side(is_there=False)


def request_lines(request: Request) -> list[str]:
    """A request as lines: method and URL, headers, an empty line, the body with JSON spread."""
    head = [f"{request.method} {request.url}", *(f"{name}: {value}" for name, value in request.headers)]
    return head if request.body is None else [*head, "", *body_lines(request.body)]


def body_lines(body: Content) -> list[str]:
    """A body as lines; what is not there, or not all, is said in brackets."""
    if body.text is None:
        return [f"[{body.size:,} bytes of {body.kind or 'unknown kind'}]"]
    lines = spread(body.text).split("\n")
    return [*lines, f"[cut in the record: {body.size:,} bytes in all]"] if body.cut else lines


def side_by_side(left: Sequence[str], right: Sequence[str]) -> tuple[Row, ...]:
    """The lines of both, equal ones in one row. A comma at the end of a line is no difference."""
    ours, theirs = _capped(left), _capped(right)
    matcher = SequenceMatcher(None, [line.rstrip(",") for line in ours], [line.rstrip(",") for line in theirs], False)  # noqa: FBT003
    rows: list[Row] = []
    for tag, left_from, left_to, right_from, right_to in matcher.get_opcodes():
        pairs = zip_longest(ours[left_from:left_to], theirs[right_from:right_to])
        rows.extend(_equal(*pair) if tag == "equal" else _differing(*pair) for pair in pairs)
    kept = _folded(rows)
    rest = len(kept) - MOST_ROWS
    return tuple(kept) if rest <= 0 else (*kept[:MOST_ROWS], Row(left=NOTHING, right=NOTHING, folded=rest))


def shown(line: str) -> str:
    """The line as it is shown: a long one is cut, and says how long it was."""
    if len(line) <= LONGEST_LINE:
        return line
    return f"{line[:LONGEST_LINE]} [cut: {len(line):,} characters]"


def _capped(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - MOST_LINES
    return list(lines) if rest <= 0 else [*lines[:MOST_LINES], f"[{rest:,} more lines]"]


def _equal(left: str, right: str) -> Row:
    return Row(left=Side(before=shown(left)), right=Side(before=shown(right)))


def _differing(left: str | None, right: str | None) -> Row:
    if left is None or right is None:
        mark = "right" if left is None else "left"
        return Row(left=_whole(left), right=_whole(right), mark=mark)
    start, end = _common(left, right)
    return Row(left=_parted(left, start, end), right=_parted(right, start, end), mark="changed")


def _whole(line: str | None) -> Side:
    return NOTHING if line is None else Side(changed=shown(line))


def _common(left: str, right: str) -> tuple[int, int]:
    """How many characters both have at the start, and at the end."""
    most = min(len(left), len(right))
    start = next((number for number in range(most) if left[number] != right[number]), most)
    rest = most - start
    return start, next((number for number in range(rest) if left[-1 - number] != right[-1 - number]), rest)


def _parted(line: str, start: int, end: int) -> Side:
    """The line with its own part between what both have; of long parts only as much as helps is shown."""
    until = len(line) - end
    before, changed, after = line[:start], line[start:until], line[until:]
    return Side(before=_tail(before), changed=shown(changed), after=shown(after))


def _tail(text: str) -> str:
    if len(text) <= LONGEST_LINE:
        return text
    return f"[{len(text) - LONGEST_LINE:,} characters] {text[-LONGEST_LINE:]}"


def _folded(rows: Sequence[Row]) -> list[Row]:
    """The rows without long stretches in which nothing differs."""
    out: list[Row] = []
    for is_equal, group in groupby(rows, key=lambda row: not row.mark):
        stretch = list(group)
        if is_equal and len(stretch) > 4 * CONTEXT:
            gap = Row(left=NOTHING, right=NOTHING, folded=len(stretch) - 2 * CONTEXT)
            stretch = [*stretch[:CONTEXT], gap, *stretch[-CONTEXT:]]
        out.extend(stretch)
    return out


def text_of(lines: Iterable[str], most: int) -> str:
    """Lines as one text of at most so many characters; what is left out is said in brackets."""
    text = "\n".join(shown(line) for line in lines)
    return text if len(text) <= most else f"{text[:most]}\n[cut: {len(text) - most:,} more characters]"
