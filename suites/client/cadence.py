"""When a client polls, against what the documents advise. Early is worse than late.

Laws: an interval is as long as it may have been for the client, whichever way is in its favour; whatever follows an
error, a lost answer or a Retry-After is backoff and no cadence.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from imageproof.specs.client import cadence_id
from imageproof.suites.client.scene import DOUBTFUL, fault_words, header
from imageproof.suites.client.watch import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imageproof.records.lines import Exchange
    from imageproof.specs.model import Polling, PollPhase
    from imageproof.suites.client.scene import Scene

LATE = 2.0  # later than so many times the advice is late
HELD_UP_S = 0.5  # real seconds for which a busy machine may hold up a client itself
MOST_TOLD = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """One poll with what was sent again after it failed: from the first request to the last answer."""

    first: Exchange
    last: Exchange
    is_steady: bool  # it was answered at once, and with a state


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """One wait: at least and at most how long it was, in account seconds, and how long it should be."""

    poll: Exchange
    before: Exchange
    at_least_s: float
    at_most_s: float
    least_s: float
    most_s: float
    may_be_late: bool


def check_cadence(scene: Scene) -> Iterator[Remark]:
    """One remark for each task whose polls can be judged."""
    polling = scene.spec.tasks.polling if scene.spec.tasks else None
    if polling is None or not scene.is_timed:
        return
    for task, polls in scene.polls.items():
        order = scene.order_of(task)
        if order is None or not scene.is_told(order):
            continue
        gaps = [gap for gap in _gaps(scene, polling, order, polls) if _can_be_judged(scene, gap)]
        if gaps:
            yield _remark(scene, gaps)


def _can_be_judged(scene: Scene, gap: Gap) -> bool:
    """Whether this machine's clock is fine enough to see that a wait is too short; a long one is seen by any."""
    return scene.tolerance_s(gap.least_s) < gap.least_s or _is_late(scene, gap)


def _tries(scene: Scene, polls: Sequence[Exchange]) -> list[Try]:
    out: list[Try] = []
    for poll in polls:
        is_steady = scene.state(poll) is not None and header(poll, "retry-after") is None
        is_steady = is_steady and not fault_words(poll) & DOUBTFUL
        if out and not out[-1].is_steady:
            out[-1] = Try(first=out[-1].first, last=poll, is_steady=is_steady)
        else:
            out.append(Try(first=poll, last=poll, is_steady=is_steady))
    return out


def _gaps(scene: Scene, polling: Polling, order: Exchange, polls: Sequence[Exchange]) -> Iterator[Gap]:
    tries = _tries(scene, polls)
    born, told = scene.began(order), scene.ended(order)
    first = tries[0].first
    _, most = _advised(polling, (polling.first_s, polling.first_s), 0.0)
    yield Gap(
        poll=first,
        before=order,
        at_least_s=scene.began(first) - told,
        at_most_s=scene.began(first) - born,
        least_s=polling.first_s,
        most_s=polling.first_s + most,
        may_be_late=False,
    )
    for before, after in pairwise(tries):
        start, end = scene.began(before.first), scene.began(after.first)
        span = (scene.began(before.first) - told, end - born)
        least, most = _advised(polling, span, scene.slack_s + scene.tolerance_s(scene.began(before.first) - born))
        at_most = end - start
        if before.first is not before.last:  # tried again: the client may count from any of them
            at_most = max(at_most, least)
        yield Gap(
            poll=after.first,
            before=before.last,
            at_least_s=end - scene.ended(before.last),
            at_most_s=at_most,
            least_s=least,
            most_s=most,
            may_be_late=before.first is not before.last,
        )


def _advised(polling: Polling, span: tuple[float, float], slack_s: float) -> tuple[float, float]:
    """The least and the most of all phases that lie within a span of seconds since the submit."""
    since, out = 0.0, []
    for phase in polling.phases:
        if _meets(phase, since, (span[0] - slack_s, span[1] + slack_s)):
            out.append(phase.every_s)
        since = phase.until_s if phase.until_s is not None else since
    out = out or [polling.phases[-1].every_s]
    return min(least for least, _ in out), max(most for _, most in out)


def _meets(phase: PollPhase, since_s: float, span: tuple[float, float]) -> bool:
    return span[1] >= since_s and (phase.until_s is None or span[0] <= phase.until_s)


def _is_early(scene: Scene, gap: Gap) -> bool:
    return gap.at_most_s < gap.least_s - scene.tolerance_s(gap.least_s)


def _is_late(scene: Scene, gap: Gap) -> bool:
    excused = scene.tolerance_s(gap.most_s) + HELD_UP_S * scene.watch.scale + scene.held_s
    return not gap.may_be_late and gap.at_least_s > LATE * gap.most_s + excused


def _remark(scene: Scene, gaps: Sequence[Gap]) -> Remark:
    early = [gap for gap in gaps if _is_early(scene, gap)]
    late = [gap for gap in gaps if _is_late(scene, gap)]
    details = {
        "intervals_s": ", ".join(f"{gap.at_most_s:.3f}" for gap in gaps[:MOST_TOLD]),
        "tolerance_s": f"{scene.tolerance_s(gaps[0].least_s):.3f}",
        "scale": f"{scene.watch.scale:g}",
        "jitter_s": f"{scene.watch.jitter_s:.4f}",
    }
    rule = cadence_id(scene.spec)
    if not early and not late:
        return Remark(rule=rule, ok=True, others=tuple(gap.poll.id for gap in gaps), details=details)
    worst = (
        min(early, key=lambda gap: gap.at_most_s / gap.least_s)
        if early
        else max(late, key=lambda gap: gap.at_least_s / gap.most_s)
    )
    seen = worst.at_most_s if early else worst.at_least_s
    after = "the submit" if worst is gaps[0] else "the poll before"
    count = f" ({len(early or late)} of {len(gaps)} waits)" if len(early or late) > 1 else ""
    return Remark(
        rule=rule,
        ok=False,
        expected=f"{worst.least_s:g} to {worst.most_s:g} s after {after}",
        actual=f"a poll came {seen:.2f} s after {after}: {'early' if early else 'late'}{count}",
        bad=worst.poll.id,
        good=worst.before.id,
        others=tuple(gap.poll.id for gap in (early or late))[:10],
        details=details,
    )
