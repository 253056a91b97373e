"""A run against a client: one mock, scenarios side by side, judges, and an end that is always written down."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from imageproof.client_config import fitting
from imageproof.client_jitter import Jitter
from imageproof.client_record import Recorder, header_of, shown_command
from imageproof.client_stage import call_backs, set_up, settled
from imageproof.mock import Mock
from imageproof.records.lines import Exchange, Finding, Footer
from imageproof.records.redact import Redactor
from imageproof.records.writing import NAME, Writer
from imageproof.reports.amounts import counted
from imageproof.specs.library import load
from imageproof.suites.client.findings import findings
from imageproof.suites.client.judging import client_rules, judge
from imageproof.suites.client.level0 import Level0
from imageproof.suites.client.level1 import Level1
from imageproof.suites.client.process import NotStartedError
from imageproof.suites.client.watch import Answer, End, Ending, Remark, Told, Truth, Watch
from imageproof.suites.gateway.ending import counts_of, ending

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.client_config import ClientConfig
    from imageproof.client_stage import Stage
    from imageproof.mock import MockAccount
    from imageproof.records.lines import Line
    from imageproof.specs.scenario import Scenario

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STOPPED = 130  # as shells say it of a command that was ended by Ctrl-C
MOST_NAMED = 5
KEPT, MOST_KEPT = ("job.json", "result.json"), 1 << 20  # bytes of each


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A scenario that is over: everything about it, and what the judges say."""

    watch: Watch
    remarks: tuple[Remark, ...]

    @property
    def name(self) -> str:
        """The name of the scenario."""
        return self.watch.name

    @property
    def is_unsupported(self) -> bool:
        """Whether the client says that it can't do such a job."""
        return self.watch.answer.told is Told.UNSUPPORTED

    @property
    def broken(self) -> tuple[str, ...]:
        """The ids of the rules that the client broke in it."""
        return tuple(dict.fromkeys(remark.rule for remark in self.remarks if not remark.ok))


@dataclass(slots=True)
class State:
    """What a run has come to."""

    played: list[Played] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    not_started: str | None = None
    mistakes: list[str] = field(default_factory=list)
    exit: int = 0
    says: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """What all scenarios of a run share. `folder` is theirs to work in."""

    mock: Mock
    jitter: Jitter
    folder: Path


