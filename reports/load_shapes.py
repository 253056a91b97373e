"""How the times of a load run are spread: percentile curves, and a histogram of each phase. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from imageproof.reports.load_axis import Axis, Percentiles, close_axis, log_note, values_axis
from imageproof.reports.load_chart import (
    BELOW,
    LEFT,
    RIGHT,
    TOP,
    Chart,
    Line,
    Name,
    Rect,
    path_of,
    short,
    spread_names,
    table_of,
)
from imageproof.reports.load_units import number_text, percent_name, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from imageproof.reports.html_axis import Tick
    from imageproof.reports.load_data import Bar, LoadData, Phase

OVERHEAD = "overhead"
HEIGHT = 300.0
SMALL_WIDTH, SMALL_HEIGHT = 440.0, 170.0
SMALL_LEFT, SMALL_RIGHT = 12.0, 428.0
GROUPS = (
    ("Percentiles of jobs", ("e2e", "run", "queue", "lag")),
    ("Percentiles of requests", ("submit", "poll", "result", "download", "generate", "edit", "stream", OVERHEAD)),
    ("Percentiles of images in streams", ("first_event", "partial")),
)
MOST_LINES = 7
MOST_SHAPES = 40
FEWEST_BINS, MOST_BINS = 6, 36
ALL = 100.0
BEYOND = 10  # values beyond a percentile, so that it means something
MARKS = ("p50", "p99")
NOTE = "Each nine takes the same room. Shaded: fewer than ten values lie beyond. The dot is the largest value."


def curve_charts(data: LoadData) -> tuple[Chart, ...]:
    """Percentile curves of whole jobs, and of single requests."""
    out = []
    for title, names in GROUPS:
        mine = [
            phase for phase in data.times if _family(phase.name) in names and any(value > 0 for _, value in phase.curve)
        ]
        for number in range(0, len(mine), MOST_LINES):
            more = f", part {number // MOST_LINES + 1}" if len(mine) > MOST_LINES else ""
            out.append(_curves(f"{title}{more}", mine[number : number + MOST_LINES]))
    return tuple(out)


def _family(name: str) -> str:
    """The name without the number of a partial image; the overhead of one kind of call is no family's."""
    return name if name.startswith(OVERHEAD) else name.partition(".")[0]


def _curves(title: str, phases: Sequence[Phase]) -> Chart:
    bottom = HEIGHT - BELOW
    most = max(phase.samples for phase in phases)
    x = Percentiles(samples=most, begin=LEFT, end=RIGHT)
    y = values_axis([value for phase in phases for _, value in phase.curve], bottom, TOP)
    lines: list[Line] = []
    names: list[Name] = []
    for number, phase in enumerate(phases):
        css = f"series-{number}"
        own = Percentiles(samples=max(phase.samples, 1), begin=LEFT, end=RIGHT)
        points = [(min(x.at(percent), _end(own, x)), y.at(value)) for percent, value in phase.curve]
        lines.append(Line(css=css, path=path_of(points) if len(points) > 1 else "", dots=tuple(points[-1:])))
        names.append(Name(css=css, x=RIGHT + 8, y=points[-1][1] + 4, text=short(phase.name)))
    percents = sorted({percent for phase in phases for percent, _ in phase.curve})
    known = {phase.name: dict(phase.curve) for phase in phases}
    sure = x.at(ALL * (1 - min(1.0, BEYOND / most))) if most else x.begin
    zone = Rect(css="thin", x=sure, y=TOP, width=round(x.end - sure, 1), height=bottom - TOP, says="few values")
    return Chart(
        title=title,
        says=f"{title}: {'; '.join(_median_and_p99(phase) for phase in phases)}",
        note=f"{NOTE}{log_note(y)}",
        height=HEIGHT,
        x_ticks=x.ticks(),
        y_ticks=y.ticks(time_text),
        x_name="share of the values that took at most so long",
        zones=(zone,) if zone.width > 0 else (),
        lines=tuple(lines),
        names=spread_names(names, TOP + 6, bottom + 4),
        table=table_of(
            title,
            ("percentile", *known),
            (
                (percent_name(percent), *(time_text(of[percent]) if percent in of else "" for of in known.values()))
                for percent in percents
            ),
        ),
    )


def _end(own: Percentiles, x: Percentiles) -> float:
    """Where the curve of fewer values ends on the axis of more."""
    return round(x.begin + min(1.0, own.nines / x.nines) * (x.end - x.begin), 1)


def _median_and_p99(phase: Phase) -> str:
    known = [f"{stat} {time_text(phase.stats[stat])}" for stat in MARKS if stat in phase.stats]
    return f"{phase.name} {', '.join(known)}" if known else phase.name


def shape_charts(data: LoadData) -> tuple[Chart, ...]:
    """A histogram of each phase; a phase in which every value is zero has none."""
    with_values = [
        phase
        for phase in data.phases.values()
        if phase.bars and not all(bar.high <= 1e-6 and bar.low >= 0 for bar in phase.bars)  # noqa: PLR2004 (zero)
    ]
    return tuple(_shape(phase) for phase in with_values[:MOST_SHAPES])


