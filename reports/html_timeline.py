"""Tasks on a time axis: the submit, each poll, each answer and the states, against the advised cadence. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from msgspec.structs import replace

from imageproof.reports.amounts import counted, lasted
from imageproof.reports.html_axis import RIGHT, Scale, Tick, scale_to
from imageproof.reports.html_pace import early

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from imageproof.records.lines import CadenceBand, Exchange
    from imageproof.records.reading import Run

MOST_TASKS = 40
MOST_MARKS = 1_000  # on the page
MOST_OF_ONE = 400
MOST_OPEN = 4  # that are unfolded though nothing is wrong with them
FARTHEST = 20  # times the length of a task: so far the axis reaches, to show a band that was not waited for
SUBMIT = "POST"
UNSURE_S = 0.05  # of our time, where that of the provider goes faster
DOWNLOAD = "download"  # of a result, which is no poll
ERROR = 400  # the first status that is no success


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A request: `kind` is `submit`, `poll`, `early` or `last`; `x` where it began, `end` where its answer came."""

    kind: str
    x: float
    end: float
    says: str
    is_error: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of the axis: an advised band, or a state of the task."""

    x: float
    width: float
    label: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A line of the table below the drawing: the same, as words."""

    number: int
    at: str
    wait: str
    says: str
    state: str
    is_early: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One task. `own` says that imageproof itself polled, so that its pace says nothing of the target."""

    title: str
    task: str
    summary: str
    marks: tuple[Mark, ...]
    bands: tuple[Span, ...]
    states: tuple[Span, ...]
    ticks: tuple[Tick, ...]
    moments: tuple[Moment, ...]
    early: int
    left_out: int
    own: bool
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Timelines:
    """The tasks that are drawn, and how many are not."""

    drawn: tuple[Timeline, ...]
    left_out: int
    has_bands: bool
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The exchanges about one task, in time; the first is the submit when there was one."""

    task: str
    exchanges: tuple[Exchange, ...]
    has_submit: bool
    own: bool
    early: tuple[bool, ...]
    is_evidence: bool

    @property
    def polls(self) -> tuple[Exchange, ...]:
        """All but the submit."""
        return self.exchanges[1:] if self.has_submit else self.exchanges

    @property
    def is_telling(self) -> bool:
        """Whether a reader should see it first."""
        return self.is_evidence or (any(self.early) and not self.own)


def timelines(run: Run, evidence: AbstractSet[int]) -> Timelines:
    """The lives of the tasks of a run; those that are `evidence` of a finding, or too hasty, come first."""
    lives = sorted(_lives(run, evidence), key=lambda life: (not life.is_telling, life.exchanges[0].began_s))
    drawn: list[Timeline] = []
    room = MOST_MARKS
    for life in lives[:MOST_TASKS]:
        if room <= 0:
            break
        is_open = life.is_telling or len(drawn) < MOST_OPEN
        drawn.append(_drawn(life, run.header.cadence, min(room, MOST_OF_ONE), is_open=is_open))
        room -= len(drawn[-1].marks)
    return Timelines(
        drawn=tuple(drawn),
        left_out=len(lives) - len(drawn),
        has_bands=bool(run.header.cadence),
        is_own=any(item.own for item in drawn),
    )


def _lives(run: Run, evidence: AbstractSet[int]) -> Iterator[Life]:
    grouped: defaultdict[tuple[str, str], list[Exchange]] = defaultdict(list)
    for exchange in run.exchanges.values():
        if exchange.task and exchange.operation != DOWNLOAD:
            grouped[exchange.task, exchange.side].append(exchange)
    for (task, side), exchanges in grouped.items():
        ordered, rate = _by_its_clock(sorted(exchanges, key=lambda exchange: exchange.began_s))
        is_evidence = any(exchange.id in evidence for exchange in ordered)
        has_submit = ordered[0].request.method == SUBMIT
        if not has_submit and not is_evidence:
            continue  # questions about a task that never was
        own = run.header.what == "gateway" and side == "client"
        bands = run.header.cadence if has_submit else ()
        since = [exchange.began_s - ordered[0].began_s for exchange in ordered[has_submit:]]
        yield Life(
            task=task,
            exchanges=tuple(ordered),
            has_submit=has_submit,
            own=own,
            early=early(since, bands, slack_s=UNSURE_S * rate if rate > 1 else 0.0),
            is_evidence=is_evidence,
        )


def _by_its_clock(exchanges: list[Exchange]) -> tuple[list[Exchange], float]:
    """The exchanges in the time of the provider, and how much faster than ours that went where a client was watched."""
    first, last = exchanges[0], exchanges[-1]
    passed = last.began_s - first.began_s
    if first.account_s is None or last.account_s is None or passed <= 0:
        return exchanges, 1.0
    rate = round((last.account_s - first.account_s) / passed, 2)
    times = [(exchange.account_s or 0.0, (exchange.ended_s - exchange.began_s) * rate) for exchange in exchanges]
    return [
        replace(exchange, began_s=at, ended_s=at + took) for exchange, (at, took) in zip(exchanges, times, strict=True)
    ], rate


