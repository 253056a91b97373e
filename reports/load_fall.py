"""Waterfalls that add up: where the time of a job went, part by part. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.reports.load_axis import Axis
from imageproof.reports.load_chart import short
from imageproof.reports.load_units import share_text, time_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.reports.html_axis import Tick
    from imageproof.reports.load_data import LoadData

ROW = 30.0
BAR_LEFT, BAR_RIGHT = 250.0, 990.0
UNEXPLAINED, WHOLE = "unexplained", "the client waited"
NUMBERS = frozenset({"whole", "error", "worst", "jobs"})
MEANS = {
    "submit": "from the intended start to the answer",
    "queue": "waited at the upstream",
    "run": "made by the upstream",
    "lag": "done, and not yet noticed",
    "result": "the result was asked for",
    "download": "the images were fetched",
    "late": "the job was due, and not yet sent",
    "held": "held by the upstream",
    "overhead": "seen by the client, and not the upstream's",
    UNEXPLAINED: "the error of two clocks, and pauses of the client",
    WHOLE: "from the intended start to the last byte",
}
CSS = {UNEXPLAINED: "part-unexplained", WHOLE: "part-whole"}
ROOM = 130.0  # units that a time needs right of its bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One part of a waterfall, where it begins and how long it takes in units of the drawing."""

    css: str
    name: str
    means: str
    x: float
    y: float
    width: float
    time: str
    share: str
    text_x: float
    is_left: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FallView:
    """A waterfall. `says` sums up by how much the parts miss the whole."""

    title: str
    says: str
    height: float
    steps: tuple[Step, ...]
    ticks: tuple[Tick, ...]


def fall_views(data: LoadData) -> tuple[FallView, ...]:
    """One waterfall for each sort of job of which the upstream told its times."""
    found = (_fall(sort, parts) for sort, parts in data.falls.items())
    return tuple(view for view in found if view is not None)


def _fall(sort: str, numbers: Mapping[str, float]) -> FallView | None:
    parts = {name: value for name, value in numbers.items() if name not in NUMBERS}
    whole, jobs = numbers.get("whole", 0.0), numbers.get("jobs", 0.0)
    if not parts or whole <= 0 or not jobs:
        return None
    missing = whole - sum(parts.values())
    reach = max(whole, sum(max(0.0, value) for value in parts.values()))
    axis = Axis(low=0.0, high=reach, begin=BAR_LEFT, end=BAR_RIGHT)
    steps: list[Step] = []
    at = 0.0
    for name, value in (*parts.items(), (UNEXPLAINED, missing), (WHOLE, whole)):
        begin = 0.0 if name == WHOLE else at
        spot = (axis.at(begin), axis.at(begin + value))
        steps.append(_step(name, value, value / whole, spot, len(steps)))
        at += value
    error, worst = abs(numbers.get("error", 0.0)), abs(numbers.get("worst", 0.0))
    return FallView(
        title=f"A {sort} job on average",
        says=f"The parts of {jobs:,.0f} {sort} jobs add up to what the client waited, {time_text(whole)}, but for "
        f"{time_text(abs(missing))} on average; a single job misses it by {time_text(error)} in the median, by "
        f"{time_text(worst)} at the worst.",
        height=len(steps) * ROW + 34,
        steps=tuple(steps),
        ticks=axis.ticks(time_text, most=7),
    )


def _step(name: str, value: float, part: float, spot: tuple[float, float], number: int) -> Step:
    low, high = sorted(spot)
    is_left = high > BAR_RIGHT - ROOM
    return Step(
        css=CSS.get(name, f"part-{name}" if name in MEANS else "part-other"),
        name=short(name, 20),
        means=MEANS.get(name, ""),
        x=low,
        y=number * ROW + 6,
        width=round(max(1.0, high - low), 1),
        time=time_text(value),
        share=share_text(part),
        text_x=round(low - 6 if is_left else high + 6, 1),
        is_left=is_left,
    )
