"""How a client follows a job: to its end, no further, and not away from it too early."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from imageproof.specs.fault_tasks import ShortLived, Stuck
from imageproof.specs.model import Phase
from imageproof.specs.scenario import Outcome
from imageproof.suites.client.scene import DOUBTFUL, ERROR, NOT_FOUND, fault_words, header
from imageproof.suites.client.telling import is_about_giving_up, is_broken
from imageproof.suites.client.watch import End, Remark, Told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imageproof.records.lines import Exchange
    from imageproof.suites.client.scene import Scene

IDLE_S = 4.0  # real seconds: the shortest time after which common HTTP libraries drop an idle connection
SEQUENTIAL = 4
GRACE = 1.2
GRACE_S = 5.0  # real seconds


def _has_given_up(scene: Scene) -> bool:
    """Whether the client said or showed that it does not wait any more for a job that has not succeeded for it."""
    return not is_broken(scene) and (scene.told is Told.FAILED or scene.watch.answer.gave_up)


def check_survives(scene: Scene) -> Iterator[Remark]:
    """After a passing error on a poll the client goes on, where the job succeeds."""
    expected = scene.watch.scenario.expected if scene.watch.scenario else None
    if expected is not None and (expected.outcome is not Outcome.DONE or expected.rule == "survives"):
        return
    for task, polls in scene.polls.items():
        truth = scene.truth_of(task)
        if truth is None or not truth.succeeded:
            continue
        troubled = [item for item in polls if scene.is_passing(item)]
        if not troubled:
            continue
        last = polls[-1]
        gone = scene.is_passing(last)
        if gone and not _has_given_up(scene):
            continue  # it may only have been watched no longer
        words = f"status {scene.status(last)}" if scene.status(last) else "no answer"
        yield Remark(
            rule=f"{scene.prefix}survives",
            ok=not gone,
            expected="the client polls on after an error that passes: the job goes on and succeeds",
            actual=f"it gave up after {words} to a poll" if gone else "",
            bad=last.id if gone else None,
            others=tuple(item.id for item in troubled[:10]),
        )


def longest_s(scene: Scene) -> float | None:
    """How long a good client waits for a job, in account seconds: as advised, else the longest documented run."""
    polling = scene.spec.tasks.polling if scene.spec.tasks else None
    if polling and polling.give_up_s:
        return polling.give_up_s
    order = scene.watch.order
    model = scene.spec.models.get(order.model) if order else None
    models = [model] if model else list(scene.spec.models.values())
    runs = [duration.seconds[1] for item in models for duration in item.durations]
    return max(runs) + scene.spec.queue_s[1] if runs else None


def check_patience(scene: Scene) -> Iterator[Remark]:
    """A job that still runs is not given up before the time that it may take."""
    longest = longest_s(scene)
    if longest is None or not scene.is_timed:
        return
    for task, polls in scene.polls.items():
        order, last = scene.order_of(task), polls[-1]
        truth = scene.truth_of(task)
        if order is None or (truth is not None and not truth.succeeded):
            continue
        if scene.phase(last) in (Phase.QUEUED, Phase.RUNNING) and _has_given_up(scene):
            waited = scene.over - scene.began(order)
            yield _patience(scene, last, waited, longest)
        elif scene.phase(last) is Phase.SUCCEEDED:
            yield Remark(rule=f"{scene.prefix}patience", ok=True, others=(last.id,))
    for create in scene.creates:
        if scene.is_synchronous(create):
            yield from _patience_for_answer(scene, create, longest)


def _patience(scene: Scene, last: Exchange, waited: float, longest: float) -> Remark:
    ok = waited >= longest - scene.tolerance_s(longest)
    return Remark(
        rule=f"{scene.prefix}patience",
        ok=ok,
        expected=f"a job that still runs is waited for {longest:g} s",
        actual="" if ok else f"the client gave it up after {waited:.1f} s at the latest",
        bad=None if ok else last.id,
    )


def _patience_for_answer(scene: Scene, create: Exchange, longest: float) -> Iterator[Remark]:
    waited = scene.ended(create) - scene.began(create)
    if scene.left(create):
        yield _patience(scene, create, waited, longest)
    elif scene.is_told(create) and (scene.status(create) or ERROR) < ERROR:
        yield Remark(rule=f"{scene.prefix}patience", ok=True, others=(create.id,))


def check_gives_up(scene: Scene) -> Iterator[Remark]:
    """A job that never ends is given up in the time of the scenario."""
    scenario, end = scene.watch.scenario, scene.watch.ending.end
    if scenario is None or scene.spec.tasks is None or end in (End.NOT_STARTED, End.WATCHED):
        return
    is_stuck = any(isinstance(fault.what, Stuck) for fault in scenario.faults)
    if not (is_stuck or is_about_giving_up(scene)) or not scene.polls:
        return
    rule, last = f"{scene.prefix}gives-up", scene.all[-1]
    expected = f"the client gives up within {scenario.within_s:g} s and says failed"
    if end is End.HUNG:
        actual = "it was still waiting when its time was over"
        yield Remark(rule=rule, ok=False, expected=expected, actual=actual, bad=last.id)
        return
    latest = scene.ended(last) - scene.began(scene.all[0])
    if is_broken(scene) or scene.told is None:
        return
    late = scene.is_timed and latest > GRACE * scenario.within_s + GRACE_S * scene.watch.scale
    ok = scene.told is Told.FAILED and not late
    actual = f"its last request came {latest:.1f} s after the first" if late else f"it said {scene.told}"
    bad = None if ok else last.id
    yield Remark(rule=rule, ok=ok, expected=expected, actual="" if ok else actual, bad=bad)


def check_after_end(scene: Scene) -> Iterator[Remark]:
    """No poll is sent once the end of the task is known with all that belongs to it."""
    for polls in scene.polls.values():
        at = next((index for index, item in enumerate(polls) if _tells_end(scene, item)), None)
        if at is None:
            continue
        known = scene.ended(polls[at])
        under_way_s = scene.slack_s + scene.held_s
        later = [item for item in polls[at + 1 :] if scene.began(item) > known + under_way_s]
        if later and _had_to_ask_again(scene, known, scene.began(later[0])):
            continue
        ok = not later
        yield Remark(
            rule=f"{scene.prefix}after-end",
            ok=ok,
            expected=f"no poll after the task is {scene.state(polls[at])}",
            actual="" if ok else f"{len(later)} came, the first {scene.began(later[0]) - known:.2f} s later",
            bad=None if ok else later[0].id,
            good=polls[at].id,
            others=tuple(item.id for item in later[1:10]),
        )


def _tells_end(scene: Scene, poll: Exchange) -> bool:
    """Whether an answer tells the end, and holds what an end holds: images, or why there are none."""
    phase = scene.phase(poll)
    if phase is None or not phase.is_final or fault_words(poll) & DOUBTFUL:
        return False
    content = poll.response.body if poll.response else None
    return (content is not None and content.cut) or scene.is_whole_end(poll, phase)


def _had_to_ask_again(scene: Scene, since: float, until: float) -> bool:
    """Whether a result could not be fetched in the meantime, so that a new URL may have been asked for."""
    return any(
        since <= scene.ended(item)
        and scene.began(item) <= until
        and ((scene.status(item) or ERROR) >= ERROR or item.fault)
        for item in scene.downloads
    )


def check_unknown_state(scene: Scene) -> Iterator[Remark]:
    """After a state that no document names the client polls on."""
    for polls in scene.polls.values():
        for at, item in enumerate(polls):
            if scene.state(item) is None or scene.phase(item) is not None:
                continue
            went_on = len(polls) > at + 1
            if not went_on and (not scene.has_stopped or is_broken(scene)):
                continue
            yield Remark(
                rule=f"{scene.prefix}unknown-state",
                ok=went_on,
                expected=f"the client polls on after the unknown state {scene.state(item)!r}",
                actual="" if went_on else "it was its last poll",
                bad=None if went_on else item.id,
            )
            break


def check_in_time(scene: Scene) -> Iterator[Remark]:
    """Results are fetched in their lifetime."""
    lifetime = _lifetime_s(scene)
    ends = [truth for truth in scene.watch.truths if truth.succeeded and truth.ended_s is not None]
    if lifetime is None or not ends or not scene.downloads:
        return
    worst = max(scene.downloads, key=lambda item: _age(scene, item))
    age = _age(scene, worst)
    ok = age <= lifetime + scene.slack_s
    gone = (scene.status(worst) or NOT_FOUND) >= ERROR
    if not ok and not gone:
        ok = True  # it was there all the same
    yield Remark(
        rule=f"{scene.prefix}in-time",
        ok=ok,
        expected=f"results are fetched within {lifetime:g} s of the end of the job",
        actual="" if ok else f"one was asked for {age:.0f} s after it",
        bad=None if ok else worst.id,
    )


def _lifetime_s(scene: Scene) -> float | None:
    """How long results can be fetched: as documented, or shorter where the scenario says so."""
    documented = scene.spec.results.expires_s if scene.spec.results else None
    faults = scene.watch.scenario.faults if scene.watch.scenario else ()
    short = [fault.what.seconds for fault in faults if isinstance(fault.what, ShortLived)]
    return min(short, default=documented)


def _age(scene: Scene, download: Exchange) -> float:
    own = scene.truth_of(download.task)
    ends = [own.ended_s] if own else [truth.ended_s for truth in scene.watch.truths if truth.succeeded]
    return scene.began(download) - max((end for end in ends if end is not None), default=scene.began(download))


def check_connections(scene: Scene) -> Iterator[Remark]:
    """Polls that follow each other soon share a connection, as long as the server keeps it open."""
    for polls in scene.polls.values():
        if len(polls) < SEQUENTIAL or any(item.connection is None for item in polls):
            continue
        pairs = list(_kept_pairs(scene, polls))
        if len(pairs) < SEQUENTIAL - 1:
            continue
        fresh = [after for _, after in pairs if after.connection not in _used_before(scene, after)]
        ok = len(fresh) * 2 <= len(pairs)
        yield Remark(
            rule=f"{scene.prefix}connections",
            ok=ok,
            expected="polls that follow each other go over one connection",
            actual="" if ok else f"{len(fresh)} of {len(pairs)} polls opened a new one",
            bad=None if ok else fresh[0].id,
            others=tuple(item.id for item in fresh[1:10]),
            details={"connections": ", ".join(str(item.connection) for item in polls[:50])},
        )


def _used_before(scene: Scene, exchange: Exchange) -> set[int | None]:
    return {
        item.connection for item in scene.all if scene.began(item) <= scene.began(exchange) and item is not exchange
    }


def _kept_pairs(scene: Scene, polls: Sequence[Exchange]) -> Iterator[tuple[Exchange, Exchange]]:
    """Polls that follow each other so soon, and so well, that nobody had a reason to close the connection."""
    for before, after in pairwise(polls):
        idle = after.began_s - before.ended_s
        closed = (header(before, "connection") or "").lower() == "close" or not scene.is_told(before)
        if 0 <= idle < IDLE_S and not closed and not before.fault and not after.fault:
            yield before, after
