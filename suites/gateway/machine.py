"""A rule-based state machine that lives several tasks at once: submits, polls in any order, asks for what is not there.

It judges nothing itself: every answer goes past the same observers as in all other tests, and a step that leaves a new
fault behind is a failure of the rule that was broken.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test

from imageproof.specs.model import Does
from imageproof.suites.gateway.bench import LostError, Seen
from imageproof.suites.gateway.histories import judge_history, phase_of
from imageproof.suites.gateway.jobs import Job
from imageproof.suites.gateway.plain_calls import first_shape, unknown_id
from imageproof.suites.gateway.verdicts import NotJudgedError

if TYPE_CHECKING:
    from imageproof.specs.model import Operation
    from imageproof.suites.gateway.run import GatewayRun
    from imageproof.suites.gateway.session import Session

TASKS = 4
STEPS = 24
RUNS = 3
PAUSE_S = 0.05
FIRST_TWIN = 1000  # twins of the plain job with this number and above belong to the machine


class FaultError(AssertionError):
    """A step of the machine left a fault of some rule behind."""


def live_many(run: GatewayRun) -> int:
    """Live several tasks at once; how many answers were looked at. Zero where there are no tasks or no money for them.

    Raises FaultError for the first rule that is broken, after Hypothesis has made the story short where that costs
    nothing.
    """
    session = run.session
    poll = run.spec.operation_for(Does.POLL)
    if session is None or poll is None or not session.is_paid or run.state.unreachable is not None:
        return 0
    counted = [0]
    machine = _machine(run, session, poll, counted)
    free = run.config.may_shrink
    options = settings(
        max_examples=RUNS if free else 1,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink] if free else [Phase.generate],
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
    run_state_machine_as_test(seed(run.config.seed)(machine), settings=options)
    return counted[0]


def _machine(  # noqa: C901  (a class in which each step is a method of two lines)
    run: GatewayRun, session: Session, poll: Operation, counted: list[int]
) -> type[RuleBasedStateMachine]:
    before = session.ambient.broken()

    class Lives(RuleBasedStateMachine):
        """Several tasks of one account, polled in any order."""

        tasks = Bundle("tasks")

        def __init__(self) -> None:
            super().__init__()
            self.history: dict[str, list[Seen]] = {}
            self.submits: dict[str, Seen] = {}

        @rule(target=tasks)
        def submit(self) -> str:
            """Submit one more plain job, as long as there are few; else take a known one."""
            if len(self.submits) >= TASKS:
                return next(iter(self.submits))
            job = session.least(first_shape(session))
            counted[0] += 1
            twin = Job(
                operation=job.operation, shape=job.shape, model=job.model, body=job.body, twin=FIRST_TWIN + counted[0]
            )
            try:
                seen = run.ask(session.submit_among_others(twin))
            except NotJudgedError:
                return ""
            if not seen.is_good or seen.task is None:
                return ""
            self.submits[seen.task] = seen
            self.history[seen.task] = []
            return seen.task

        @rule(task=tasks)
        def look(self, task: str) -> None:
            """Poll a task."""
            if task not in self.submits:
                return
            counted[0] += 1
            try:
                self.history[task].append(run.ask(session.bench.call("machine", poll, task_id=task)))
            except LostError:
                return

        @rule()
        def ask_for_nothing(self) -> None:
            """Poll a task that does not exist: it must stay unknown."""
            counted[0] += 1
            try:
                run.ask(session.bench.call("machine", poll, task_id=unknown_id(session)))
            except LostError:
                return

        @rule()
        def wait(self) -> None:
            """Let a little time pass."""
            time.sleep(PAUSE_S)

        @rule(task=consumes(tasks))
        def leave(self, task: str) -> None:
            """Stop to look at a task."""
            self.submits.pop(task, None)

        @invariant()
        def nothing_broken(self) -> None:
            """No rule was seen broken that was not broken before."""
            for task, polls in self.history.items():
                if task in self.submits and polls and phase_of(run.spec, polls[-1]) is not None:
                    judge_history(run.spec, session.ambient, self.submits[task], polls)
            fresh = session.ambient.broken() - before
            if fresh:
                name = min(fresh)
                raise FaultError(f"{name}: {session.ambient.judgement(name).faults[0].actual}")

    return Lives
