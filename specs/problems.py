"""What is wrong with a file that a person wrote: where it is, in one sentence, and what to do about it.

A `Problem` is a value. Whoever reads or checks a spec collects all of them and raises one `SpecError`, so that
a person sees every mistake of a file at once. `render` turns problems into text with the source line and a caret.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TypeAlias

LARGEST_FILE_BYTES = 1024 * 1024
"""No spec is larger; a larger file is refused before it is read."""

LINE_BREAK = re.compile(r"\r\n|\r|\n")
"""Where YAML and editors end a line; `str.splitlines` knows more ways, and would count other lines."""

ReadLine: TypeAlias = Callable[[str, int], str | None]
"""Gives the text of a line (counted from 1) of a file without its line break, or None where there is none to show."""

_WIDEST_LINE = 96
_TAB = "    "
_CUT = "..."
_LONGEST_SUGGESTION = 64
_SHORTEST_BEGINNING = 3


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file: line and column count characters from 1. Line 0 stands for the file as a whole."""

    file: str
    line: int
    column: int

    @classmethod
    def of_file(cls, file: str) -> "Mark":
        """The mark of a whole file, for a file that can't be read at all."""
        return cls(file, 0, 0)

    def __str__(self) -> str:
        """`file:line:column`, which editors and terminals open with a click; `file` alone for a whole file."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake: where, one lower-case sentence that says what was expected and got, and at most one hint."""

    mark: Mark
    message: str
    _: KW_ONLY
    hint: str | None = None


class SpecError(Exception):
    """A spec that can't be used: all problems that were found in it, in the order in which they were given."""

    def __init__(self, problems: Iterable[Problem], *, sources: Mapping[str, str] | None = None) -> None:
        """Carry `problems`; `sources` are the texts of those files that are not on disk under their names."""
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.sources: Mapping[str, str] = dict(sources or {})
        super().__init__(self.problems)

    def render(self) -> str:
        """All problems as text for a person, sorted by file and position."""
        return render(self.problems, lines_of(self.sources))

    def __str__(self) -> str:
        """The problems without their source lines: one line for each."""
        return "\n".join(f"{problem.mark}: {problem.message}" for problem in self.problems)


def render(problems: Iterable[Problem], read_line: ReadLine) -> str:
    """Problems as text, sorted by file and position, each one once: place, message, source line, caret and hint."""
    ordered = sorted(dict.fromkeys(problems), key=lambda problem: problem.mark)
    return "\n".join(line for problem in ordered for line in _lines_of(problem, read_line))


def lines_of(sources: Mapping[str, str] | None = None) -> ReadLine:
    """A reader of source lines: of the given texts by file name, else from disk, where each file is read once.

    A file that can't be read has no lines, since the problem itself says why.
    """
    texts = dict(sources or {})
    known: dict[str, list[str]] = {}

    def read_line(file: str, line: int) -> str | None:
        if file not in known:
            text = texts[file] if file in texts else _text_on_disk(Path(file))
            known[file] = [] if text is None else LINE_BREAK.split(text)
        return known[file][line - 1] if 0 < line <= len(known[file]) else None

    return read_line


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that somebody who wrote `word` most likely meant, or None when none is near.

    Case, hyphens, underscores and spaces don't count; two exchanged letters count as one mistake; a word that
    begins only one known word is near it.
    """
    if not word or len(word) > _LONGEST_SUGGESTION:
        return None
    plain = _plain(word)
    candidates = sorted({(_plain(name), name) for name in known if len(name) <= _LONGEST_SUGGESTION})
    allowed = max(1, len(plain) // 3)
    ranked = [
        (distance, name)
        for other, name in candidates
        if abs(len(other) - len(plain)) <= allowed
        and (distance := _distance(plain, other)) <= allowed
        and distance < max(len(plain), len(other))
    ]
    if ranked:
        return min(ranked)[1]
    longer = [name for other, name in candidates if len(plain) >= _SHORTEST_BEGINNING and other.startswith(plain)]
    return longer[0] if len(longer) == 1 else None


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The hint that names the nearest known word, or None when none is near."""
    near = nearest(word, known)
    return None if near is None else f"did you mean {near!r}?"


def _lines_of(problem: Problem, read_line: ReadLine) -> list[str]:
    mark = problem.mark
    lines = [f"{mark}: {problem.message}"]
    source = read_line(mark.file, mark.line) if mark.line else None
    if source is not None and source.strip():
        lines += [f"    {line}".rstrip() for line in _pointed_at(source, mark.column)]
    if problem.hint is not None:
        lines.append(f"    hint: {problem.hint}")
    return lines


def _pointed_at(source: str, column: int) -> tuple[str, str]:
    """The source line as a terminal shows it, and the line with the caret below it."""
    caret = min(max(column - 1, 0), len(source))
    before, room = _fitting(reversed(source[:caret]), _WIDEST_LINE // 2)
    after, room = _fitting(source[caret:], _WIDEST_LINE // 2 + room)
    before, _ = _fitting(reversed(source[:caret]), _width("".join(before)) + room)
    left = (_CUT if len(before) < caret else "") + "".join(reversed(before))
    right = "".join(after) + (_CUT if caret + len(after) < len(source) else "")
    return left + right, " " * _width(left) + "^"


def _fitting(characters: Iterable[str], room: int) -> tuple[list[str], int]:
    """The first characters, as they are shown, that fit into this many columns, and how many columns they leave."""
    cells: list[str] = []
    for character in characters:
        cell = _shown(character)
        if _width(cell) > room:
            break
        room -= _width(cell)
        cells.append(cell)
    return cells, room


def _shown(character: str) -> str:
    """The character as it may be printed: a control character of a hostile file must not reach the terminal."""
    if character == "\t":
        return _TAB
    is_harmless = character.isprintable() or unicodedata.category(character) == "Zs"
    return character if is_harmless else "\N{REPLACEMENT CHARACTER}"


def _width(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _text_on_disk(path: Path) -> str | None:
    """The text of a file as well as it can be had: this only decorates a problem that is already known."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(LARGEST_FILE_BYTES).decode("utf-8-sig", errors="replace")
    except (OSError, ValueError):
        return None


def _plain(word: str) -> str:
    return re.sub(r"[-_ ]", "", word.casefold())


def _distance(one: str, other: str) -> int:
    """How many letters to insert, drop, change or exchange with the next one to turn one word into the other."""
    before: list[int] = []
    above = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        line = [row]
        for column, target in enumerate(other, start=1):
            cost = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != target))
            if row > 1 and column > 1 and letter == other[column - 2] and one[row - 2] == target:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, above = above, line
    return above[-1]
