"""Search the capacity of a target: the highest rate at which it still meets the goals, trial by trial."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from imageproof.exits import ExitCode
from imageproof.load_live import Live
from imageproof.load_measure import LoadState, measure
from imageproof.loadtests.capacity import Found, Next, Search, Trial, next_step
from imageproof.loadtests.selfcheck import Bound
from imageproof.loadtests.verdicts import Outcome
from imageproof.records.lines import Finding, Sample, Verdict

if TYPE_CHECKING:
    from imageproof.load_config import LoadConfig
    from imageproof.load_measure import Observe, Target
    from imageproof.specs.model import Spec

LEAST = 0.1  # jobs a second
PRECISION = 0.1
RULE = "load/capacity"


def search_capacity(
    config: LoadConfig, spec: Spec, state: LoadState, target: Target, observe: Observe | None = None
) -> None:
    """Try rates until the highest good one is known; fill the state. Raises UpstreamError or GeneratorError."""
    search = Search(start=config.rate or 1.0, least=LEAST, precision=PRECISION, trials=config.trials)
    trials: list[Trial] = []
    while isinstance(step := next_step(search, trials), Next):
        made = _trial(config, step.rate, len(trials), spec, target, observe)
        _take(state, made)
        if made.exit in (ExitCode.UNREACHABLE, ExitCode.BUDGET_ENDED):
            state.exit, state.says = made.exit, made.says
            return
        met = _met(made)
        if met is None and not _is_bound(made):
            state.exit, state.says = ExitCode.NOTHING_JUDGED, f"at {step.rate:g}/s nobody can tell: {_why(made)}"
            return
        trials.append(Trial(step.rate, met))
        _note(state, step.rate, met, made)
    _end(config, state, step)


def _trial(
    config: LoadConfig, rate: float, number: int, spec: Spec, target: Target, observe: Observe | None
) -> LoadState:
    """Measure at one rate. A trial has its own seed: the same arrivals again would tell nothing new."""
    state = LoadState(Live(config.melt))
    measure(replace(config, rate=rate, users=None, seed=config.seed + number), spec, state, target, observe)
    return state


def _met(made: LoadState) -> bool | None:
    """Whether a trial met the goals; None where it tells nothing."""
    if made.exit is ExitCode.CONFORMS:
        return True
    return False if made.exit is ExitCode.DOES_NOT_CONFORM else None


def _why(made: LoadState) -> str:
    """Why a trial could not be judged."""
    found = made.judged.judgements if made.judged is not None else ()
    open_ones = (f"{item.goal.text}: {item.says}" for item in found if item.outcome is Outcome.INVALID)
    return next(open_ones, made.says)


def _is_bound(made: LoadState) -> bool:
    return made.judged is not None and made.judged.results.health.bound is not Bound.NONE


def _take(state: LoadState, made: LoadState) -> None:
    """Keep the books of a trial with those of the others."""
    state.live.jobs += made.live.jobs
    state.live.beats += made.live.beats
    state.live.requests += made.live.requests
    state.live.failed += made.live.failed
    state.live.micro_usd += made.live.micro_usd


def _note(state: LoadState, rate: float, met: bool | None, made: LoadState) -> None:  # noqa: FBT001  (it is the value)
    words = {True: "met", False: "missed", None: "spoilt"}[met]
    state.lines.append(f"{rate:10g}/s  {words:7} {made.says}")
    state.samples.append(
        Sample(at_s=state.seconds, name="trial", value=rate, labels={"goals": words, "says": made.says})
    )


def _end(config: LoadConfig, state: LoadState, found: Found) -> None:
    """Say what the search came to."""
    state.says = found.says
    if found.rate is not None:
        state.exit, verdict = ExitCode.CONFORMS, Verdict.PASSED
    elif found.is_bound:
        state.exit, verdict = ExitCode.NOTHING_JUDGED, Verdict.INCONCLUSIVE
    else:
        state.exit, verdict = ExitCode.DOES_NOT_CONFORM, Verdict.FAILED
    state.samples.append(Sample(at_s=state.seconds, name="capacity", value=found.rate or 0.0))
    state.findings.append(
        Finding(
            rule=RULE,
            level="MUST",
            verdict=verdict,
            sentence=f"there is a rate at which {', '.join(config.goals)} hold",
            judged=found.trials,
            expected="a rate that meets the goals",
            actual=found.says,
        )
    )
