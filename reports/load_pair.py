"""Two targets that were loaded in turn: by how much the second is slower or faster, as a drawing. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.reports.load_axis import Axis
from imageproof.reports.load_chart import BELOW, TOP, Chart, Line, Name, Rect, short, table_of
from imageproof.reports.load_units import time_text

if TYPE_CHECKING:
    from imageproof.records.lines import Sample
    from imageproof.reports.load_data import LoadData

WORST_CHANGE = 3.0  # times: a relative difference beyond it is drawn at the edge
ROW = 24.0
NOTE = (
    "How much slower (right) or faster (left) B is, as a share of A. The bar is what chance leaves open: one that "
    "reaches over the middle tells no difference."
)


def differences_chart(data: LoadData) -> Chart | None:
    """By how much B differs from A, as a share of A, with its interval; None where nobody compared."""
    rows = [row for row in (_difference(sample) for sample in data.differences) if row is not None]
    if not rows:
        return None
    reach = min(WORST_CHANGE, max(max(abs(row.low), abs(row.high), abs(row.change)) for row in rows) * 1.1) or 1.0
    x = Axis(low=-min(1.0, reach), high=reach, begin=190.0, end=760.0)
    height = len(rows) * ROW + TOP + BELOW + 6
    rects: list[Rect] = []
    names: list[Name] = []
    lines = [Line(css="zero", path=f"M{x.at(0):g} {TOP:g}V{height - BELOW:g}")]
    for number, row in enumerate(rows):
        y = TOP + 16 + number * ROW
        left, right = x.at(row.low), x.at(row.high)
        rects.append(
            Rect(
                css=f"span {row.css}", x=left, y=y - 4, width=round(max(1.0, right - left), 1), height=8, says=row.says
            )
        )
        lines.append(Line(css=f"best {row.css}", path=f"M{x.at(row.change):g} {y - 8:g}v16"))
        names.append(Name(css="row-name", x=180, y=y + 4, text=short(row.name, 26)))
        names.append(Name(css=f"row-says {row.css}", x=772, y=y + 4, text=row.word))
    sure = [row.name for row in rows if row.css != "noise"]
    return Chart(
        title="B against A",
        says=f"B differs from A in {', '.join(sure)}" if sure else "A and B are not distinguishable",
        note=NOTE,
        height=height,
        left=190.0,
        right=760.0,
        x_ticks=x.ticks(lambda value: f"{value:+.0%}" if value else "0"),
        x_name="slower or faster than A",
        rects=tuple(rects),
        lines=tuple(lines),
        names=tuple(names),
        table=table_of(
            "B against A",
            ("number", "A", "B", "difference", "from", "to", "blocks", "verdict"),
            (row.cells for row in rows),
            words=(0, 7),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One number of two targets; differences are shares of A's."""

    name: str
    css: str
    word: str
    change: float
    low: float
    high: float
    says: str
    cells: tuple[str, ...]


def _difference(sample: Sample) -> _Row | None:
    labels = sample.labels
    try:
        before = float(labels.get("before", "0"))
        low, high = float(labels.get("low", sample.value)), float(labels.get("high", sample.value))
    except ValueError:
        return None
    if before <= 0:
        return None
    is_noise = labels.get("noise") != "no"
    css = "noise" if is_noise else "slower" if sample.value > 0 else "faster"
    after = before + sample.value
    word = "not distinguishable" if is_noise else f"B is {css}: {time_text(before)} → {time_text(after)}"
    name = labels.get("number", "?")
    blocks = labels.get("blocks", "")
    says = f"{name}: {time_text(before)} of A, {time_text(after)} of B, {word}"
    between = (time_text(low), time_text(high)) if "low" in labels else ("", "")
    return _Row(
        name=name,
        css=css,
        word=word,
        change=sample.value / before,
        low=low / before,
        high=high / before,
        says=says,
        cells=(name, time_text(before), time_text(after), time_text(sample.value), *between, blocks, word),
    )
