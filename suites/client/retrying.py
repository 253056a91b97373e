"""What a client sends again, and when: orders that may have been taken, final refusals, Retry-After, backoff."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from imageproof.specs.advice import TriesAtMost
from imageproof.specs.model import Phase
from imageproof.suites.client.scene import ERROR, SERVER_ERROR
from imageproof.suites.client.tries import gaps_of, key_of, retried, series, tells_nothing_to_obey, told_to_wait
from imageproof.suites.client.watch import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from imageproof.records.lines import Exchange
    from imageproof.specs.model import ErrorAnswer
    from imageproof.suites.client.scene import Scene

DATE_S = 1.0  # dates are whole seconds
GROWS = 1.2  # a later gap that is longer by this share has grown
STEADY = 0.8
LONG_S = 30.0  # who waits so long need not wait longer
ENOUGH = 3
SHORT_S = 0.5  # no wait between two tries
HASTE_S = 0.2  # who waits less has not waited
COARSE = 3.0  # waits are compared when they are longer than so many times what they may be off by


def check_submits_once(scene: Scene) -> Iterator[Remark]:
    """An order that may have been taken is not sent again, and no more orders are taken than the job needs."""
    if not scene.creates:
        return
    rule = f"{scene.prefix}submits-once"
    most = scene.watch.scenario.expected.submits if scene.watch.scenario else None
    again = list(_again_after_nothing(scene))
    excused = _excused_tries(scene)
    taken = _taken(scene)
    surplus = len(taken) - most if most is not None else 0
    if surplus > min(len(again) + _after_server_errors(scene), excused):
        yield Remark(
            rule=rule,
            ok=False,
            expected=f"at most {most} accepted for this job",
            actual=f"{len(taken)} were accepted",
            bad=taken[most or 0],
            good=taken[0],
            others=tuple(taken),
        )
    elif len(again) > excused:
        before, after = again[excused]
        words = "the answer never came, so it may have been taken"
        yield Remark(
            rule=rule,
            ok=False,
            expected=f"an order is not sent again when {words}",
            actual=f"the same order was sent again after {scene.began(after) - scene.ended(before):.2f} s",
            bad=after.id,
            good=before.id,
        )
    else:
        yield Remark(rule=rule, ok=True, others=tuple(item.id for item in scene.creates))


def _taken(scene: Scene) -> list[int]:
    """The ids of the exchanges that ordered a job, as far as the provider took it."""
    known = {truth.exchange for truth in scene.watch.truths}
    answered = {
        item.id
        for item in scene.creates
        if (status := scene.status(item)) is not None and status < ERROR and not scene.error(item)
    }
    return [truth.exchange for truth in scene.watch.truths] if known else sorted(answered)


def _again_after_nothing(scene: Scene) -> Iterator[tuple[Exchange, Exchange]]:
    for same in series(scene, scene.creates):
        for before, after in pairwise(same):
            if scene.status(before) is None and scene.is_in_sequence(before, after, are_same=True):
                yield before, after


def _after_server_errors(scene: Scene) -> int:
    """How many orders were sent again after a 5xx, where the provider itself advises that."""
    if not any("5xx" in item.on for item in scene.spec.checks.values() if isinstance(item, TriesAtMost)):
        return 0
    pairs = (pair for same in series(scene, scene.creates) for pair in pairwise(same))
    return sum(
        (scene.status(before) or 0) >= SERVER_ERROR and scene.is_in_sequence(before, after, are_same=True)
        for before, after in pairs
    )


def _excused_tries(scene: Scene) -> int:
    """How often the provider itself advises to send an order again that nobody answered."""
    found = (item for item in scene.spec.checks.values() if isinstance(item, TriesAtMost) and "timeout" in item.on)
    return max((item.times - 1 for item in found), default=0)


def check_never_retried(scene: Scene) -> Iterator[Remark]:
    """An order that was refused for good, or whose job failed for good, is not sent again as it is."""
    rule = f"{scene.prefix}never-retried"
    for at, refused in enumerate(scene.creates):
        name = _final_refusal(scene, refused)
        if name is None:
            continue
        last = _final_poll(scene, refused) or refused
        told, key = scene.ended(last), key_of(scene, refused)
        again = next(
            (
                item
                for item in scene.creates[at + 1 :]
                if key_of(scene, item) == key and scene.is_in_sequence(last, item, are_same=True)
            ),
            None,
        )
        yield Remark(
            rule=rule,
            ok=again is None,
            expected=f"what ends with {name} is not sent again as it is",
            actual="" if again is None else f"the same order was sent again after {scene.began(again) - told:.2f} s",
            bad=again.id if again else None,
            good=refused.id,
        )
        if again is not None:
            return


def _final_refusal(scene: Scene, create: Exchange) -> str | None:
    """The name of the error that ended an order for good; None where it did not, or may pass."""
    errors = scene.error(create)
    if errors:
        return errors[0].name if all(_is_final(scene, item) for item in errors) else None
    final = _final_poll(scene, create)
    if final is None or scene.spec.tasks is None:
        return None
    said = scene.failure_code(final)
    fitting = [item for item in scene.spec.tasks.failures.values() if said is not None and str(item.code) == str(said)]
    return fitting[0].name if fitting and all(item.retry == "never" for item in fitting) else None


def _is_final(scene: Scene, error: ErrorAnswer) -> bool:
    """Whether the same order can only be refused again. In a scenario nobody tops up the account."""
    return error.retry == "never" or (error.retry == "after_top_up" and scene.watch.scenario is not None)


def _final_poll(scene: Scene, create: Exchange) -> Exchange | None:
    polls = scene.polls.get(scene.accepted_task(create) or "", ())
    return next((item for item in polls if scene.phase(item) is Phase.FAILED), None)


def check_retry_after(scene: Scene) -> Iterator[Remark]:
    """The next request of the same kind comes no earlier than Retry-After tells."""
    if not scene.is_timed:
        return
    polled = [item for polls in scene.polls.values() for item in polls]
    for at, told in enumerate(scene.all):
        wait = told_to_wait(told) if scene.status(told) is not None else None
        operation = scene.operation_of(told)
        if wait is None or (scene.status(told) or 0) < ERROR:
            continue
        wait_s, is_date = wait
        key = key_of(scene, told)
        later = (
            item
            for item in scene.all[at + 1 :]
            if item.operation == told.operation
            and scene.operation_of(item) is operation
            and (told not in polled or item.task == told.task)
            and (operation is not None or item.request.url == told.request.url)
            and scene.is_in_sequence(told, item, are_same=key_of(scene, item) == key)
        )
        following = next(later, None)
        slack = scene.grain_s(wait_s) + (DATE_S if is_date else 0.0)
        if following is None or slack >= wait_s:
            continue
        waited = scene.began(following) - scene.began(told)
        ok = waited >= wait_s - slack
        yield Remark(
            rule=f"{scene.prefix}retry-after",
            ok=ok,
            expected=f"{wait_s:g} s pass before the next {told.operation or 'request'}",
            actual="" if ok else f"the next one came after {waited:.2f} s",
            bad=None if ok else following.id,
            good=told.id,
            details={"told_s": f"{wait_s:g}", "waited_s": f"{waited:.3f}", "tolerance_s": f"{slack:.3f}"},
        )


def check_backoff(scene: Scene) -> Iterator[Remark]:
    """The gaps between three or more tries of the same request grow."""
    if not scene.is_timed:
        return
    least = _poll_pause(scene)
    polled = [item for polls in scene.polls.values() for item in polls]
    for run in retried(scene, (*scene.creates, *polled, *scene.downloads)):
        if len(run) < ENOUGH or any(told_to_wait(item) for item in run[:-1]):
            continue
        pause = least if run[0].task and run[0] in polled else LONG_S
        yield from remark_on_gaps(scene, run, rule=f"{scene.prefix}backoff", enough_s=pause)
    yield from _haste(scene)


def _haste(scene: Scene) -> Iterator[Remark]:
    """Whoever is told a Retry-After that can't be obeyed, and tries again, waits for a while of its own."""
    grain = scene.grain_s(HASTE_S)
    if not scene.is_timed or grain >= HASTE_S:
        return
    for run in retried(scene, (*scene.creates, *(item for polls in scene.polls.values() for item in polls))):
        for told, after in pairwise(run):
            if not tells_nothing_to_obey(told):
                continue
            gap = max(0.0, scene.began(after) - scene.ended(told))
            ok = gap >= HASTE_S - grain
            yield Remark(
                rule=f"{scene.prefix}backoff",
                ok=ok,
                expected="a wait of its own after a Retry-After that can't be obeyed, or no further try",
                actual="" if ok else f"the next try came after {gap:.3f} s",
                bad=None if ok else after.id,
                good=told.id,
            )


