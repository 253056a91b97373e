"""Pieces of text for a terminal: broken between words where someone looks at them, and never where a program reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One line as it is meant: `label` and `text`, `indent` columns from the left.

    `is_prose` text is broken between words, and goes on below its first word. Ids and commands are not: they stay
    whole, so that they can be copied.
    """

    text: str = ""
    label: str = ""
    indent: int = 0
    style: str = ""
    is_prose: bool = True


class Output(Console):
    """Standard output. When its reader has gone it says so; rich itself would end the process with exit code 1."""

    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError."""
        raise BrokenPipeError


EMPTY = Piece()
WIDEST_LABEL = 0.5  # of a line; the text behind a wider one begins on the next line


def lay_out(console: Console, pieces: Iterable[Piece]) -> None:
    """Write pieces: broken to the width of a terminal, or one line each where there is none."""
    width = console.width if console.is_terminal else None
    for piece in pieces:
        for line in lines_of(_sayable(piece, console.encoding), width):
            console.print(line, soft_wrap=True, markup=False, highlight=False, emoji=False)


def lines_of(piece: Piece, width: int | None) -> Iterator[Text]:
    """The lines of a piece; a `width` of None breaks nothing."""
    if width is None or not piece.is_prose:
        yield _line(piece.indent, piece.label, piece.text, piece.style)
        return
    hang = piece.indent + (cell_len(piece.label) + 1 if piece.label else 0)
    if hang > width * WIDEST_LABEL:
        yield _line(piece.indent, piece.label, "", piece.style)
        yield from lines_of(Piece(text=piece.text, indent=piece.indent + 2, style=piece.style), width)
        return
    for number, part in enumerate(broken(piece.text, width - hang)):
        yield _line(hang if number else piece.indent, "" if number else piece.label, part, piece.style)


def _sayable(piece: Piece, encoding: str) -> Piece:
    r"""The piece in the letters that the output knows; others are spelled, such as `\u4e2d`."""
    text, label = (part.encode(encoding, "backslashreplace").decode(encoding) for part in (piece.text, piece.label))
    return replace(piece, text=text, label=label)


def _line(indent: int, label: str, text: str, style: str) -> Text:
    line = Text(" " * indent)
    if label:
        line.append(f"{label} ", style="dim")
    line.append(text, style=style)
    line.rstrip()
    return line


def broken(text: str, width: int) -> list[str]:
    """The text in lines of at most so many columns, broken at spaces only: a longer word has a line of its own."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}" if lines[-1] else word
        if not lines[-1] or cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
