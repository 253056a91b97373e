"""What must be accepted: every pairwise row of a shape is sent, and a refused row is traced to the value at fault."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from imageproof.specs import kinds as k
from imageproof.specs.contract import Topic
from imageproof.specs.files import FileFacts
from imageproof.specs.pairwise import ABSENT, Row, single
from imageproof.specs.sizes import parse_size
from imageproof.suites.bodies import is_sayable
from imageproof.suites.gateway.jobs import Job, flattened, job_for
from imageproof.suites.gateway.probes import selector_of
from imageproof.suites.gateway.reading import read_error
from imageproof.suites.gateway.verdicts import BlockedError, Fault, InconclusiveError, NotJudgedError

if TYPE_CHECKING:
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Field, Shape, Spec
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.session import Session
    from imageproof.suites.gateway.stories import Story

NOT_OF_THE_REQUEST = ("insufficient_funds", "rate_limited", "moderated_input", "moderated_output")
TRY_LATER = frozenset({429, 503})
SHOWN = 80


@dataclass(slots=True)
class Acceptance:
    """What the rows of a shape came to.

    `accepted` are the stories by row, `faults` by rule, `unjudged` the reasons for which rows could not be judged,
    `values` the accepted values by field (each with its number of rows), `pairs` the pairs that were seen accepted.
    """

    rows: list[tuple[Row, Story]] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=dict)
    unjudged: list[NotJudgedError] = field(default_factory=list)
    values: dict[str, dict[str, int]] = field(default_factory=dict)
    pairs: set[tuple[str, str, str, str]] = field(default_factory=set)
    sent: int = 0


def row_jobs(session: Session, shape: Shape) -> list[tuple[Row, Job]]:
    """The rows of a shape that its operation can say, as jobs."""
    operation = session.spec.operations[shape.operation]
    every = session.cover(shape).rows
    rows = [row for row in every if is_sayable(operation, row.body) and not session.lacks(row.body)]
    jobs = [(row, job_for(session.spec, shape, row.body)) for row in rows]
    most = session.config.most_pixels
    return [(row, job) for row, job in jobs if most is None or pixels_of(job) <= most]


def pixels_of(job: Job) -> int:
    """The pixels of all images that a job asks for."""
    outcome = job.outcome
    return outcome.width * outcome.height * outcome.count


async def acceptance(session: Session, shape: Shape) -> Acceptance:
    """Send the rows of a shape, once for all rules."""
    name = f"acceptance {shape.operation} {shape.model}"
    return cast("Acceptance", await session.shared(name, lambda: _send(session, shape)))


async def _send(session: Session, shape: Shape) -> Acceptance:
    out = Acceptance()
    await _require_plain(session, shape)
    jobs = row_jobs(session, shape)
    results = await asyncio.gather(*(session.story(job) for _, job in jobs), return_exceptions=True)
    refused: list[tuple[Row, Story]] = []
    for (row, _), result in zip(jobs, results, strict=True):
        if isinstance(result, NotJudgedError):
            out.unjudged.append(result)
        elif isinstance(result, BaseException):
            raise result
        elif result.is_accepted:
            _take(out, row, result)
        else:
            refused.append((row, result))
        out.sent += not isinstance(result, NotJudgedError)
    for row, story in refused:
        await _blame(session, shape, out, row, story)
    return out


async def _require_plain(session: Session, shape: Shape) -> None:
    """Require that the plainest request of a shape is accepted. Raises BlockedError when it is not."""
    try:
        plain = await session.story(session.least(shape))
    except NotJudgedError:  # without it the rows are judged for themselves
        return
    if not plain.is_accepted and unrelated(session.spec, plain.submit) is None:
        cause = f"{session.spec.name}/{Topic.ANSWERS}/{shape.operation}"
        raise BlockedError(f"rests on {cause}: the plainest request is refused", by=cause)


def _take(out: Acceptance, row: Row, story: Story) -> None:
    out.rows.append((row, story))
    said = [(name, label(value)) for name, value in row.values.items()]
    for name, value in said:
        counts = out.values.setdefault(name, {})
        counts[value] = counts.get(value, 0) + 1
    out.pairs.update((*one, *other) for index, one in enumerate(said) for other in said[index + 1 :])


def label(value: object) -> str:
    """A value as people read it, short."""
    if value is ABSENT:
        return "(left out)"
    if isinstance(value, list):
        return f"{len(value)} entries" if len(value) != 1 else f"1 entry: {label(value[0])}"
    if isinstance(value, FileFacts):
        return f"{value.format} {value.width}x{value.height}{' with alpha' if value.has_alpha else ''}"
    if isinstance(value, str) and len(value) > 40:  # noqa: PLR2004  (what a table can hold)
        return f"{len(value)} characters" + ("" if value.isascii() else ", not all ASCII")
    return value if isinstance(value, str) else repr(value).lower()


async def _blame(session: Session, shape: Shape, out: Acceptance, row: Row, story: Story) -> None:
    """Find the value, or the pair of values, for which a valid row is refused."""
    stranger = unrelated(session.spec, story.submit)
    if stranger is not None:
        out.unjudged.append(InconclusiveError(f"a valid request was refused with {stranger}"))
        return
    suspects = [
        (name, value)
        for name, value in row.values.items()
        if value is not ABSENT and label(value) not in out.values.get(name, {})
    ]
    for name, value in suspects:
        alone = await _alone(session, shape, out, name, value)
        if alone is not None and not alone.is_accepted and unrelated(session.spec, alone.submit) is None:
            rule = _rule_at_fault(session.spec, shape, out, name, value)
            _fault(out, rule, f"{name} = {label(value)} is accepted", alone.submit, session)
            return
    names = [name for name, value in row.values.items() if value is not ABSENT]
    pairs = [
        (one, other)
        for index, one in enumerate(names)
        for other in names[index + 1 :]
        if (one, label(row.values[one]), other, label(row.values[other])) not in out.pairs
    ]
    rule = _rule_between(session.spec, shape, pairs)
    told = ", ".join(f"{name} = {label(row.values[name])}" for name in names)
    _fault(out, rule, f"these values are accepted together: {told}"[:400], story.submit, session)


def _rule_at_fault(spec: Spec, shape: Shape, out: Acceptance, name: str, value: object) -> str:
    """The rule that a refused value speaks of: of those at whose edge it lies, one whose edge was seen nowhere else."""
    item = shape.fields[name]
    seen = [row.values.get(name) for row, _ in out.rows]
    at_edge = [rule for rule in item.rules if _is_at_edge(rule.kind, value)]  # type: ignore[arg-type]
    for rule in at_edge:
        if not any(_is_at_edge(rule.kind, other) for other in seen):  # type: ignore[arg-type]
            return rule.id
    return rule_of_value(spec, shape, item, value)


async def _alone(session: Session, shape: Shape, out: Acceptance, name: str, value: object) -> Story | None:
    body = single(shape, selector_of(session.spec, shape), name, value)
    if body is None:
        return None
    try:
        return await session.story(job_for(session.spec, shape, body))
    except NotJudgedError as error:
        out.unjudged.append(error)
        return None


def _fault(out: Acceptance, rule: str, expected: str, seen: Seen, session: Session) -> None:
    said = read_error(session.spec, seen.operation, None, seen.tree)
    actual = f"refused with status {seen.status}, {said}" + (f": {str(said.message)[:SHOWN]}" if said.message else "")
    good = next((story.submit.id for _, story in out.rows), None)
    out.faults.setdefault(rule, []).append(Fault(expected=expected, actual=actual, bad=seen.id, good=good))


def unrelated(spec: Spec, seen: Seen) -> str | None:
    """The name of a refusal that says nothing about the request: no money, too fast, a moderator's mood."""
    if seen.status in TRY_LATER:
        return f"status {seen.status}, which asks to come back later"
    said = read_error(spec, seen.operation, None, seen.tree)
    for name in NOT_OF_THE_REQUEST:
        answer = spec.errors.get(name)
        if answer is not None and seen.status == answer.status and said.code == answer.code:
            same = [item for item in spec.errors.values() if (item.status, item.code) == (answer.status, answer.code)]
            if len(same) == 1:
                return name
    return None


