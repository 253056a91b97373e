"""Hypothesis: further bodies for each rule besides the documented edges, and the smallest one that shows a fault.

Bodies are made first and sent afterwards, so Hypothesis never repeats a request to see whether it fails again. What is
sent must be refused; when it is accepted, which may cost money, shrinking stops unless nothing here costs any.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, Phase, Verbosity, find, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisException, NoSuchExample

from imageproof.records.lines import Verdict
from imageproof.specs import kinds as k
from imageproof.specs.contract import Statement
from imageproof.specs.generate import UnbreakableError
from imageproof.specs.strategies import breaking
from imageproof.suites.gateway.checks_requests import judge_refusal
from imageproof.suites.gateway.names import shape_operation
from imageproof.suites.gateway.probes import generated, selector_of
from imageproof.suites.gateway.verdicts import Fault, Judgement, NotJudgedError

if TYPE_CHECKING:
    from imageproof.records.lines import Finding
    from imageproof.specs.facts import Rule
    from imageproof.suites.gateway.probes import Probe
    from imageproof.suites.gateway.run import GatewayRun

SHRINKS = 200
QUIET = {
    "deadline": None,
    "database": None,
    "suppress_health_check": list(HealthCheck),
    "verbosity": Verbosity.quiet,
}
NOT_GENERATED = (k.Ignored, k.FileBytes, k.FileFormat, k.FileAlpha, k.SameAs, k.Required)


def with_examples(run: GatewayRun, rule: Rule, finding: Finding) -> Finding:
    """The finding, after a few more bodies that break the rule; one that was wrong already is left as it is."""
    session = run.session
    if finding.verdict is not Verdict.PASSED or isinstance(rule.kind, Statement) or session is None:
        return finding
    probes = more_probes(run, rule)
    if not probes:
        return finding
    fault = run.ask(_judge_all(run, rule, probes))
    if fault is None:
        return finding
    smaller = _shrunk(run, rule) or fault
    return run.add_faults(rule, Judgement(judged=finding.judged + len(probes), faults=(smaller,), basis=finding.basis))


def more_probes(run: GatewayRun, rule: Rule) -> list[Probe]:
    """Bodies that Hypothesis makes, whose bytes break exactly this rule."""
    found = shape_operation(run.spec, rule)
    wanted = run.config.examples
    if found is None or not wanted or isinstance(rule.kind, NOT_GENERATED) or rule in run.spec.selector.rules:
        return []
    shape, _ = found
    out: list[Probe] = []

    @seed(run.config.seed)
    @settings(max_examples=wanted, phases=[Phase.generate], **QUIET)  # type: ignore[arg-type]  # a dict of options
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        body = data.draw(breaking(rule, shape, selector_of(run.spec, shape)))
        probe = generated(run.spec, rule, shape, body)
        if probe is not None:
            out.append(probe)

    try:
        draw()
    except (UnbreakableError, HypothesisException):  # no body breaks the rule alone: its own test says so
        return []
    return out


async def _judge_all(run: GatewayRun, rule: Rule, probes: list[Probe]) -> Fault | None:
    """The first fault among the refusals, if there is one."""
    for fault in await asyncio.gather(*(_judge(run, rule, probe) for probe in probes)):
        if fault is not None:
            return fault
    return None


async def _judge(run: GatewayRun, rule: Rule, probe: Probe) -> Fault | None:
    session = run.session
    if session is None:
        return None
    try:
        return await judge_refusal(session, rule, probe, await session.refused(probe))
    except NotJudgedError:
        return None


def _shrunk(run: GatewayRun, rule: Rule) -> Fault | None:
    """The fault of the smallest body that shows one: each is looked at again, on its own bytes, before it counts."""
    found = shape_operation(run.spec, rule)
    if found is None or not run.config.may_shrink:
        return None
    shape, _ = found
    faults: list[Fault] = []

    def shows(body: dict[str, object]) -> bool:
        probe = generated(run.spec, rule, shape, body)
        fault = run.ask(_judge(run, rule, probe)) if probe is not None else None
        if fault is not None:
            faults.append(fault)
        return fault is not None

    try:
        find(
            breaking(rule, shape, selector_of(run.spec, shape)),
            shows,
            settings=settings(max_examples=SHRINKS, **QUIET),  # type: ignore[arg-type]  # a dict of options
        )
    except (NoSuchExample, UnbreakableError, HypothesisException):
        return None
    return faults[-1] if faults else None
