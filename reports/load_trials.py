"""The search for the capacity, and ladders of holds and payloads, as drawings. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.reports.html_axis import Tick
from imageproof.reports.load_axis import Axis, log_note, values_axis
from imageproof.reports.load_chart import BELOW, RIGHT, TOP, Chart, Name, Rect, levels_of, short, table_of
from imageproof.reports.load_units import bytes_text, rate_text, time_text

if TYPE_CHECKING:
    from imageproof.records.lines import Sample
    from imageproof.reports.load_data import LoadData

ROW = 30.0
NOTE = "Each mark is a trial: ✓ met the goals, ✕ missed them, ? could not be judged."
MET = {"met": ("passed", "✓"), "missed": ("failed", "✕"), "spoilt": ("open", "?")}
UNKNOWN = ("open", "?")
HOLD = "hold"
WAYS = {
    HOLD: "holds",
    "multipart": "files sent",
    "base64": "results as base64",
    "url": "results by URL",
}
SLOPES = (("gross", ""), ("net", " without the own path"))
MOST_TRIALS = 100
MOST_RUNGS = 40
RUNG_HEAD = ("rung", "done", "each took", "overhead", "first trouble")


def trials_chart(data: LoadData) -> Chart | None:
    """The trials of a search for the capacity, in their order; None where none was made."""
    trials = data.trials[:MOST_TRIALS]
    if not trials:
        return None
    height = 260.0
    bottom = height - BELOW
    x = Axis(low=0.5, high=len(trials) + 0.5, begin=66.0, end=RIGHT)
    y = values_axis([trial.value for trial in trials], bottom, TOP + 8)
    marks = [(MET.get(trial.labels.get("goals", ""), UNKNOWN), trial) for trial in trials]
    found = data.totals.get("capacity", 0.0)
    best = f"the highest rate that met the goals is {rate_text(found)}" if found else "no rate was sure to meet them"
    met = [trial.value for trial in trials if trial.labels.get("goals") == "met"]
    return Chart(
        title="Search for the capacity",
        says=f"{len(trials)} trials; {best}",
        note=f"{NOTE} {_best(found, met)}{log_note(y)}",
        height=height,
        x_ticks=_numbered(len(trials), x),
        y_ticks=y.ticks(rate_text),
        x_name="trial",
        levels=levels_of([(f"capacity {rate_text(found)}", y.at(found))] if found else [], "found"),
        names=tuple(
            Name(css=f"trial trial-{css}", x=x.at(number), y=y.at(trial.value) + 6, text=glyph)
            for number, ((css, glyph), trial) in enumerate(marks, start=1)
        ),
        table=table_of(
            "Trials of the search",
            ("trial", "rate", "goals", "what was found"),
            (
                (str(number), rate_text(trial.value), trial.labels.get("goals", ""), trial.labels.get("says", ""))
                for number, trial in enumerate(data.trials, start=1)
            ),
            words=(2, 3),
        ),
    )


def _best(found: float, met: list[float]) -> str:
    if found:
        return f"The target carries {rate_text(found)}."
    return (
        f"The highest rate that met them once is {rate_text(max(met))}: not sure yet." if met else "No rate met them."
    )


def _numbered(count: int, x: Axis) -> tuple[Tick, ...]:
    every = max(1, -(-count // 20))
    return tuple(Tick(x=x.at(number), label=str(number)) for number in range(1, count + 1, every))


def ladder_charts(data: LoadData) -> tuple[Chart, ...]:
    """Ladders of holds or payloads: how many jobs of each rung came through, and what they took."""
    return tuple(_ladder(name, data.rungs[name], _slope(data, name)) for name in data.rungs if data.rungs[name])


def _ladder(ladder: str, rungs: tuple[Sample, ...], each: str) -> Chart:
    is_hold = ladder == HOLD
    height = min(len(rungs), MOST_RUNGS) * ROW + TOP + BELOW
    x = Axis(low=0.0, high=1.0, begin=140.0, end=560.0)
    rects: list[Rect] = []
    names: list[Name] = []
    cells: list[tuple[str, ...]] = []
    broken = 0
    for number, rung in enumerate(rungs):
        jobs, done = _count(rung, "jobs"), _count(rung, "done")
        shown = time_text(rung.value) if is_hold else bytes_text(rung.value)
        first, over = _time(rung, "first_s"), _time(rung, "overhead_s")
        trouble = rung.labels.get("trouble", "")
        broken += done < jobs
        cells.append((shown, f"{done:,} of {jobs:,}", first, over, trouble))
        if number >= MOST_RUNGS:
            continue
        y = TOP + number * ROW + 6
        part = done / jobs if jobs else 0.0
        rects.append(
            Rect(css="rung", x=x.begin, y=y, width=x.end - x.begin, height=16, says=f"{shown}: {done} of {jobs}")
        )
        if part:
            css = "rung-good" if part >= 1 else "rung-part"
            rects.append(Rect(css=css, x=x.begin, y=y, width=round(x.at(part) - x.begin, 1), height=16))
        names.append(Name(css="row-name", x=130, y=y + 12, text=shown))
        told = ", ".join(
            part
            for part in (f"{done:,} of {jobs:,} done", f"{over} overhead" if over else "", short(trouble, 60))
            if part
        )
        names.append(Name(css=f"row-says {'slower' if done < jobs else ''}", x=572, y=y + 12, text=told))
    noun = WAYS.get(ladder, ladder)
    says = f"{broken} of {len(rungs)} rungs lost jobs" if broken else f"all {len(rungs)} rungs came through"
    return Chart(
        title=f"Ladder of {noun}",
        says=f"Ladder of {noun}: {says}.{each}",
        note=f"How many jobs of each rung came through: {says}.{each}",
        height=height,
        left=140.0,
        right=560.0,
        x_ticks=x.ticks(lambda value: f"{value:.0%}", most=4),
        rects=tuple(rects),
        names=tuple(names),
        table=table_of(f"Ladder of {noun}", RUNG_HEAD, cells, words=(0, 4)),
    )


def _slope(data: LoadData, way: str) -> str:
    """What each megabyte adds, as a sentence; nothing where nobody knows."""
    known = {sample.labels.get("measured"): sample for sample in data.slopes if sample.labels.get("way") == way}
    told = [
        f"{time_text(known[name].value)} ± {_time(known[name], 'error')}{words}"
        for name, words in SLOPES
        if name in known
    ]
    return f" Each megabyte adds {', '.join(told)}." if told else ""


def _count(sample: Sample, label: str) -> int:
    text = sample.labels.get(label, "")
    return int(text) if text.isdigit() else 0


def _time(sample: Sample, label: str) -> str:
    try:
        return time_text(float(sample.labels[label]))
    except (KeyError, ValueError):
        return ""
