"""Which billable requests are worth their money: a plan made before the first one is sent, from the contract alone.

Greedy by what a cent proves: the next request is the one that serves most rules not served yet for its price. A rule
with no request of its own is served by whatever is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.specs.contract import Statement, Topic
from imageproof.suites.gateway.acceptance import is_served_by, row_jobs
from imageproof.suites.gateway.checks_defaults import job_without
from imageproof.suites.gateway.checks_money import job_of_row
from imageproof.suites.gateway.checks_pixels import pixel_rule
from imageproof.suites.gateway.jobs import Job, is_billable, job_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Shape
    from imageproof.suites.gateway.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A billable request, the rules that it serves, and what it is sent for in a few words."""

    job: Job
    rules: frozenset[str]
    purpose: str


def wanted(session: Session, rules: Sequence[Rule]) -> list[Wanted]:
    """Every planned request of the chosen rules, each once, in no order."""
    found: dict[str, Wanted] = {}
    for item in (*_plain(session, rules), *_rows(session, rules), *_singles(session, rules)):
        known = found.get(item.job.key)
        found[item.job.key] = (
            Wanted(job=item.job, rules=known.rules | item.rules, purpose=known.purpose) if known else item
        )
    return list(found.values())


def ordered(items: Sequence[Wanted]) -> list[Wanted]:
    """The requests, the one that proves most new things for its money first."""
    left, served, out = list(items), set[str](), list[Wanted]()
    while left:
        best = max(left, key=lambda item: (_worth(item, served), item.job.key))
        left.remove(best)
        served |= best.rules
        out.append(best)
    return out


def _worth(item: Wanted, served: set[str]) -> float:
    fresh = len(item.rules - served)
    return (fresh + len(item.rules) / 1000) / max(1, item.job.micro_usd)


def affordable(items: Sequence[Wanted], limit_micro_usd: int | None) -> list[Wanted]:
    """As many of the ordered requests as the money allows; one that is too dear lets cheaper ones pass."""
    if limit_micro_usd is None:
        return list(items)
    out, left = [], limit_micro_usd
    for item in items:
        if item.job.micro_usd <= left:
            out.append(item)
            left -= item.job.micro_usd
    return out


def _plain(session: Session, rules: Sequence[Rule]) -> Iterator[Wanted]:
    """The plainest request of each shape: nearly everything that is said of answers, states and results rests on it."""
    topics = {Topic.ANSWERS, Topic.STATES, Topic.GENERAL, Topic.RESULTS, Topic.IMAGES, Topic.ERRORS, Topic.BILLING}
    general = {rule.id for rule in rules if isinstance(rule.kind, Statement) and rule.kind.topic in topics}
    for shape in session.shapes():
        own = {rule.id for rule in rules if rule in shape.rules}
        if general or own:
            purpose = f"the plainest {shape.operation} of {shape.model}"
            yield Wanted(job=session.least(shape), rules=frozenset(general | own), purpose=purpose)


def _rows(session: Session, rules: Sequence[Rule]) -> Iterator[Wanted]:
    """The pairwise rows of the shapes that the chosen rules speak of."""
    for shape in session.shapes():
        own = [rule for rule in rules if rule in shape.rules]
        about = [rule for rule in rules if _is_about(session, rule, shape)]
        if not own and not about:
            continue
        for row, job in row_jobs(session, shape):
            served = {rule.id for rule in own if is_served_by(rule, session.spec, shape, row)}
            pixels = pixel_rule(session, job.model, job)
            served |= {rule.id for rule in about if rule.id == pixels or "/pixels/" not in rule.id}
            purpose = f"pairs of values of {shape.operation} {shape.model}"
            if served:
                yield Wanted(job=job, rules=frozenset(served), purpose=purpose)


def _is_about(session: Session, rule: Rule, shape: Shape) -> bool:
    if not isinstance(rule.kind, Statement):
        return False
    if rule.kind.topic in (Topic.PIXELS, Topic.IMAGES):
        return session.book.about(rule).model == shape.model
    return rule.kind.topic is Topic.GENERAL and rule.id.endswith(("/combinations", "/decodes", "/own-result"))


def _singles(session: Session, rules: Sequence[Rule]) -> Iterator[Wanted]:
    """The requests that serve one rule: accepted twins of refused ones, defaults, prices."""
    for rule in rules:
        job: Job | None = None
        purpose = "the accepted twin of a refused request"
        if not isinstance(rule.kind, Statement):
            probes = session.probes(rule, most=1)
            if probes and probes[0].keeps is not None and is_billable(probes[0].operation):
                job = job_for(session.spec, probes[0].shape, probes[0].keeps)
        elif rule.kind.topic is Topic.DEFAULTS:
            job, purpose = _default(session, rule), "a field that is left out"
        elif rule.kind.topic is Topic.PRICE:
            job, purpose = _price(session, rule), "a price"
        if job is not None:
            yield Wanted(job=job, rules=frozenset({rule.id}), purpose=purpose)


def _default(session: Session, rule: Rule) -> Job | None:
    about = session.book.about(rule)
    model = session.spec.models.get(about.model)
    return job_without(session, model.shapes[about.operation], about.rest) if model else None


def _price(session: Session, rule: Rule) -> Job | None:
    model = session.spec.models[session.book.about(rule).model]
    row = next((item for item in model.prices if item.rule.id == rule.id), None)
    if row is None or row.micro_usd is None:
        return None
    return job_of_row(session, model, next(iter(model.shapes.values())), row)
