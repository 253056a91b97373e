"""What a text adds to a page: what is spelled out and escaped in it takes more room than its letters. Pure."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from imageproof.reports.wire_text import plain

if TYPE_CHECKING:
    from imageproof.reports.html_diff import Row
    from imageproof.reports.html_exchange import ExchangeView

ROW = 160  # characters of markup around both sides of a line of a difference
EXCHANGE = 400  # around an exchange


def weight(*texts: str) -> int:
    """How many characters these texts take on the page."""
    return sum(len(escape(plain(text))) for text in texts)


def weight_of_exchange(view: ExchangeView) -> int:
    """How many characters an exchange takes."""
    return EXCHANGE + weight(view.title, view.sent, view.answer, view.note)


def weight_of_row(row: Row) -> int:
    """How many characters a line of a difference takes."""
    sides = (row.left, row.right)
    return ROW + sum(weight(side.before, side.changed, side.after) for side in sides)