def _drawn(life: Life, bands: Sequence[CadenceBand], room: int, *, is_open: bool) -> Timeline:
    start = life.exchanges[0].began_s
    end = max(exchange.ended_s for exchange in life.exchanges) - start
    scale = scale_to(_reach(end, life, bands))
    first = life.exchanges[0]
    return Timeline(
        title=", ".join(part for part in (first.case, "upstream" if first.side == "upstream" else "") if part),
        task=life.task,
        summary=_summary(life, end),
        marks=tuple(_marks(life, scale))[:room],
        bands=tuple(_bands(bands, scale)) if life.has_submit else (),
        states=tuple(_states(life.exchanges, scale)),
        ticks=scale.ticks(),
        moments=tuple(_moments(life))[:room],
        early=sum(life.early),
        left_out=max(0, len(life.exchanges) - room),
        own=life.own,
        is_open=is_open,
    )


def _reach(end: float, life: Life, bands: Sequence[CadenceBand]) -> float:
    """The length of the axis: that of the task, or up to the band that an impatient client did not wait for."""
    if life.own or not bands or not any(life.early):
        return end
    return max(end, min(bands[0].from_s * 1.1, end * FARTHEST))


def _marks(life: Life, scale: Scale) -> Iterator[Mark]:
    start, last = life.exchanges[0].began_s, life.polls[-1] if life.polls else None
    flags = ((False,) if life.has_submit else ()) + life.early
    for exchange, is_early in zip(life.exchanges, flags, strict=True):
        kind = "early" if is_early else "last" if exchange is last else "poll"
        is_submit = life.has_submit and exchange is life.exchanges[0]
        at = exchange.began_s - start
        yield Mark(
            kind="submit" if is_submit else kind,
            x=scale.x(at),
            end=scale.x(exchange.ended_s - start),
            says=f"{exchange.id}: {'submit' if is_submit else 'poll'} at {at:.2f} s, {_said(exchange)}",
            is_error=exchange.response is None or exchange.response.status >= ERROR,
        )


def _said(exchange: Exchange) -> str:
    if exchange.response is None:
        return exchange.trouble.says if exchange.trouble else "no answer"
    return f"status {exchange.response.status}" + (f", {exchange.state}" if exchange.state else "")


def _bands(bands: Sequence[CadenceBand], scale: Scale) -> Iterator[Span]:
    if bands and bands[0].from_s > 0:
        yield _span(0, bands[0].from_s, f"first poll after {bands[0].from_s:g} s", "wait", scale)
    for number, band in enumerate(bands):
        if band.from_s >= scale.end:
            return
        until = scale.end if band.until_s is None else band.until_s
        label = f"every {band.least_s:g} to {band.most_s:g} s"
        yield _span(band.from_s, until, label, f"band-{number % 2}", scale)


def _states(exchanges: Iterable[Exchange], scale: Scale) -> Iterator[Span]:
    """What the answers told of the state, each from the answer that told it first until the next."""
    told = [exchange for exchange in exchanges if exchange.state]
    if not told:
        return
    start = min(exchange.began_s for exchange in exchanges)
    changes = [told[0], *(now for before, now in pairwise(told) if now.state != before.state)]
    ends = [*(change.ended_s - start for change in changes[1:]), scale.end]
    for number, (change, end) in enumerate(zip(changes, ends, strict=True)):
        yield _span(change.ended_s - start, end, change.state or "", f"state-{number % 2}", scale)


def _span(begin: float, end: float, label: str, kind: str, scale: Scale) -> Span:
    x = scale.x(begin)
    return Span(x=x, width=round(max(1.0, min(scale.x(end), RIGHT) - x), 1), label=label, kind=kind)


def _moments(life: Life) -> Iterator[Moment]:
    start = life.exchanges[0].began_s
    flags = ((False,) if life.has_submit else ()) + life.early
    before = start
    for exchange, is_early in zip(life.exchanges, flags, strict=True):
        yield Moment(
            number=exchange.id,
            at=f"{exchange.began_s - start:.2f}",
            wait=f"{exchange.began_s - before:.2f}",
            says=_said(exchange),
            state=exchange.state or "",
            is_early=is_early,
        )
        before = exchange.began_s


def _summary(life: Life, end: float) -> str:
    last = next((exchange.state for exchange in reversed(life.exchanges) if exchange.state), "")
    hasty = sum(life.early)
    parts = (
        counted(len(life.polls), "poll"),
        f"{hasty} sooner than advised" if hasty and not life.own else "",
        f"{last} after {lasted(end)}" if last else lasted(end),
    )
    return ", ".join(part for part in parts if part)