class ClientRun:
    """Plays the chosen scenarios, the longest first and else as the seed shuffles them, and judges.

    `observe` sees each that is over.

    Raises SpecError, UnknownSpecError and FileExistsError before anything is started.
    """

    def __init__(self, config: ClientConfig, *, observe: Callable[[Played], None] | None = None) -> None:
        self.config = config
        self.spec = load(config.spec)
        self.state = State()
        fit, self.unfit = fitting(self.spec, config.scenarios)
        self.order = sorted(fit, key=lambda item: item.name)
        random.Random(config.seed).shuffle(self.order)
        self.order.sort(key=config.seconds_for, reverse=True)  # so that nobody waits at the end for a long one alone
        self._observe = observe
        self._next_id = 1
        self._began = monotonic()
        self._writer: Writer | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return round(monotonic() - self._began, 3)

    @property
    def target(self) -> str:
        """The client, as the report names it."""
        return shown_command(self.config.command) if self.config.command else "a client that was watched"

    def run(self) -> State:
        """Do it all, and write it down. Ctrl-C and SIGTERM end the clients and keep what was judged."""
        if self.config.out is not None:
            self.config.out.mkdir(parents=True, exist_ok=True)
            self._writer = Writer(self.config.out / NAME)
        self._began = monotonic()
        self._write(
            header_of(
                self.spec,
                target=self.target,
                seed=self.config.seed,
                strict=self.config.strict,
                rules=len(client_rules(self.spec)),
                config=self.config.shown | {"order": " ".join(item.name for item in self.order)},
            )
        )
        stopped = False
        try:
            with (
                Mock(self.config.spec, clock=self.config.clock, seed=self.config.seed, port=self.config.port) as mock,
                Jitter() as jitter,
                tempfile.TemporaryDirectory(prefix="imageproof-", ignore_cleanup_errors=True) as folder,
            ):
                asyncio.run(self._act(Scene(mock, jitter, Path(folder))))
        except (KeyboardInterrupt, asyncio.CancelledError):
            stopped = True
        finally:
            self._finish(stopped=stopped)
            if self._writer is not None:
                self._writer.close()
        return self.state

    async def _act(self, scene: Scene) -> None:
        """Do what the run is for."""
        await self._play(scene)

    async def _play(self, scene: Scene) -> None:
        loop, me = asyncio.get_running_loop(), asyncio.current_task()
        for number in SIGNALS:
            if me is None:
                break
            with suppress(RuntimeError, ValueError):  # not in the main thread, whose matter signals are
                loop.add_signal_handler(number, me.cancel)
        driver = self._driver()
        try:
            await driver.begin()
            gate = asyncio.Semaphore(min(self.config.at_once, driver.slots or self.config.at_once))
            async with asyncio.TaskGroup() as group:
                for scenario in self.order:
                    group.create_task(self._one(scene, driver, gate, scenario))
        except NotStartedError as error:
            self.state.not_started = str(error)
        finally:
            await driver.end()
            self.state.notes += driver.notes

    def _driver(self) -> Level0 | Level1:
        if self.config.level == 1:
            return Level1(self.config.command, os.environ, self.spec.name)
        return Level0(self.config.command, os.environ)

    async def _one(self, scene: Scene, driver: Level0 | Level1, gate: asyncio.Semaphore, scenario: Scenario) -> None:
        async with gate:
            if self.state.not_started is not None:
                return
            try:
                await self._scenario(scene, driver, scenario)
            except Exception as error:  # noqa: BLE001  (our own mistake: reported as such, the other scenarios go on)
                self.state.mistakes.append(f"{scenario.name}: {type(error).__name__}: {error}")

    async def _scenario(self, scene: Scene, driver: Level0 | Level1, scenario: Scenario) -> None:
        stage = await asyncio.to_thread(
            set_up, scene.mock, self.spec, scenario, self.config, scene.folder / scenario.name
        )
        began = monotonic()
        opening = asyncio.create_task(stage.open_in_time())
        try:
            answer, how = await driver.do(stage.assignment)
        finally:
            opening.cancel()
        if how.end is End.NOT_STARTED:
            self.state.not_started = how.output
            return
        played = await self._judged(scene, stage, answer, how, (began, monotonic()))
        self._keep(stage.assignment.folder, played, Redactor([stage.account.key]))

    async def _judged(
        self, scene: Scene, stage: Stage, answer: Answer, how: Ending, span: tuple[float, float]
    ) -> Played:
        redact = Redactor([stage.account.key])
        exchanges, truths = await self.recorded(scene, stage.account, stage.scenario.name)
        watch = Watch(
            spec=self.spec,
            exchanges=exchanges,
            truths=truths,
            answer=answer,
            ending=replace(how, output=redact.text(how.output)),
            scenario=stage.scenario,
            order=stage.order,
            scale=stage.scale,
            call_backs=await asyncio.to_thread(call_backs, stage),
            jitter_s=scene.jitter.during(*span),
            held_s=scene.jitter.held(*span),
        )
        return self.judged(watch)

    async def recorded(
        self, scene: Scene, account: MockAccount, name: str
    ) -> tuple[tuple[Exchange, ...], tuple[Truth, ...]]:
        """Write down what an account saw, and give it."""
        entries, trees = await settled(account)
        recorder = Recorder(self.spec, Redactor([account.key]), origin=self._began, root=scene.mock.url)
        exchanges, truths = recorder.exchanges(entries, trees, first_id=self._next_id, scenario=name)
        self._next_id += len(exchanges)
        for exchange in exchanges:
            self._write(exchange)
        return exchanges, truths

    def judged(self, watch: Watch) -> Played:
        """Let the judges see what was watched, and keep what they say."""
        played = Played(watch=watch, remarks=tuple(judge(watch)))
        self.state.played.append(played)
        if self._observe is not None:
            self._observe(played)
        return played

    def _keep(self, folder: Path, played: Played, redact: Redactor) -> None:
        """Keep what a client that did wrong wrote, beside the record."""
        if self.config.out is None or not (played.broken or played.watch.ending.end is not End.EXITED):
            return
        kept = self.config.out / "scenarios" / played.name
        kept.mkdir(parents=True, exist_ok=True)
        (kept / "output.txt").write_text(played.watch.ending.output, encoding="utf-8")
        for name in KEPT:
            if (folder / name).is_file():
                text = (folder / name).read_bytes()[:MOST_KEPT].decode("utf-8", "replace")
                (kept / name).write_text(redact.text(text), encoding="utf-8")

    # the end

    def _finish(self, *, stopped: bool) -> None:
        state = self.state
        judged = [(played.watch, list(played.remarks)) for played in state.played]
        state.findings = findings(self.spec, judged, strict=self.config.strict)
        for finding in state.findings:
            self._write(finding)
        state.exit, state.says = self._ending()
        if stopped:
            state.exit = STOPPED
            state.says = f"stopped by hand after {len(state.played)} of {len(self.order)} scenarios were played"
        exchanges: list[Exchange] = [item for played in state.played for item in played.watch.exchanges]
        truths = [item for played in state.played for item in played.watch.truths]
        self._write(
            Footer(
                ended_s=self.elapsed,
                exit=state.exit,
                says=state.says,
                counts=counts_of(state.findings),
                requests=len(exchanges),
                billable=len(truths),
                micro_usd=sum(truth.micro_usd for truth in truths),
                notes=tuple(self._notes()),
            )
        )

    def _ending(self) -> tuple[int, str]:
        state = self.state
        mistake = f"imageproof itself failed in {state.mistakes[0]}" if state.mistakes else None
        return ending(state.findings, unreachable=state.not_started or mistake, only_refused=self._nothing())

    def _nothing(self) -> str | None:
        """Why there was nothing to judge, if there was nothing."""
        if not self.order:
            return f"no scenario that was chosen fits {self.spec.name}: {next(iter(self.unfit.values()), 'none was')}"
        played = self.state.played
        if played and all(item.is_unsupported for item in played):
            return f"the client says of every scenario that it can't do it ({_named([item.name for item in played])})"
        return None

    def _notes(self) -> list[str]:
        """What a reader should know besides the findings."""
        return [*self._counts(), *self.state.notes, *self.state.mistakes[1:]]

    def _counts(self) -> Iterator[str]:
        played = self.state.played
        unsupported = [item.name for item in played if item.is_unsupported]
        clean = sum(not item.broken and not item.is_unsupported for item in played)
        yield f"{len(played)} of {counted(len(self.order), 'scenario')} played, {clean} without a fault"
        if unsupported:
            yield f"{len(unsupported)} that the client says it can't do: {_named(unsupported)}"
        if self.unfit:
            reasons = Counter(self.unfit.values()).most_common(MOST_NAMED)
            told = "; ".join(f"{number} because {reason}" for reason, number in reasons)
            yield f"{len(self.unfit)} left out at {self.spec.name}: {told}"
        ends = Counter(item.watch.ending.end for item in played)
        yield from (f"{number} ended {end}" for end, number in ends.items() if end is not End.EXITED)

    def _write(self, line: Line) -> None:
        if self._writer is not None:
            self._writer.write(line)


def _named(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