def _poll_pause(scene: Scene) -> float:
    polling = scene.spec.tasks.polling if scene.spec.tasks else None
    return min((phase.every_s[0] for phase in polling.phases), default=LONG_S) if polling else LONG_S


def remark_on_gaps(scene: Scene, run: Sequence[Exchange], *, rule: str, enough_s: float) -> Iterator[Remark]:
    """Whether the gaps of a run of tries grow. `enough_s` are seconds that need not grow any more."""
    gaps = gaps_of(scene, run)
    ok = _is_backoff(scene, gaps, enough_s)
    if ok is None:
        return
    shown = ", ".join(f"{gap:.2f}" for gap in gaps[:10])
    yield Remark(
        rule=rule,
        ok=ok,
        expected="each wait before another try is longer than the one before",
        actual="" if ok else f"{len(run)} tries with waits of {shown} s",
        bad=None if ok else run[-1].id,
        good=run[0].id,
        others=tuple(item.id for item in run[:10]),
        details={"gaps_s": shown},
    )


def _is_backoff(scene: Scene, gaps: Sequence[float], enough_s: float) -> bool | None:
    """Whether waits grow, whatever chance is mixed in; None where this machine's clock is too coarse to tell."""
    first, later = gaps[0], gaps[1:]
    if min(gaps) >= enough_s - scene.tolerance_s(enough_s):
        return True
    if max(gaps) <= scene.slack_s:
        return False if scene.slack_s < SHORT_S else None
    if max(later) > GROWS * first:
        return True
    if max(later) > GROWS * (first - scene.held_s):  # it may have grown, and the machine hides it
        return None
    if len(gaps) < ENOUGH and later[0] < STEADY * first:  # two waits with full jitter: chance, which proves nothing
        return None
    return False if first > COARSE * scene.slack_s else None
