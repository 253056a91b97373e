"""Rates over time: throughput against what was offered, jobs in flight, errors by who is to blame. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.reports.load_axis import Axis, clock_ticks, values_axis
from imageproof.reports.load_chart import (
    BELOW,
    NAME_STEP,
    RIGHT,
    TOP,
    Chart,
    Line,
    Name,
    Rect,
    hits_of,
    line_of,
    path_of,
    short,
    spread_names,
    table_of,
    thinned,
)
from imageproof.reports.load_over_time import HEIGHT, time_axis, warm_up_zone
from imageproof.reports.load_units import clock_text, number_text, rate_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from imageproof.reports.load_chart import Table
    from imageproof.reports.load_data import LoadData, Point

MOST_COLUMNS = 60
FAULTS = {
    "transport": "no connection, or a broken one",
    "gateway": "made by the gateway",
    "upstream": "passed on from the upstream",
    "contract": "an answer that breaks the contract",
    "timeout": "not answered in time",
    "client": "the request was wrong",
}


def columns_of(points: Sequence[Point], data: LoadData, most: int = MOST_COLUMNS) -> tuple[list[Point], float]:
    """Rates in wider slices, so that chance does not hide what they tell; and how wide these are.

    A slice without a rate had none, so that the mean of a wide one is taken over all of its slices.
    """
    width_s = data.width_s
    if not points:
        return [], width_s
    slices = max(1, round(data.end_s / width_s))
    each = max(1, -(-slices // most), round(1.0 / width_s) if width_s < 1 else 1)
    sums: dict[int, float] = {}
    for at, value in points:
        number = round(at / width_s) // each
        sums[number] = sums.get(number, 0.0) + value
    wide = width_s * each
    last = (slices - 1) // each
    in_last = slices - last * each  # the last may be narrower
    return [(n * wide, sums.get(n, 0.0) / (in_last if n == last else each)) for n in range(last + 1)], wide


def throughput_chart(data: LoadData) -> Chart | None:
    """What was offered, what ended, and what ended well, each second."""
    names = {"offered": "offered", "ended": "ended", "done": "done"}
    made = {name: columns_of(data.series.get(name, ()), data) for name in names}
    lines = {name: points for name, (points, _) in made.items() if points}
    if not any(value for points in lines.values() for _, value in points):
        return None
    wide = max(width for _, width in made.values())
    x = time_axis(data)
    y = values_axis([value for points in lines.values() for _, value in points], HEIGHT - BELOW, TOP, may_be_log=False)
    middles = {name: [(at + wide / 2, value) for at, value in points] for name, points in lines.items()}
    ends = [
        Name(css=f"line-{name}", x=RIGHT + 8, y=y.at(points[-1][1]) + 4, text=names[name])
        for name, points in middles.items()
    ]
    totals = data.totals
    told = [(name, totals.get(f"rate.{name}")) for name in ("offered", "throughput", "goodput")]
    says = ", ".join(f"{name} {rate_text(value)}" for name, value in told if value is not None)
    return Chart(
        title="Throughput against what was offered",
        says=f"Jobs each second over time; in all {says or 'no rate is known'}",
        note=f"Jobs each second, in slices of {clock_text(wide)}. Where offered stays above ended, a queue grows.",
        height=HEIGHT,
        x_ticks=clock_ticks(x, clock_text),
        y_ticks=y.ticks(rate_text),
        x_name="time since the start",
        zones=warm_up_zone(data, x, HEIGHT - BELOW),
        lines=(
            _filled(middles.get("done", []), x, y),
            *(line_of(points, x, y, f"line-{name}", wide * 1.5) for name, points in middles.items()),
        ),
        names=spread_names(ends, TOP + 6, HEIGHT - BELOW + 4),
        hits=hits_of(
            [at + wide / 2 for at, _ in lines["offered"]] if "offered" in lines else [],
            _rate_says(lines),
            x,
            TOP,
            HEIGHT - BELOW,
        ),
        table=_rates_table(lines),
    )


def _filled(points: Sequence[Point], x: Axis, y: Axis) -> Line:
    """The room below a line."""
    outline = [(x.at(at), y.at(value)) for at, value in points]
    if len(outline) < 2:  # noqa: PLR2004  (a line has two points)
        return Line(css="fill-done", path="")
    return Line(css="fill-done", path=path_of([(outline[0][0], y.begin), *outline, (outline[-1][0], y.begin)]) + "Z")


def _rate_says(lines: Mapping[str, Sequence[Point]]) -> list[str]:
    by_time = {
        at: {name: dict(points).get(at, 0.0) for name, points in lines.items()} for at, _ in lines.get("offered", ())
    }
    return [
        f"{clock_text(at)}: {', '.join(f'{name} {rate_text(value)}' for name, value in values.items())}"
        for at, values in by_time.items()
    ]


def _rates_table(lines: Mapping[str, Sequence[Point]]) -> Table:
    known = {name: dict(points) for name, points in lines.items()}
    moments = sorted({at for points in lines.values() for at, _ in points})
    rows = ((clock_text(at), *(number_text(points.get(at, 0.0)) for points in known.values())) for at in moments)
    return table_of("Jobs each second over time", ("from", *known), rows)


def flight_chart(data: LoadData) -> Chart | None:
    """How many jobs had arrived and not ended yet."""
    offered, ended = dict(data.series.get("offered", ())), dict(data.series.get("ended", ()))
    if not offered:
        return None
    open_jobs = 0.0
    points: list[Point] = [(0.0, 0.0)]
    for at in sorted({*offered, *ended}):
        open_jobs += (offered.get(at, 0.0) - ended.get(at, 0.0)) * data.width_s
        points.append((at + data.width_s, max(0.0, round(open_jobs, 6))))
    height = 170.0
    x = time_axis(data)
    y = values_axis([value for _, value in points], height - BELOW, TOP, may_be_log=False)
    shown = thinned(points)
    most_at, most = max(points, key=lambda point: point[1])
    outline = [(x.at(at), y.at(value)) for at, value in shown]
    path = path_of([(outline[0][0], y.begin), *outline, (outline[-1][0], y.begin)]) + "Z"
    return Chart(
        title="Jobs in flight",
        says=f"Jobs that had arrived and not ended: {number_text(most)} at the most, at {clock_text(most_at)}",
        note="Arrived, and not ended yet. A target that keeps up stays flat under a flat rate.",
        height=height,
        x_ticks=clock_ticks(x, clock_text),
        y_ticks=y.ticks(number_text, most=4),
        x_name="time since the start",
        zones=warm_up_zone(data, x, height - BELOW),
        lines=(Line(css="area-flight", path=path), Line(css="line-done", path=path_of(outline))),
        hits=hits_of(
            [at for at, _ in shown],
            [f"{clock_text(at)}: {number_text(value)} in flight" for at, value in shown],
            x,
            TOP,
            height - BELOW,
        ),
        table=_flight_table(points),
    )


def _flight_table(points: Iterable[Point]) -> Table:
    rows = ((clock_text(at), number_text(value)) for at, value in points)
    return table_of("Jobs in flight over time", ("at", "jobs"), rows)


def errors_chart(data: LoadData) -> Chart | None:
    """Errors each second by who is to blame, one band upon the other; None where nothing went wrong."""
    order = sorted(data.faults, key=lambda fault: list(FAULTS).index(fault) if fault in FAULTS else len(FAULTS))
    made = {fault: columns_of(data.faults[fault], data) for fault in order}
    bands = {fault: dict(points) for fault, (points, _) in made.items() if any(value for _, value in points)}
    if not bands:
        return None
    offered, wide = columns_of(data.series.get("offered", ()), data)
    wide = max(wide, *(width for _, width in made.values()))
    moments = sorted({at for band in bands.values() for at in band} | {at for at, _ in offered})
    sums = [sum(band.get(at, 0.0) for band in bands.values()) for at in moments]
    x = time_axis(data)
    y = values_axis(sums, HEIGHT - BELOW, TOP, may_be_log=False)
    return Chart(
        title="Errors over time",
        says=f"Errors each second by who is to blame, {rate_text(max(sums))} at the most",
        note=f"Requests that went wrong each second, in slices of {clock_text(wide)}, one band upon the other.",
        height=HEIGHT,
        x_ticks=clock_ticks(x, clock_text),
        y_ticks=y.ticks(rate_text),
        x_name="time since the start",
        zones=warm_up_zone(data, x, HEIGHT - BELOW),
        rects=tuple(_bands(bands, [(at, at + wide) for at in moments], x, y)),
        names=tuple(_band_names(bands)),
        hits=hits_of([at + wide / 2 for at in moments], _fault_says(moments, bands), x, TOP, HEIGHT - BELOW),
        table=table_of(
            "Errors each second over time",
            ("from", *bands),
            ((clock_text(at), *(number_text(band.get(at, 0.0)) for band in bands.values())) for at in moments),
        ),
    )


def _bands(
    bands: Mapping[str, Mapping[float, float]], slices: Iterable[tuple[float, float]], x: Axis, y: Axis
) -> Iterator[Rect]:
    """The bars of each slice, one upon the other."""
    for begin, end in slices:
        base = 0.0
        left, right = x.at(begin), x.at(end)
        for fault, band in bands.items():
            value = band.get(begin, 0.0)
            low, high = y.at(base), y.at(base + value)
            base += value
            if value > 0:
                width, height = round(max(0.8, right - left - 0.8), 1), round(low - high, 1)
                yield Rect(css=_fault_css(fault), x=left, y=high, width=width, height=height)


def _band_names(bands: Iterable[str]) -> Iterator[Name]:
    """The names of the bands in their order, the lowest at the bottom."""
    for number, fault in enumerate(bands):
        y = HEIGHT - BELOW - 4 - number * NAME_STEP
        yield Name(css=_fault_css(fault), x=RIGHT + 8, y=y, text=f"■ {short(fault, 14)}")


def _fault_css(fault: str) -> str:
    return f"fault-{fault if fault in FAULTS else 'other'}"


def _fault_says(moments: Iterable[float], bands: Mapping[str, Mapping[float, float]]) -> list[str]:
    return [
        f"{clock_text(at)}: "
        + (", ".join(f"{fault} {rate_text(band[at])}" for fault, band in bands.items() if band.get(at)) or "no error")
        for at in moments
    ]