def rule_of_value(spec: Spec, shape: Shape, item: Field, value: object) -> str:
    """The rule that says that a value is allowed: the one at whose edge it lies, else its list, else its type."""
    kinds = [rule for rule in item.rules if not isinstance(rule.kind, k.Required)]
    for rule in kinds:
        if _is_at_edge(rule.kind, value):  # type: ignore[arg-type]
            return rule.id
    by_kind = (k.OneOf, k.SizeText, k.Url, k.FileFormat, k.Ignored, k.Type)
    for kind in by_kind:
        found = next((rule for rule in kinds if isinstance(rule.kind, kind)), None)
        if found is not None and not (kind is k.Type and value is None):
            return found.id
    return kinds[0].id if kinds else f"{spec.name}/{Topic.ANSWERS}/{shape.operation}"


def _is_at_edge(kind: k.Kind, value: object) -> bool:
    match kind:
        case k.Range(least=least, most=most):
            return value in (least, most) and not isinstance(value, bool)
        case k.Length(least=least, most=most):
            return isinstance(value, str) and len(value) in (least, most)
        case k.Items(least=least, most=most):
            return isinstance(value, list) and len(value) in (least, most) and len(value) != 1
        case k.FileBytes(most=most):
            return any(isinstance(part, FileFacts) and part.size == most for part in _parts(value))
        case k.FileAlpha():
            return any(isinstance(part, FileFacts) and part.has_alpha for part in _parts(value))
        case _:
            return _is_at_edge_of_sizes(kind, value)


