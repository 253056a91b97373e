"""What a chart is made of, for any chart of a load run: lines, bars, names, and the same as a table. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from imageproof.reports.html_axis import Tick
    from imageproof.reports.load_axis import Axis
    from imageproof.reports.load_data import Point

LEFT, RIGHT, TOP = 66.0, 890.0, 16.0  # units of a drawing that is 1,000 wide; names of lines stand right of it
BELOW = 40.0  # units for the ticks and the name of the axis
NAME_STEP = 13.0  # units between two names, so that none covers another
MOST_POINTS = 400
MOST_ROWS = 600
LONGEST_NAME = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of texts; the first column is the head of its row, `words` are the columns that are no numbers."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[int] = frozenset({0})
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line, and the points that stand alone in it."""

    css: str
    path: str
    dots: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rect:
    """A bar, a stretch of time or what a pointer can ask: `says` is shown when it does."""

    css: str
    x: float
    y: float
    width: float
    height: float
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A text in the drawing."""

    css: str
    x: float
    y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A horizontal line right across: the limit of a goal."""

    css: str
    y: float
    text_y: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A drawing of `width` by `height` units. `says` is what it shows, for who can't see it."""

    title: str
    says: str
    note: str = ""
    width: float = 1000.0
    height: float = 260.0
    left: float = LEFT
    right: float = RIGHT
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    x_name: str = ""
    zones: tuple[Rect, ...] = ()
    rects: tuple[Rect, ...] = ()
    lines: tuple[Line, ...] = ()
    levels: tuple[Level, ...] = ()
    names: tuple[Name, ...] = ()
    hits: tuple[Rect, ...] = ()
    table: Table | None = None
    is_open: bool = True

    @property
    def bottom(self) -> float:
        """Where the horizontal axis stands."""
        return self.height - BELOW


def line_of(points: Sequence[Point], x: Axis, y: Axis, css: str, gap: float) -> Line:
    """A line through the points, broken where a gap is wider than `gap`; a point without neighbours is a dot."""
    pieces: list[list[tuple[float, float]]] = []
    before: float | None = None
    for at, value in points:
        if before is None or at - before > gap:
            pieces.append([])
        pieces[-1].append((x.at(at), y.at(value)))
        before = at
    path = "".join(path_of(piece) for piece in pieces if len(piece) > 1)
    return Line(css=css, path=path, dots=tuple(piece[0] for piece in pieces if len(piece) == 1))


def path_of(points: Iterable[tuple[float, float]]) -> str:
    """An open path through points of the drawing."""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points)


def thinned(points: Sequence[Point], most: int = MOST_POINTS, *, worst: bool = True) -> list[Point]:
    """At most so many points: of neighbours the largest, or their mean."""
    if len(points) <= most:
        return list(points)
    size = -(-len(points) // most)
    parts = [points[at : at + size] for at in range(0, len(points), size)]
    pick: Callable[[Iterable[float]], float] = max if worst else fmean
    return [(part[0][0], pick([value for _, value in part])) for part in parts]


def spread_names(names: Iterable[Name], top: float, bottom: float) -> tuple[Name, ...]:
    """The names moved up and down so that none covers another."""
    placed: list[Name] = []
    floor = top
    for name in sorted(names, key=lambda item: item.y):
        y = max(floor, name.y)
        floor = y + NAME_STEP
        placed.append(Name(css=name.css, x=name.x, y=y, text=name.text))
    over = max(0.0, floor - NAME_STEP - bottom)
    for at in range(len(placed) - 1, -1, -1):
        if over <= 0:
            break
        name = placed[at]
        y = name.y - over
        placed[at] = Name(css=name.css, x=name.x, y=round(y, 1), text=name.text)
        above = placed[at - 1].y if at else top - NAME_STEP
        over = max(0.0, above + NAME_STEP - y)
    return tuple(placed)


def levels_of(named: Iterable[tuple[str, float]], css: str) -> tuple[Level, ...]:
    """Lines at heights of the drawing, each name above its line and above the names of lower lines."""
    out: list[Level] = []
    for text, y in sorted(named, key=lambda pair: -pair[1]):
        roof = out[-1].text_y - NAME_STEP if out else y
        out.append(Level(css=css, y=y, text_y=round(min(y - 4, roof), 1), text=text))
    return tuple(out)


def short(text: str, most: int = LONGEST_NAME) -> str:
    """A name that fits beside a drawing."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def hits_of(at: Sequence[float], says: Sequence[str], x: Axis, top: float, bottom: float) -> tuple[Rect, ...]:
    """Columns over the whole height that tell a pointer what is there."""
    middles = [x.at(moment) for moment in at]
    edges = [x.begin, *((one + two) / 2 for one, two in pairwise(middles)), x.end]
    return tuple(
        Rect(css="hit", x=round(low, 1), y=top, width=round(max(0.1, high - low), 1), height=bottom - top, says=text)
        for (low, high), text in zip(pairwise(edges), says, strict=False)
    )


def table_of(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]], words: Iterable[int] = (0,)) -> Table:
    """A table, of no more rows than a page can bear."""
    kept = [tuple(row) for row in rows]
    return Table(
        caption=caption,
        head=tuple(head),
        rows=tuple(kept[:MOST_ROWS]),
        words=frozenset(words),
        left_out=max(0, len(kept) - MOST_ROWS),
    )
