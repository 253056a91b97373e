"""Requests of no rule in particular: plain ones under another key or none, ids that nobody has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imageproof.suites.gateway.jobs import first_shape_of
from imageproof.suites.gateway.refusals import Aspect
from imageproof.suites.gateway.verdicts import InconclusiveError

if TYPE_CHECKING:
    from imageproof.specs.model import Operation, Shape
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.probes import Probe
    from imageproof.suites.gateway.session import Session

REFERENCES = 3
FACTS = {"status": Aspect.STATUS, "code": Aspect.CODE, "type": Aspect.TYPE, "message": None}
UNKNOWN_TASKS = 1
BURST_AT_ONCE = 20
MOST_BURSTS = 4


def first_shape(session: Session) -> Shape:
    """The shape of the example model: what a plain request is."""
    return first_shape_of(session.spec)


async def plain_call(
    session: Session, case: str, *, headers: tuple[tuple[str, str], ...] | None = None, account: str = "own"
) -> tuple[Operation, Seen]:
    """A valid request under another key, or none: it can be billed to nobody."""
    job = session.least(first_shape(session))
    seen = await session.bench.call(case, job.operation, body=job.body, headers=headers, account=account)
    return job.operation, seen


async def refused_probe(session: Session) -> Probe:
    """A request that is known to be refused. Raises InconclusiveError where none is."""
    for rule in first_shape(session).rules:
        for probe in session.probes(rule, most=1):
            if not (await session.refused(probe)).is_good:
                return probe
    raise InconclusiveError("no request was refused")


def wrong_key(session: Session) -> str:
    """A key that nobody has: of another form than the provider's where there is one, so that no mock takes it."""
    return "no-key" if session.spec.auth.key_pattern else f"{session.config.keys.own[:4]}wrong"


def unknown_id(session: Session) -> str:
    """A task id of the documented form that nobody was given."""
    template = session.spec.tasks.id_template if session.spec.tasks else "{hex32}"
    return _filled(template)


def _filled(template: str) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[1]:
            return "0" * int(match[2])
        return "00000000-0000-4000-8000-000000000000"

    return re.sub(r"\{(?:(hex|alnum)([0-9]+)|uuid)\}", fill, template)
