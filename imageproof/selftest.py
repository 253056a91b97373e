"""Prove the proof: run the gateway suite against mocks that each break one rule, and against ones that break none.

A sabotage counts as caught when the run fails, and as named when the first failure is the rule that was broken. How
many requests it takes is counted in a run of that rule alone.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from time import monotonic
from typing import TYPE_CHECKING

from imageproof.mock import Mock
from imageproof.mock_server.sabotage import sabotages
from imageproof.records.lines import Verdict
from imageproof.specs.facts import How, Level
from imageproof.specs.library import load, shipped
from imageproof.suites.gateway.config import Config, Keys
from imageproof.suites.gateway.run import GatewayRun
from imageproof.suites.wire import Pace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imageproof.mock_server.sabotage import Sabotage
    from imageproof.records.lines import Finding
    from imageproof.specs.model import Spec

PATIENCE_S = 30.0
JOB_S = 10.0
MOST_PIXELS = 9_000_000  # one image of 4K, but not ten: a thousand runs take long enough
RIGHT_SHARE = 0.95
IN_TIME = ("/states/", "/general/order")  # seen only where a task can be met in one state more than once
IN_TIME_CLOCK = "30x"  # slow enough for a machine that is busy with something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One run: a spec by name, the id of a sabotage or None for an honest mock, a seed and a clock.

    A quick one judges the broken rule alone, with what it rests on.
    """

    spec: str
    sabotage: str | None = None
    rule: str = ""
    says: str = ""
    family: str = ""
    seed: int = 1
    clock: str = "jump"
    is_quick: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a case: the failed rules in the order of the report, and requests until the fault was seen."""

    case: Case
    failed: tuple[str, ...]
    told: str
    requests: int
    seconds: float
    calls: int | None = None

    @property
    def is_caught(self) -> bool:
        """Whether anything failed."""
        return bool(self.failed)

    @property
    def is_named(self) -> bool:
        """Whether the broken rule is the first that failed."""
        return self.failed[:1] == (self.case.rule,)


def names() -> list[str]:
    """Every shipped spec, and every other profile of it."""
    return [*shipped(), *(f"{name}@{profile}" for name in shipped() for profile in load(name).profiles[1:])]


def chosen(spec: Spec) -> list[Sabotage]:
    """A selection that says nearly as much as all: each family twice, and each documented MUST rule once."""
    musts = {rule.id for rule in spec.rules if rule.level is Level.MUST and rule.source.how is How.DOCUMENTED}
    informs = {rule.id for rule in spec.rules if rule.source.how is How.ASSUMED or rule.level is not Level.MUST}
    taken: list[Sabotage] = []
    rules: set[str] = set()
    families: dict[str, int] = {}
    for item in sabotages(spec):
        if item.rule in informs:
            continue  # such rules inform and never fail
        is_new = item.rule in musts and item.rule not in rules
        if is_new or families.get(item.family, 0) < 2:  # noqa: PLR2004  (twice)
            taken.append(item)
            rules.add(item.rule)
            families[item.family] = families.get(item.family, 0) + 1
    return taken


def cases(specs: Sequence[str], *, everything: bool = False, is_quick: bool = False) -> list[Case]:
    """The sabotages of specs as cases; with `everything` all whose rule can fail."""
    out = []
    for name in specs:
        spec = load(name)
        informs = {rule.id for rule in spec.rules if rule.source.how is How.ASSUMED or rule.level is not Level.MUST}
        items = [item for item in sabotages(spec) if item.rule not in informs] if everything else chosen(spec)
        out += [
            Case(
                spec=name,
                sabotage=item.id,
                rule=item.rule,
                says=item.says,
                family=item.family.value,
                clock=IN_TIME_CLOCK if any(part in item.rule for part in IN_TIME) else "jump",
                is_quick=is_quick,
            )
            for item in items
        ]
    return out


def honest(specs: Sequence[str], seeds: int) -> list[Case]:
    """Runs against mocks that keep every rule: other seeds, and three ways in which time may pass."""
    clocks = ("jump", "240x", "1200x")
    return [
        Case(spec=name, seed=seed, clock=clocks[seed % len(clocks)]) for seed in range(1, seeds + 1) for name in specs
    ]


def run_case(case: Case) -> Result:
    """Run one case in this process."""
    logging.getLogger("imageproof.mock").setLevel(logging.CRITICAL)  # a mock that lies may well stumble over it
    began = monotonic()
    findings, requests = _run(case, (case.rule,) if case.is_quick else ())
    failed = [finding for finding in findings if finding.verdict is Verdict.FAILED]
    wrong = [finding for finding in findings if finding.verdict is Verdict.ERRORED]
    calls = None
    if case.sabotage is not None:
        calls = _first_seen(findings, requests) if case.is_quick else _calls(case)
    told = f"{failed[0].rule}: {failed[0].actual}" if failed else wrong[0].reason if wrong else ""
    return Result(
        case=case,
        failed=tuple(finding.rule for finding in (*failed, *wrong)),
        told=told,
        requests=requests,
        seconds=monotonic() - began,
        calls=calls,
    )


def _calls(case: Case) -> int | None:
    """The number of the request that shows the fault, when only the broken rule is judged."""
    return _first_seen(*_run(case, (case.rule,)))


def _first_seen(findings: list[Finding], requests: int) -> int | None:
    """The number of the request that shows the first failure; None when nothing failed."""
    finding = next((item for item in findings if item.verdict is Verdict.FAILED), None)
    if finding is None:
        return None
    return finding.evidence.bad if finding.evidence and finding.evidence.bad else requests


def _run(case: Case, rules: tuple[str, ...]) -> tuple[list[Finding], int]:
    with Mock(case.spec, clock=case.clock, seed=case.seed, sabotage=case.sabotage, pictures="plain") as mock:
        account = mock.account()
        config = Config(
            spec=case.spec,
            base_url=account.base_url,
            keys=Keys(own=account.key, other=f"{account.key}-other", derived=True),
            mode="paid",
            seed=case.seed,
            scale=float(case.clock.removesuffix("x")) if case.clock.endswith("x") else 1.0,
            patient=False,
            examples=0,
            jobs_at_once=24,
            job_s=JOB_S,
            most_pixels=MOST_PIXELS,
            pace=Pace(patience_s=PATIENCE_S),
            rules=rules,
        )
        with GatewayRun(config) as run:
            run.prefetch(run.rules)
            for rule in run.rules:
                run.settle(rule)
            state = run.finish()
            tally = run.session.bench.tally if run.session else None
        return list(state.findings.values()), tally.requests if tally else 0


def results(todo: Sequence[Case], *, jobs: int) -> Iterator[Result]:
    """Run cases, several at a time, each in one of `jobs` processes; results in the order of the cases."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(run_case, todo)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a self-test came to."""

    sabotages: int
    caught: int
    named: int
    calls: int
    honest: int
    alarms: int

    @property
    def is_good(self) -> bool:
        """Whether everything was caught, nearly all under the right rule, and nobody was blamed wrongly."""
        return self.caught == self.sabotages and self.named >= RIGHT_SHARE * self.sabotages and not self.alarms

    def __str__(self) -> str:
        """One line."""
        share = f"{100 * self.named / self.sabotages:.1f} %" if self.sabotages else "none"
        return (
            f"{self.caught} of {self.sabotages} sabotages caught, {self.named} ({share}) under the right rule first, "
            f"{self.calls} requests in the median; {self.alarms} false alarms in {self.honest} honest runs"
        )


def score(found: Sequence[Result]) -> Score:
    """Sum up results."""
    lies = [result for result in found if result.case.sabotage is not None]
    truths = [result for result in found if result.case.sabotage is None]
    calls = [result.calls for result in lies if result.calls is not None]
    return Score(
        sabotages=len(lies),
        caught=sum(result.is_caught for result in lies),
        named=sum(result.is_named for result in lies),
        calls=round(median(calls)) if calls else 0,
        honest=len(truths),
        alarms=sum(result.is_caught for result in truths),
    )
