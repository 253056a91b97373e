"""Run a load test: start what makes the load, listen to it, ask the upstream for the truth, judge, record."""

from __future__ import annotations

import platform
import signal
import sys
import threading
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from time import monotonic
from typing import TYPE_CHECKING

import msgspec

from imageproof.exits import ExitCode
from imageproof.load_generator import Generator, GeneratorError
from imageproof.load_judge import Judged, csv_of, judged
from imageproof.load_live import Live
from imageproof.load_upstream import OwnMock, Upstream, UpstreamError
from imageproof.records.lines import FORMAT, Footer, Header
from imageproof.records.writing import NAME, Writer
from imageproof.specs.library import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.load_config import LoadConfig
    from imageproof.specs.model import JsonTree, Spec

SIGHT_S = 0.25
BOOKS = "books.jsonl"
NO_GATEWAY = "imageproof mock (no gateway)"


@dataclass(slots=True)
class LoadState:
    """How a run stands or ended. `says` is one sentence; `notes` are what else a reader should know."""

    live: Live
    exit: ExitCode = ExitCode.UNREACHABLE
    says: str = "imageproof itself failed"
    notes: list[str] = field(default_factory=list)
    upstream: list[dict[str, JsonTree]] | None = None
    judged: Judged | None = None
    seconds: float = 0.0
    was_cut: bool = False
    molten: str = ""

    def interrupted(self) -> None:
        """Say that somebody has ended it."""
        self.was_cut = True
        self.exit, self.says = ExitCode.BUDGET_ENDED, "interrupted: what was measured until then is kept"


def run_load(config: LoadConfig, observe: Callable[[LoadState], None] | None = None) -> LoadState:
    """Run it whole. Raises UpstreamError, GeneratorError, SpecError, MixError before anything is sent, and OSError.

    `observe` is called now and then while the run goes on.
    """
    spec = load(config.spec)
    config.mix_of(spec)
    state = LoadState(Live(config.melt))
    began = monotonic()
    with ExitStack() as stack:
        writer = _writer(config, stack)
        if writer is not None:
            writer.write(header_of(config, spec))
        try:
            _measure(config, spec, state, observe, stack)
        except KeyboardInterrupt:
            state.interrupted()
        except (UpstreamError, GeneratorError) as error:
            state.exit, state.says = ExitCode.UNREACHABLE, str(error)
        finally:
            state.seconds = monotonic() - began
            if writer is not None:
                _write(config, state, writer)
    return state


def _measure(
    config: LoadConfig, spec: Spec, state: LoadState, observe: Callable[[LoadState], None] | None, stack: ExitStack
) -> None:
    """Make the load, and fill the state."""
    base_url, upstream = _target(config, spec, stack)
    if upstream is not None:
        upstream.mark()
    _drive(config, base_url, state, observe)
    rate = config.scale
    if upstream is not None:
        state.upstream, rate = upstream.jobs(), upstream.clock_rate()
    if state.live.jobs:
        state.judged = judged(state.live, state.upstream, spec, goals=config.goals, clock=rate, was_cut=state.was_cut)
    _end(state, base_url)


def _target(config: LoadConfig, spec: Spec, stack: ExitStack) -> tuple[str, Upstream | None]:
    """Where to send, and the mock behind it, if there is one."""
    if config.base_url is None:
        mock = stack.enter_context(OwnMock(config.spec, clock=config.clock, seed=config.seed))
        return f"{mock.url}/{spec.name}", Upstream(mock.url, spec, config.key)
    if config.upstream is None:
        return config.base_url, None
    return config.base_url, Upstream(config.upstream, spec, config.upstream_key or config.key)


def _drive(config: LoadConfig, base_url: str, state: LoadState, observe: Callable[[LoadState], None] | None) -> None:
    """Listen to the processes until all are over; end them early where they must."""
    live = state.live
    with Generator(config.options(base_url)) as generator, _interrupts() as interrupts:
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
            if observe is not None:
                observe(state)


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


def _end(state: LoadState, target: str) -> None:
    """Say how the run ended."""
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


def header_of(config: LoadConfig, spec: Spec) -> Header:
    """The first line of the record."""
    return Header(
        format=FORMAT,
        what="load",
        spec=spec.name,
        title=spec.title,
        target=config.base_url or NO_GATEWAY,
        version=version("imageproof"),
        started=datetime.now(tz=UTC).isoformat(timespec="seconds"),
        seed=config.seed,
        config=config.shown,
        versions={"python": platform.python_version(), "platform": sys.platform, "locust": version("locust")},
        max_micro_usd=config.max_micro_usd,
        micro_usd_per_credit=spec.billing.micro_usd_per_credit,
        expected_requests=config.expected_jobs(),
        expected_micro_usd=config.expected_micro_usd(spec),
    )


def _writer(config: LoadConfig, stack: ExitStack) -> Writer | None:
    if config.out is None:
        return None
    config.out.mkdir(parents=True, exist_ok=True)
    return stack.enter_context(Writer(config.out / NAME))


def _write(config: LoadConfig, state: LoadState, writer: Writer) -> None:
    """Write what was found, and the footer, which is always the last."""
    live = state.live
    findings = state.judged.findings if state.judged is not None else ()
    for finding in findings:
        writer.write(finding)
    for sample in state.judged.samples if state.judged is not None else ():
        writer.write(sample)
    writer.write(
        Footer(
            ended_s=round(state.seconds, 3),
            exit=state.exit,
            says=state.says,
            counts=dict(Counter(finding.verdict.value for finding in findings)),
            requests=live.requests,
            billable=len(live.jobs),
            micro_usd=live.micro_usd,
            notes=tuple(state.notes),
        )
    )
    if config.out is not None:
        encode = msgspec.json.Encoder().encode
        (config.out / BOOKS).write_bytes(b"".join(encode(job) + b"\n" for job in live.jobs))
    if config.csv is not None and state.judged is not None:
        config.csv.write_text(csv_of(state.judged.samples), encoding="utf-8", newline="")
