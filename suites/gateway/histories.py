"""The order of what a task tells: looked at over all polls of a story, and over all polls of the state machine."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from imageproof.specs.contract import Topic
from imageproof.specs.model import Phase
from imageproof.suites.gateway.reading import names_of_states, read_answer
from imageproof.suites.gateway.verdicts import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from imageproof.specs.model import Spec
    from imageproof.suites.gateway.ambient import Ambient
    from imageproof.suites.gateway.bench import Seen

WAITS = frozenset({Phase.QUEUED, Phase.RUNNING})  # states that only their names tell apart
RANK = {Phase.QUEUED: 0, Phase.RUNNING: 1, Phase.SUCCEEDED: 2, Phase.FAILED: 2}


def judge_history(spec: Spec, ambient: Ambient, submit: Seen | None, polls: Sequence[Seen]) -> None:
    """Judge the polls of one task, in the order in which they were sent (one after the other).

    `submit` is None for a task that was there before anybody watched.
    """
    if submit is not None:
        _found_at_once(spec, ambient, submit, polls)
    good = [poll for poll in polls if poll.is_good and poll.operation is not None]
    _names(spec, ambient, good)
    _order(spec, ambient, good)
    _progress(spec, ambient, good)
    _same_result(spec, ambient, good)


def _rule(spec: Spec, *parts: str) -> str:
    return "/".join((spec.name, *parts))


def _found_at_once(spec: Spec, ambient: Ambient, submit: Seen, polls: Sequence[Seen]) -> None:
    if not polls:
        return
    rule, first = _rule(spec, Topic.GENERAL, "found-at-once"), polls[0]
    ambient.judged(rule, first.id)
    if not first.is_good:
        after = (first.began_s - submit.ended_s) * 1000
        expected = "a poll right after the submit that finds the task"
        ambient.fault(
            rule,
            Fault(
                expected=expected,
                actual=f"status {first.status}, {after:.0f} ms after its id was answered",
                bad=first.id,
            ),
        )


def phase_of(spec: Spec, poll: Seen) -> Phase | None:
    """The phase that a poll tells; None for a state that the spec does not know."""
    return names_of_states(spec, poll.operation).get(poll.state or "") if poll.operation else None


def _names(spec: Spec, ambient: Ambient, polls: Sequence[Seen]) -> None:
    ambient.phases |= {phase for poll in polls if (phase := phase_of(spec, poll)) is not None}
    for poll in polls:
        phase = phase_of(spec, poll)
        if phase is not None:
            ambient.judged(_rule(spec, Topic.STATES, phase), poll.id)
        elif ambient.phases & WAITS or _says_more(spec, poll):
            _unknown_name(spec, ambient, poll)
        else:
            ambient.unnamed.append(poll)


def settle_names(spec: Spec, ambient: Ambient) -> None:
    """Judge the unknown states that nothing told anything of so far, now that more tasks have been seen."""
    for poll in ambient.unnamed:
        _unknown_name(spec, ambient, poll)
    ambient.unnamed.clear()


def _unknown_name(spec: Spec, ambient: Ambient, poll: Seen) -> None:
    meant = _meant(spec, poll, ambient.phases)
    rule = _rule(spec, Topic.STATES, meant)
    ambient.judged(rule, poll.id)
    wanted = spec.tasks.states.get(meant) if spec.tasks else None
    actual = f"state {poll.state!r}" if poll.state is not None else "no state where it should stand"
    ambient.fault(rule, Fault(expected=f"a {meant} task called {wanted!r}", actual=actual, bad=poll.id))


def _says_more(spec: Spec, poll: Seen) -> bool:
    """Whether an answer in an unknown state tells by what else it holds which state is meant."""
    return _meant(spec, poll, frozenset()) is not Phase.QUEUED


def _meant(spec: Spec, poll: Seen, known: AbstractSet[Phase]) -> Phase:
    """The phase that an unknown state seems to stand for, by what else the answer holds and which names are known."""
    if poll.operation is None:
        return Phase.RUNNING
    succeeded = read_answer(poll.operation, poll.tree, Phase.SUCCEEDED)
    if succeeded.get("image.url") or succeeded.get("image.base64"):
        return Phase.SUCCEEDED
    failed = read_answer(poll.operation, poll.tree, Phase.FAILED)
    if failed.get("failure.code") or failed.get("failure.message"):
        return Phase.FAILED
    states = spec.tasks.states if spec.tasks else {}
    progress = [value for value in read_answer(poll.operation, poll.tree).get("task.progress", []) if value]
    is_running = progress or Phase.QUEUED not in states or (Phase.QUEUED in known and Phase.RUNNING not in known)
    return Phase.RUNNING if is_running else Phase.QUEUED


def _order(spec: Spec, ambient: Ambient, polls: Sequence[Seen]) -> None:
    rule, terminal = _rule(spec, Topic.GENERAL, "order"), _rule(spec, Topic.STATES, "terminal")
    before: tuple[Phase, Seen] | None = None
    for poll in polls:
        phase = phase_of(spec, poll)
        if phase is None:
            continue
        if before is not None:
            was, earlier = before
            ambient.judged(terminal if was.is_final else rule, poll.id)
            if was.is_final and phase is not was:
                fault = Fault(
                    expected=f"a task that stays {earlier.state!r}", actual=f"{poll.state!r} after {earlier.state!r}",
                    bad=poll.id, good=earlier.id,
                )  # fmt: skip
                ambient.fault(terminal, fault)
                return
            if RANK[phase] < RANK[was]:
                fault = Fault(
                    expected=f"a state after {earlier.state!r}", actual=f"back to {poll.state!r}", bad=poll.id,
                    good=earlier.id,
                )  # fmt: skip
                ambient.fault(rule, fault)
        before = (phase, poll)


def _progress(spec: Spec, ambient: Ambient, polls: Sequence[Seen]) -> None:
    if spec.tasks is None or not spec.tasks.progress:
        return
    rule = _rule(spec, Topic.STATES, "progress")
    last, where = -1.0, 0
    for poll in polls:
        values = read_answer(poll.operation, poll.tree).get("task.progress", []) if poll.operation else []
        number = next((float(value) for value in values if isinstance(value, int | float)), None)
        if number is None or phase_of(spec, poll) is Phase.FAILED:
            continue  # how far a failed task had come is nobody's promise
        ambient.judged(rule, poll.id)
        if number < last:
            fault = Fault(
                expected="progress that never falls", actual=f"{number:g} after {last:g}", bad=poll.id, good=where
            )
            ambient.fault(rule, fault)
        last, where = number, poll.id


def _same_result(spec: Spec, ambient: Ambient, polls: Sequence[Seen]) -> None:
    """How many images there are, and the failure, are the same in all polls after the end; URLs may be signed anew."""
    rule = _rule(spec, Topic.GENERAL, "same-result")
    ends = [poll for poll in polls if (phase := phase_of(spec, poll)) is not None and phase.is_final]
    for first, later in pairwise(ends):
        ambient.judged(rule, later.id)
        before, after = _result(first), _result(later)
        if before != after:
            fault = Fault(
                expected="the same result at each poll after the end",
                actual=f"{_told(after)} after {_told(before)}",
                bad=later.id,
                good=first.id,
            )
            ambient.fault(rule, fault)


def _result(poll: Seen) -> dict[str, object]:
    values = read_answer(poll.operation, poll.tree) if poll.operation else {}
    count = len(values.get("image.url", [])) or len(values.get("image.base64", []))
    return {"images": count, "failure": values.get("failure.code", [])}


def _told(result: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in result.items() if value) or "no result"
