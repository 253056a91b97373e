"""Latency over time: percentiles of each slice of a load run, with the limits of its goals. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.reports.load_axis import Axis, clock_ticks, log_note, values_axis
from imageproof.reports.load_chart import (
    BELOW,
    LEFT,
    RIGHT,
    TOP,
    Chart,
    Name,
    Rect,
    hits_of,
    levels_of,
    line_of,
    spread_names,
    table_of,
    thinned,
)
from imageproof.reports.load_units import clock_text, percent_name, time_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from imageproof.reports.load_chart import Table
    from imageproof.reports.load_data import LoadData, Point
    from imageproof.reports.load_goals import Limit

HEIGHT = 260.0
FIRST_CALLS = ("submit", "generate", "edit", "stream")
SHADES = {50.0: "shade-1", 90.0: "shade-2", 99.0: "shade-3"}
FAR = 2  # times the largest value: a limit so far up is told, and not drawn


def first_name(data: LoadData) -> str:
    """What the first call of a job is called in this run."""
    return " or ".join(name for name in FIRST_CALLS if name in data.phases) or "first call"


def latency_charts(data: LoadData, limits: Iterable[Limit]) -> tuple[Chart, ...]:
    """Percentiles of each slice of time: the first call, and the whole job."""
    names = {"e2e": "End to end", "first": f"First call: {first_name(data)}"}
    known = [name for name in names if any(data.latency.get(name, {}).values())]
    firsts = set(FIRST_CALLS) & data.phases.keys()
    if "e2e" in known and firsts and "submit" not in firsts:
        known = ["e2e"]  # a held call is the whole job
    out = []
    for name in known:
        mine = [item for item in limits if item.phase == name or (name == "first" and {item.phase} == firsts)]
        out.append(_latency(data, name, names[name], mine))
    return tuple(out)


def _latency(data: LoadData, phase: str, title: str, limits: Sequence[Limit]) -> Chart:
    lines = data.latency[phase]
    x = time_axis(data)
    values = [value for points in lines.values() for _, value in points]
    most = max(values)
    near = [item for item in limits if item.seconds <= most * FAR]
    y = values_axis([*values, *(item.seconds for item in near)], HEIGHT - BELOW, TOP)
    gap = max(data.width_s * 1.5, (x.high - x.low) / 100)
    shown = {percent: thinned(points) for percent, points in lines.items() if points}
    far = [f"the limit of {item.goal} ({time_text(item.seconds)}) is far above" for item in limits if item not in near]
    notes = [f"Each point is a slice of {clock_text(data.width_s)}; the p99 of few values is the largest of them."]
    return Chart(
        title=title,
        says=f"{title} over time, in percentiles: {_range(shown)}",
        note=" ".join([*notes, *(f"{text[0].upper()}{text[1:]}." for text in far)]) + log_note(y),
        height=HEIGHT,
        x_ticks=clock_ticks(x, clock_text),
        y_ticks=y.ticks(time_text),
        x_name="time since the start",
        zones=warm_up_zone(data, x, HEIGHT - BELOW),
        lines=tuple(
            line_of(points, x, y, SHADES.get(percent, "shade-2"), gap * max(1, len(lines[percent]) // len(points)))
            for percent, points in shown.items()
        ),
        levels=levels_of(((item.goal, y.at(item.seconds)) for item in near), "limit"),
        names=_end_names(shown, y),
        hits=_latency_hits(data, phase, x),
        table=_latency_table(data, phase, title),
    )


def _range(lines: Mapping[float, Sequence[Point]]) -> str:
    return "; ".join(
        f"{percent_name(percent)} from {time_text(min(value for _, value in points))} to "
        f"{time_text(max(value for _, value in points))}"
        for percent, points in lines.items()
    )


def _end_names(lines: dict[float, list[Point]], y: Axis) -> tuple[Name, ...]:
    names = [
        Name(css=SHADES.get(percent, "shade-2"), x=RIGHT + 8, y=y.at(points[-1][1]) + 4, text=percent_name(percent))
        for percent, points in reversed(lines.items())  # the highest stands above, also where all are one
    ]
    return spread_names(names, TOP + 6, HEIGHT - BELOW + 4)


def _latency_hits(data: LoadData, phase: str, x: Axis) -> tuple[Rect, ...]:
    by_time = _by_time(data.latency[phase])
    at = [moment for moment, _ in thinned([(moment, 0.0) for moment in by_time])]
    says = [
        f"{clock_text(moment)}: {', '.join(f'{percent_name(p)} {time_text(v)}' for p, v in by_time[moment].items())}"
        f" ({data.counts[phase].get(moment, 0):,} values)"
        for moment in at
    ]
    return hits_of([moment + data.width_s / 2 for moment in at], says, x, TOP, HEIGHT - BELOW)


def _by_time(lines: Mapping[float, Sequence[Point]]) -> dict[float, dict[float, float]]:
    out: dict[float, dict[float, float]] = {}
    for percent, points in lines.items():
        for at, value in points:
            out.setdefault(at, {})[percent] = value
    return dict(sorted(out.items()))


def _latency_table(data: LoadData, phase: str, title: str) -> Table:
    percents = list(data.latency[phase])
    rows = (
        (
            clock_text(at),
            *(time_text(values[percent]) if percent in values else "" for percent in percents),
            f"{data.counts[phase].get(at, 0):,}",
        )
        for at, values in _by_time(data.latency[phase]).items()
    )
    return table_of(f"{title} over time", ("from", *map(percent_name, percents), "values"), rows)


def warm_up_zone(data: LoadData, x: Axis, bottom: float) -> tuple[Rect, ...]:
    """The stretch that was not measured."""
    if data.warm_up_s <= 0:
        return ()
    end = x.at(data.warm_up_s)
    says = "warm-up"
    return (Rect(css="warm", x=x.begin, y=TOP, width=round(end - x.begin, 1), height=bottom - TOP, says=says),)


def time_axis(data: LoadData) -> Axis:
    """The time of the whole run."""
    return Axis(low=0.0, high=max(data.end_s, data.width_s), begin=LEFT, end=RIGHT)
