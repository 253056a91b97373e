"""One measurement: make the load, listen to it, ask the upstream for its books, judge."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from imageproof.exits import ExitCode
from imageproof.load_generator import Generator
from imageproof.load_judge import Judged, judged
from imageproof.load_live import Live
from imageproof.load_processor import Processor, of_listener, of_process
from imageproof.load_upstream import OwnMock, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import ExitStack

    from imageproof.load_config import LoadConfig
    from imageproof.records.lines import Finding, Sample
    from imageproof.specs.model import Spec

    Observe = Callable[["LoadState"], None]

SIGHT_S = 0.25


@dataclass(slots=True)
class LoadState:
    """How a run stands or ended. `says` is one sentence; `notes` are what else a reader should know.

    `lines`, `findings` and `samples` are those that are not in `judged`.
    """

    live: Live
    exit: ExitCode = ExitCode.UNREACHABLE
    says: str = "imageproof itself failed"
    notes: list[str] = field(default_factory=list)
    upstream: Sequence[Mapping[str, object]] | None = None
    judged: Judged | None = None
    seconds: float = 0.0
    was_cut: bool = False
    molten: str = ""
    lines: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)

    def interrupted(self) -> None:
        """Say that somebody has ended it."""
        self.was_cut = True
        self.exit, self.says = ExitCode.BUDGET_ENDED, "interrupted: what was measured until then is kept"


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send, and the mock behind it, if anybody knows it."""

    base_url: str
    upstream: Upstream | None
    processor: Processor


def measure(config: LoadConfig, spec: Spec, state: LoadState, target: Target, observe: Observe | None = None) -> None:
    """Make the load, and fill the state. Raises UpstreamError or GeneratorError."""
    upstream = target.upstream
    state.live.is_disturbed = bool(config.settings)
    if upstream is not None:
        upstream.mark()
    with _set(config, target):
        _drive(config, spec, target, state, observe)
    rate = config.scale
    if upstream is not None:
        state.upstream, rate = upstream.jobs(), upstream.clock_rate()
    if state.live.jobs:
        state.judged = judged(state.live, state.upstream, spec, goals=config.goals, clock=rate, was_cut=state.was_cut)
    conclude(state, target.base_url)


def target_of(config: LoadConfig, spec: Spec, stack: ExitStack) -> Target:
    """Where to send, and the mock behind it, if there is one. Raises UpstreamError."""
    if config.base_url is None:
        mock = stack.enter_context(OwnMock(config.spec, clock=config.clock, seed=config.seed))
        return Target(f"{mock.url}/{spec.name}", Upstream(mock.url, spec, config.key), of_process(mock.pid))
    if config.upstream is None:
        return Target(config.base_url, None, Processor())
    upstream = Upstream(config.upstream, spec, config.upstream_key or config.key)
    return Target(config.base_url, upstream, of_listener(config.upstream))


@contextmanager
def _set(config: LoadConfig, target: Target) -> Iterator[None]:
    """Put the faults and the scenario on the account for as long as the run lasts. Raises UpstreamError."""
    if target.upstream is None or not config.settings:
        yield
        return
    before = target.upstream.limits()
    target.upstream.set(config.settings)
    try:
        yield
    finally:
        target.upstream.set({"scenario": None, "faults": [], "limits": before})


def _drive(config: LoadConfig, spec: Spec, target: Target, state: LoadState, observe: Observe | None) -> None:
    """Listen to the processes until all are over; end them early where they must."""
    live, processor = state.live, target.processor
    direct = f"{target.upstream.url}/{spec.name}" if target.upstream is not None else ""
    with Generator(config.options(target.base_url, direct=direct)) as generator, _interrupts() as interrupts:
        for line in generator.lines(every_s=SIGHT_S):
            now = monotonic()
            if line is not None:
                live.saw(line, now)
            if not state.was_cut and (interrupts or live.is_molten(now)):
                state.was_cut = True
                generator.cut()
                if interrupts:
                    state.interrupted()
                else:
                    state.molten = _molten(live, config.melt)
            processor.look()
            if observe is not None:
                observe(state)
    begin = generator.begin + config.warm_up_s
    live.upstream_cpu = processor.share(begin, begin + config.duration_s)


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect the first Ctrl-C instead of being torn from the middle of something; the second one is as always."""
    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def note(number: int, _: object) -> None:
        seen.append(number)
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


def _molten(live: Live, melt: float) -> str:
    return (
        f"stopped, as {melt:.0%} and more of the jobs failed over ten seconds: {live.failed:,} of {len(live.jobs):,} in"
        f" all, first: {live.trouble() or 'no reason given'}"
    )


def conclude(state: LoadState, target: str) -> None:
    """Say how a run ended, from what was judged."""
    live = state.live
    if state.exit is ExitCode.BUDGET_ENDED:  # interrupted, which says all
        return
    found = state.judged
    if found is None:
        state.exit, state.says = ExitCode.NOTHING_JUDGED, "no job was begun, which is no pass"
    elif live.is_dead:
        state.exit, state.says = ExitCode.UNREACHABLE, f"no job had an answer of {target}: {live.trouble()}"
    elif live.is_denied:
        state.exit, state.says = ExitCode.NOTHING_JUDGED, f"{target} took the key of no job: {live.trouble()}"
    elif state.molten:
        state.exit, state.says = ExitCode.DOES_NOT_CONFORM, state.molten
    elif live.why == "budget" and found.exit != ExitCode.DOES_NOT_CONFORM:
        state.exit, state.says = ExitCode.BUDGET_ENDED, f"the budget ended before the run did; {found.says}"
    else:
        state.exit, state.says = ExitCode(found.exit), found.says
