"""A run, put together: files, sender, session; findings as they come; an end that is always written down."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Self, TypeVar

from msgspec.structs import replace

from imageproof.records.lines import Coverage, Finding, Footer, Verdict
from imageproof.records.reading import read_run
from imageproof.records.redact import Redactor
from imageproof.records.writing import NAME, Writer
from imageproof.specs.facts import matching
from imageproof.specs.library import load
from imageproof.suites.baseline import apply, load_baseline, require_known
from imageproof.suites.capabilities import load_capabilities
from imageproof.suites.gateway.acceptance import Acceptance
from imageproof.suites.gateway.earlier import paid_before
from imageproof.suites.gateway.ending import counts_of, ending, kind_of, only_refused
from imageproof.suites.gateway.findings import finding_of
from imageproof.suites.gateway.header import header_of
from imageproof.suites.gateway.jobs import image_shapes
from imageproof.suites.gateway.planning import Wanted, affordable, ordered, wanted
from imageproof.suites.gateway.session import Session
from imageproof.suites.gateway.table import check_for, running_order
from imageproof.suites.gateway.verdicts import BudgetEndedError, InconclusiveError, Judgement, NotJudgedError
from imageproof.suites.ledger import Ledger
from imageproof.suites.trouble import probe
from imageproof.suites.wire import Sender, TroubleError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path
    from types import TracebackType

    from imageproof.records.lines import Line
    from imageproof.records.reading import Run
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Spec
    from imageproof.suites.baseline import Baseline
    from imageproof.suites.capabilities import Capabilities
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.config import Config

STRANGERS = frozenset({"no key", "a wrong key", "wrong key", "malformed key", "two mistakes"})
LEDGER = "ledger.jsonl"
STOPPED = 130  # as shells say it of a command that was ended by Ctrl-C
T = TypeVar("T")
WAIT_S = 10.0


@dataclass(slots=True)
class State:
    """What a run has come to, for progress and for its end."""

    findings: dict[str, Finding] = field(default_factory=dict)
    unreachable: str | None = None
    short_of_money: set[str] = field(default_factory=set)
    answers: dict[str, int] = field(default_factory=dict)
    exit: int = 0
    says: str = ""


def rules_of(spec: Spec, patterns: tuple[str, ...]) -> list[Rule]:
    """The rules that a run judges, in the order in which it does. Patterns that match nothing choose nothing."""
    chosen = matching(spec.rules, patterns) if patterns else list(spec.rules)
    return sorted(chosen, key=running_order)


class GatewayRun:
    """Judges a target in a thread of its own, so that tests may ask for verdicts one after the other.

    `observe` is called with each finding as it comes. Raises what the files of a run raise when they are wrong:
    SpecError, BaselineError, LedgerError, FileExistsError.
    """

    def __init__(self, config: Config, *, observe: Callable[[Finding], None] | None = None) -> None:
        self.config = config
        self.spec = load(config.spec)
        self.rules = rules_of(self.spec, config.rules)
        self.state = State()
        self._observe = observe
        self._baseline: Baseline | None = load_baseline(config.baseline) if config.baseline else None
        if self._baseline is not None:
            require_known(self._baseline, [rule.id for rule in self.spec.rules])
        self._capabilities: Capabilities | None = (
            load_capabilities(config.capabilities, self.spec) if config.capabilities else None
        )
        self._redact = Redactor(config.keys.secrets())
        self._writer: Writer | None = None
        self._ledger: Ledger | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="imageproof-gateway", daemon=True)
        self._sender: Sender | None = None
        self._began = monotonic()
        self._before: Run | None = None
        self.session: Session | None = None

    # begin and end

    def start(self) -> None:
        """Open the record, reach the target, and begin to send what the chosen rules need."""
        self._began = monotonic()
        out = self.config.out
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            before = read_run(out) if self.config.resume else None
            self._writer = Writer(out / NAME, resume=self.config.resume)
            if before is not None:
                self._go_on(before)
        self.write(header_of(self.config, self.spec, len(self.rules)))
        if out is not None and self.config.mode == "paid" and self.config.max_micro_usd is not None:
            self._ledger = Ledger.open(
                self.ledger_path(out),
                limit_micro_usd=self.config.max_micro_usd,
                resume=self.config.resume,
                identity=(self.spec.name, self.config.base_url, str(self.config.seed)),
            )
        self._thread.start()
        self._wait(self._open())

    def _go_on(self, before: Run) -> None:
        """Keep what an earlier part of the run judged for good, and what it sent."""
        kept = {finding.rule: finding for finding in before.findings if finding.verdict.is_judged}
        self.state.findings = dict(kept)
        self.rules = [rule for rule in self.rules if rule.id not in kept]
        self._before = before

    def ledger_path(self, out: Path) -> Path:
        """Where the money is booked."""
        return out / LEDGER

    async def _open(self) -> None:
        self._sender = Sender(self.config.base_url, self.config.pace)
        await self._sender.__aenter__()
        self.session = Session(
            self.config,
            self.spec,
            self._sender,
            write=self.write,
            redact=self._redact,
            find_check=check_for,
            ledger=self._ledger,
            capabilities=self._capabilities,
        )
        self.session.bench.observers.append(self._count)
        if self._before is not None:
            self.session.bench.go_on_after(max(self._before.exchanges, default=0))
            self.session.paid_before = paid_before(self.spec, self._before)
        try:
            await probe(self._sender)
        except TroubleError as error:
            self.state.unreachable = error.says

    def plan(self) -> list[Wanted]:
        """The billable requests of the chosen rules, those first that prove most for their money."""
        return ordered(wanted(self.session, self.rules)) if self.session is not None else []

    def prefetch(self, rules: list[Rule]) -> None:
        """Begin to judge rules, many at a time; the verdicts are asked for later."""
        if self.state.unreachable is not None or self.session is None:
            return
        session = self.session
        if self.config.mode == "paid" and self.config.max_micro_usd is not None:
            session.grant(item.job for item in affordable(self.plan(), self.config.max_micro_usd))

        async def begin() -> None:
            for rule in rules:
                task = asyncio.ensure_future(session.judge(rule))
                task.add_done_callback(_looked_at)

        self._wait(begin())

    def settle(self, rule: Rule) -> Finding:
        """The finding about a rule; waits until it is judged."""
        result: Judgement | BaseException
        if self.state.unreachable is not None or self.session is None:
            result = NotJudgedError(self.state.unreachable or "the run has not begun")
        else:
            try:
                result = self._wait(self.session.judge(rule))
            except NotJudgedError as error:
                result = error
            except Exception as error:  # noqa: BLE001  (our own mistake: reported as such, the other rules go on)
                result = error
        return self._found(rule, result)

    def ask(self, work: Coroutine[object, object, T]) -> T:
        """Do something on the run's own loop and wait for its result."""
        return self._wait(work)

    def add_faults(self, rule: Rule, judgement: Judgement) -> Finding:
        """Replace a finding by what was seen later."""
        return self._found(rule, judgement)

    def _found(self, rule: Rule, result: Judgement | BaseException) -> Finding:
        if isinstance(result, BudgetEndedError):
            self.state.short_of_money.add(rule.id)
        finding = finding_of(self.spec, rule, result, strict=self.config.strict, at_s=monotonic() - self._began)
        self.state.findings[rule.id] = finding
        if self._observe is not None:
            self._observe(finding)
        return finding

    def finish(self, *, stopped: bool = False) -> State:
        """Look once more at what was seen in passing, apply the baseline, write everything down.

        `stopped` says that somebody ended the run before its time: what was judged by then is kept.
        """
        if stopped:
            self._keep_what_is_there()
        if self.session is not None:
            self._late_faults(self.session)
            self._coverage(self.session)
        found = tuple(self.state.findings.values())
        if self._baseline is not None:
            known = apply(self._baseline, found, [rule.id for rule in self.spec.rules], datetime.now(tz=UTC).date())
            self.state.findings = {finding.rule: finding for finding in known}
        for finding in self.state.findings.values():
            self.write(self._shown(finding))
        if self.session is not None and self.session.bench.tally.down is not None and self.state.unreachable is None:
            self.state.unreachable = f"the target went down during the run: {self.session.bench.tally.down.says}"
        self.state.exit, self.state.says = ending(
            self.state.findings.values(),
            unreachable=self.state.unreachable,
            only_refused=only_refused(self.state.answers),
            budget_ended=self.state.short_of_money,
        )
        if stopped:
            judged = sum(finding.verdict.is_judged for finding in self.state.findings.values())
            self.state.exit = STOPPED
            self.state.says = f"stopped by hand after {judged} of {len(self.rules)} rules were judged"
        tally = self.session.bench.tally if self.session else None
        self.write(
            Footer(
                ended_s=round(monotonic() - self._began, 3),
                exit=self.state.exit,
                says=self._redact.text(self.state.says),
                counts=counts_of(self.state.findings.values()),
                requests=tally.requests if tally else 0,
                billable=tally.billable if tally else 0,
                micro_usd=tally.micro_usd if tally else 0,
            )
        )
        return self.state

    def _keep_what_is_there(self) -> None:
        """Find what has been judged already, and say of the rest that there was no time for it."""
        for rule in self.rules:
            if rule.id not in self.state.findings:
                done = self.session.judged_now(rule) if self.session is not None else None
                self._found(rule, done or InconclusiveError("the run was stopped before it was judged"))

    def _shown(self, finding: Finding) -> Finding:
        """The finding with its commands and without keys."""
        clean = self._redact.text
        again = f"imageproof replay {self.config.out} {finding.rule}" if self.config.out else ""
        return replace(
            finding,
            expected=clean(finding.expected),
            actual=clean(finding.actual),
            reason=clean(finding.reason),
            more=tuple(clean(text) for text in finding.more),
            replay=again if finding.verdict in (Verdict.FAILED, Verdict.WARNED) else "",
        )

    def _late_faults(self, session: Session) -> None:
        """A rule that is looked at in passing may have passed before something was seen."""
        for rule_id in session.ambient.broken():
            before = self.state.findings.get(rule_id)
            if before is not None and before.verdict is Verdict.PASSED:
                self._found(session.rule(rule_id), session.ambient.judgement(rule_id))

    def _coverage(self, session: Session) -> None:
        for shape in image_shapes(self.spec):
            got = session.shared_now(f"acceptance {shape.operation} {shape.model}")
            if isinstance(got, Acceptance):
                plan = session.cover(shape)
                seen = got.pairs
                self.write(
                    Coverage(
                        operation=shape.operation,
                        model=shape.model,
                        values=got.values,
                        pairs_covered=min(len(seen), plan.possible),
                        pairs_possible=plan.possible,
                        rows=len(got.rows),
                    )
                )

    def _count(self, seen: Seen) -> None:
        kind = kind_of(seen)
        if kind is not None:
            self.state.answers[kind] = self.state.answers.get(kind, 0) + 1

    def write(self, line: Line) -> None:
        """Add a line to the record."""
        if self._writer is not None:
            self._writer.write(line)

    def close(self) -> None:
        """End everything that was started; what is under way is given up."""
        if self._thread.is_alive():
            self._wait(self._shut())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(WAIT_S)
        if not self._loop.is_running():
            self._loop.close()
        if self._ledger is not None:
            self._ledger.close()
        if self._writer is not None:
            self._writer.close()

    async def _shut(self) -> None:
        mine = asyncio.current_task()
        pending = [task for task in asyncio.all_tasks() if task is not mine]
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        if self.session is not None:
            self.session.lives.close()
        if self._sender is not None:
            await self._sender.__aexit__(None, None, None)

    def _wait(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _looked_at(task: asyncio.Task[Judgement]) -> None:
    """Take the exception of a judgement, which is asked for again later."""
    if not task.cancelled():
        task.exception()
