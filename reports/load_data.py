"""The samples of a load run, sorted by what they tell. Pure.

A sample whose labels are not those of its name is left out: a record may come from anywhere.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imageproof.records.lines import Sample

OVER_TIME = frozenset({"offered", "ended", "done", "requests", "errors"})
LISTS = frozenset({"trial", "difference", "polling", "per_megabyte"})
SECONDS = "s"
NET, LADDER, BLOCK = "net.", "ladder.", "block"

Point = tuple[float, float]
"""A time since the start of the run, and what was measured then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """How many values lie between two times."""

    low: float
    high: float
    times: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """All that is told of one phase: its statistics by name, its curve by percent, its histogram."""

    name: str
    stats: Mapping[str, float] = field(default_factory=dict)
    naive: Mapping[str, float] = field(default_factory=dict)
    samples: int = 0
    is_time: bool = True
    curve: tuple[Point, ...] = ()
    bars: tuple[Bar, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadData:
    """What a load run has measured. Times are seconds.

    `series` are rates each second by name, `faults` those of errors by who is to blame, `latency` percentiles over time
    by phase and percent, `counts` how many values each slice of them rests on. `floors` are what the
    own path takes, and `nets` the overhead without it. `width_s` is that of a slice, and
    `warm_up_s` where the warm-up ends. `totals` are the numbers that stand alone.
    """

    phases: Mapping[str, Phase]
    series: Mapping[str, tuple[Point, ...]]
    faults: Mapping[str, tuple[Point, ...]]
    latency: Mapping[str, Mapping[float, tuple[Point, ...]]]
    counts: Mapping[str, Mapping[float, int]]
    falls: Mapping[str, Mapping[str, float]]
    polling: tuple[Sample, ...]
    trials: tuple[Sample, ...]
    differences: tuple[Sample, ...]
    nets: tuple[Sample, ...]
    floors: Mapping[str, Mapping[str, float]]
    rungs: Mapping[str, tuple[Sample, ...]]
    slopes: tuple[Sample, ...]
    totals: Mapping[str, float]
    width_s: float
    warm_up_s: float

    @property
    def end_s(self) -> float:
        """Where the last slice ends."""
        return max((points[-1][0] for points in self.series.values() if points), default=0.0) + self.width_s

    @property
    def times(self) -> tuple[Phase, ...]:
        """The phases that are times."""
        return tuple(phase for phase in self.phases.values() if phase.is_time)


class _Sorter:
    """Takes the samples one by one."""

    def __init__(self) -> None:
        self.series: defaultdict[str, list[Point]] = defaultdict(list)
        self.faults: defaultdict[str, list[Point]] = defaultdict(list)
        self.latency: defaultdict[str, defaultdict[float, list[Point]]] = defaultdict(lambda: defaultdict(list))
        self.counts: defaultdict[str, dict[float, int]] = defaultdict(dict)
        self.falls: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self.lists: defaultdict[str, list[Sample]] = defaultdict(list)
        self.rungs: defaultdict[str, list[Sample]] = defaultdict(list)
        self.totals: dict[str, float] = {}
        self.warm: list[float] = []
        self.stats: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self.naive: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self.floors: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self.samples: dict[str, int] = {}
        self.units: dict[str, str] = {}
        self.curves: defaultdict[str, list[Point]] = defaultdict(list)
        self.bars: defaultdict[str, list[Bar]] = defaultdict(list)

    def take(self, sample: Sample) -> None:
        """Put one sample where it belongs. Raises KeyError or ValueError for one that belongs nowhere."""
        name = sample.name
        if name in OVER_TIME:
            self._rate(sample)
        elif name in TAKERS:
            TAKERS[name](self, sample)
        elif name in LISTS:
            self.lists[name].append(sample)
        elif name.startswith(LADDER) and "jobs" in sample.labels:
            self.rungs[name.removeprefix(LADDER)].append(sample)
        elif name.startswith(NET) and "direct" in sample.labels:
            self.lists[NET].append(sample)
        elif "measured" in sample.labels:
            self._statistic(sample)
        elif name != BLOCK:
            self.totals[name] = sample.value

    def _rate(self, sample: Sample) -> None:
        self.series[sample.name].append((sample.at_s, sample.value))
        if sample.labels.get("warm_up") == "yes":
            self.warm.append(sample.at_s)

    def fault(self, sample: Sample) -> None:
        """Errors each second of one fault."""
        self.faults[sample.labels["fault"]].append((sample.at_s, sample.value))

    def slice_of(self, sample: Sample) -> None:
        """A percentile of a slice of time."""
        labels = sample.labels
        self.latency[labels["phase"]][float(labels["percent"])].append((sample.at_s, sample.value))
        self.counts[labels["phase"]][sample.at_s] = int(labels.get("samples", "0"))

    def curve(self, sample: Sample) -> None:
        """A point of a percentile curve."""
        self.curves[sample.labels["phase"]].append((float(sample.labels["percent"]), sample.value))

    def bar(self, sample: Sample) -> None:
        """A bar of a histogram."""
        bar = Bar(low=float(sample.labels["from"]), high=float(sample.labels["to"]), times=sample.value)
        self.bars[sample.labels["phase"]].append(bar)

    def part(self, sample: Sample) -> None:
        """A part of a waterfall."""
        self.falls[sample.labels["sort"]][sample.labels["part"]] = sample.value

    def _statistic(self, sample: Sample) -> None:
        labels = sample.labels
        phase, stat = _parted(sample.name)
        if not phase:
            return
        if labels["measured"] == "direct":
            self.floors[phase][stat] = sample.value
            return
        if labels["measured"] == "naive":
            self.naive[phase][stat] = sample.value
            return
        self.stats[phase][stat] = sample.value
        self.samples[phase] = int(labels["samples"])
        self.units[phase] = labels.get("unit", SECONDS)

    def phases(self) -> dict[str, Phase]:
        """The phases in the order in which they were told."""
        names = dict.fromkeys([*self.stats, *self.curves, *self.bars])
        return {
            name: Phase(
                name=name,
                stats=self.stats[name],
                naive=self.naive.get(name, {}),
                samples=self.samples.get(name, 0),
                is_time=self.units.get(name, SECONDS) == SECONDS,
                curve=tuple(sorted(self.curves[name])),
                bars=tuple(sorted(self.bars[name], key=lambda bar: bar.low)),
            )
            for name in names
        }


TAKERS = {
    "errors.by": _Sorter.fault,
    "latency": _Sorter.slice_of,
    "curve": _Sorter.curve,
    "bar": _Sorter.bar,
    "waterfall": _Sorter.part,
}


def load_data(samples: Iterable[Sample]) -> LoadData:
    """Sort the samples of a run."""
    sorter = _Sorter()
    for sample in samples:
        if not math.isfinite(sample.value) or not math.isfinite(sample.at_s):
            continue
        try:
            sorter.take(sample)
        except (KeyError, ValueError):
            continue
    width = _width(sorter.series["offered"])
    return LoadData(
        phases=sorter.phases(),
        series={name: tuple(sorted(points)) for name, points in sorter.series.items() if points},
        faults={name: tuple(sorted(points)) for name, points in sorter.faults.items()},
        latency={
            phase: {percent: tuple(sorted(points)) for percent, points in sorted(by.items())}
            for phase, by in sorter.latency.items()
        },
        counts=sorter.counts,
        falls=sorter.falls,
        polling=tuple(sorter.lists["polling"]),
        trials=tuple(sorter.lists["trial"]),
        differences=tuple(sorter.lists["difference"]),
        nets=tuple(sorter.lists[NET]),
        slopes=tuple(sorter.lists["per_megabyte"]),
        floors=sorter.floors,
        rungs={name: tuple(found) for name, found in sorter.rungs.items()},
        totals=sorter.totals,
        width_s=width,
        warm_up_s=max(sorter.warm) + width if sorter.warm else 0.0,
    )


def _parted(name: str) -> tuple[str, str]:
    """The phase and the statistic of a name: `overhead.submit.p99.9` is `p99.9` of `overhead.submit`."""
    phase, found, stat = name.rpartition(".p")
    if found and stat.replace(".", "", 1).isdigit():
        return phase, f"p{stat}"
    phase, _, stat = name.rpartition(".")
    return phase, stat


def _width(points: list[Point]) -> float:
    """The width of a slice: the smallest step between two."""
    at = sorted({at_s for at_s, _ in points})
    steps = [after - before for before, after in pairwise(at) if after > before]
    return min(steps, default=1.0)