def _shape(phase: Phase) -> Chart:
    bottom = SMALL_HEIGHT - BELOW
    text = time_text if phase.is_time else number_text
    x = _shape_axis(phase)
    edges = _edges(phase, x)
    times = binned(phase.bars, edges)
    y = values_axis(times, bottom, TOP + 12, may_be_log=False)
    whole = sum(times) or 1.0
    rects = tuple(
        Rect(
            css="bin",
            x=x.at(low),
            y=y.at(count),
            width=round(max(0.8, x.at(high) - x.at(low) - 0.8), 1),
            height=round(bottom - y.at(count), 1),
            says=f"{_between(phase, low, high)}: {count:,.0f} ({count / whole:.1%})",
        )
        for low, high, count in zip(edges, edges[1:], times, strict=False)
        if count > 0
    )
    marks = [(stat, phase.stats[stat]) for stat in MARKS if stat in phase.stats]
    says = ", ".join(f"{stat} {text(value)}" for stat, value in marks)
    return Chart(
        title=phase.name,
        says=f"Histogram of {phase.name}: {phase.samples:,} values{f', {says}' if says else ''}",
        note=f"{phase.samples:,} values{f', {says}' if says else ''}",
        width=SMALL_WIDTH,
        height=SMALL_HEIGHT,
        left=SMALL_LEFT,
        right=SMALL_RIGHT,
        x_ticks=_apart(x.ticks(text, most=5)),
        x_name="log scale" if x.is_log else "",
        rects=rects,
        lines=tuple(Line(css=f"mark-{stat}", path=f"M{x.at(value):g} {TOP:g}V{bottom:g}") for stat, value in marks),
        names=_mark_names(marks, x),
    )


def _between(phase: Phase, low: float, high: float) -> str:
    if phase.is_time:
        return f"{time_text(low)} to {time_text(high)}"
    return number_text((low + high) / 2) if high - low <= 1 else f"{number_text(low)} to {number_text(high)}"


def _shape_axis(phase: Phase) -> Axis:
    """From the least to the largest value; numbers that are no times stand in the middle of their bars."""
    values = [edge for bar in phase.bars for edge in (bar.low, bar.high)]
    if phase.is_time:
        return close_axis(values, SMALL_LEFT, SMALL_RIGHT)
    low, high = math.floor(min(values)) - 0.5, math.ceil(max(values)) + 0.5
    return Axis(low=low, high=high, begin=SMALL_LEFT, end=SMALL_RIGHT)


def _edges(phase: Phase, x: Axis) -> list[float]:
    """Where the bars begin and end: even on the axis, and whole for numbers that are no times."""
    span = x.high - x.low
    if not phase.is_time:
        step = max(1, math.ceil(span / MOST_BINS))
        return [x.low + number * step for number in range(math.ceil(span / step) + 1)]
    bins = bins_for(sum(bar.times for bar in phase.bars))
    parts = [number / bins for number in range(bins + 1)]
    if x.is_log:
        return [x.low * (x.high / x.low) ** part for part in parts]
    return [x.low + span * part for part in parts]


def bins_for(values: float) -> int:
    """How many bars a histogram of so many values bears, so that chance does not draw its shape."""
    return max(FEWEST_BINS, min(MOST_BINS, math.ceil(2.4 * math.cbrt(values))))


def _mark_names(marks: Iterable[tuple[str, float]], x: Axis) -> tuple[Name, ...]:
    """The names above the marks; the right one stands right of its line, unless there is no room."""
    out: list[Name] = []
    for stat, value in marks:
        at = x.at(value)
        is_right = at < SMALL_RIGHT - 40 and (stat != MARKS[0] or at < SMALL_LEFT + 40)
        out.append(
            Name(css=f"mark-name{'' if is_right else ' left-of'}", x=at + (4 if is_right else -4), y=TOP + 6, text=stat)
        )
    return tuple(out)


def _apart(ticks: Sequence[Tick], room: float = 52.0) -> tuple[Tick, ...]:
    """The ticks whose names do not cover one another."""
    out: list[Tick] = []
    for tick in ticks:
        if not out or tick.x - out[-1].x >= room:
            out.append(tick)
    return tuple(out)


def binned(bars: Iterable[Bar], edges: Sequence[float]) -> list[float]:
    """How many values fall between each two edges; a bar that lies in several is shared out by its width."""
    out = [0.0] * (len(edges) - 1)
    for bar in bars:
        width = bar.high - bar.low
        if width <= 0:
            out[_bin(bar.high, edges)] += bar.times
            continue
        for number in range(_bin(bar.low, edges), _bin(bar.high, edges) + 1):
            shared = min(bar.high, edges[number + 1]) - max(bar.low, edges[number])
            out[number] += bar.times * max(0.0, min(1.0, shared / width))
    return out


def _bin(value: float, edges: Sequence[float]) -> int:
    return sum(1 for edge in edges[1:-1] if value >= edge)