def _is_at_edge_of_sizes(kind: k.Kind, value: object) -> bool:
    size = parse_size(value)
    if size is None:
        return False
    width, height = size
    match kind:
        case k.PixelBudget(least=least, most=most):
            return width * height in (least, most)
        case k.EdgeLimit(most=most):
            return max(width, height) == most
        case k.Aspect(most=most):
            return max(width, height) == most * min(width, height)
        case _:
            return False


def _parts(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _rule_between(spec: Spec, shape: Shape, pairs: list[tuple[str, str]]) -> str:
    """The rule between the fields of one of the pairs, if there is one; else that all that is allowed goes together."""
    for one, other in pairs:
        for rule in shape.cross:
            if {one, other} <= fields_of(rule):
                return rule.id
    return f"{spec.name}/{Topic.GENERAL}/combinations"


def fields_of(rule: Rule) -> set[str]:
    """The fields that a rule is about."""
    match rule.kind:
        case k.Requires(field=name, needs=needs):
            return {name, needs}
        case k.Forbids(field=name, excludes=excludes):
            return {name, excludes}
        case k.AtMostOne(fields=names):
            return set(names)
        case k.AllowedWith(field=name, other=other):
            return {name, other}
        case k.SameAs(other=other):
            return {rule.field or "", other}
        case _:
            return {rule.field} if rule.field else set()


def is_served_by(rule: Rule, spec: Spec, shape: Shape, row: Row) -> bool:
    """Whether an accepted row shows that a rule lets pass what it must: one of its own values is in it."""
    if isinstance(rule.kind, k.CrossKind):
        return bool(fields_of(rule) & flattened(row.body).keys())
    value = row.values.get(rule.field or "", ABSENT)
    item = shape.fields.get(rule.field or "")
    if item is None or value is ABSENT:
        return isinstance(rule.kind, k.Required)
    return isinstance(rule.kind, k.Type) or rule_of_value(spec, shape, item, value) == rule.id
