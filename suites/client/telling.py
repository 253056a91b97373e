"""What a client tells its caller, against the truth: that it ends, the outcome, the images, their bytes."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from imageproof.specs.fault_tasks import BrokenResult
from imageproof.specs.scenario import Outcome
from imageproof.specs.scenario_reading import KINDS_OF_ERROR
from imageproof.suites.client.watch import End, Remark, Told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.suites.client.scene import Scene

BAD_ENDS = {
    End.CRASHED: "crashed",
    End.HUNG: "had not ended when its time was over",
    End.FLOODED: "wrote more than anybody reads",
    End.UNANSWERED: "never answered",
}
GIVES_UP, CALL_BACKS = "gives-up", "call-backs"


def is_broken(scene: Scene) -> bool:
    """Whether the client did not come to an end of its own, so that what it told is no answer."""
    return scene.watch.ending.end in BAD_ENDS


def is_about_giving_up(scene: Scene) -> bool:
    """Whether a client that waits for ever is what the scenario is about."""
    scenario = scene.watch.scenario
    return scenario is not None and scenario.expected.rule == GIVES_UP


def check_ends(scene: Scene) -> Iterator[Remark]:
    """A client comes to an end without a crash. One that waits for a stuck job is blamed under `gives-up`."""
    end = scene.watch.ending.end
    if end in (End.NOT_STARTED, End.WATCHED) or (end is End.HUNG and is_about_giving_up(scene)):
        return
    ending, rule = scene.watch.ending, f"{scene.prefix}ends"
    if end not in BAD_ENDS:
        yield Remark(rule=rule, ok=True)
        return
    code = "" if ending.code is None else f" with code {ending.code}"
    details = {"seconds": f"{ending.seconds:.3f}"} | ({"output": ending.output[-1000:]} if ending.output else {})
    expected = "the client comes to an end by itself, without a crash"
    actual = f"it {BAD_ENDS[end]}{code if end is End.CRASHED else f', after {ending.seconds:.1f} s'}"
    last = scene.all[-1].id if scene.all else None
    yield Remark(rule=rule, ok=False, expected=expected, actual=actual, bad=last, details=details)


def _said(scene: Scene) -> str:
    answer, ending = scene.watch.answer, scene.watch.ending
    if answer.told is Told.SILENT:
        return f"it ended with exit code {ending.code}"
    more = ", ".join(f"{name} {value!r}" for name, value in (("kind", answer.kind), ("code", answer.code)) if value)
    return f"it said {answer.told}" + (f" ({more})" if more else "")


def check_outcome(scene: Scene) -> Iterator[Remark]:
    """The outcome is the one that the scenario asks for. A wrong one breaks the rule that the scenario names."""
    scenario, told = scene.watch.scenario, scene.told
    if scenario is None:
        yield from _watched(scene)
        return
    expected, ending = scenario.expected, scene.watch.ending
    if told is None and (ending.end is not End.EXITED or expected.outcome is not Outcome.DONE):
        return
    rule = f"{scene.prefix}{'outcome' if _did_not_listen(scene) else expected.rule}"
    last = scene.all[-1].id if scene.all else None
    wanted = Outcome(told.value) if told else None
    fits = told is not None and expected.outcome in (wanted, Outcome.EITHER)
    if not fits and is_broken(scene):
        return  # it is blamed for its end
    if not fits:
        says = {
            Outcome.DONE: f"the job succeeds, and the client says done ({scenario.teaches})",
            Outcome.FAILED: f"the job can't succeed, and the client says failed ({scenario.teaches})",
        }
        yield Remark(rule=rule, ok=False, expected=says.get(expected.outcome, ""), actual=_said(scene), bad=last)
        return
    if told is Told.DONE and not any(truth.succeeded for truth in scene.watch.truths):
        words, actual = "a client says done when a job that it ordered was done", f"{_said(scene)}, and none was"
        yield Remark(rule=f"{scene.prefix}outcome", ok=False, expected=words, actual=actual, bad=last)
        return
    yield Remark(rule=rule, ok=True)
    kind = scene.watch.answer.kind
    if told is Told.FAILED and expected.outcome is Outcome.FAILED and expected.kinds and kind in KINDS_OF_ERROR:
        fits = kind in expected.kinds
        words = f"the failure is of the kind {' or '.join(expected.kinds)}"
        actual = "" if fits else f"it said kind {kind!r}"
        yield Remark(rule=f"{scene.prefix}outcome", ok=fits, expected=words, actual=actual, bad=None if fits else last)


def _did_not_listen(scene: Scene) -> bool:
    """Whether a scenario is about call backs, and nobody took one: it was a plain job then."""
    scenario = scene.watch.scenario
    return scenario is not None and scenario.expected.rule == CALL_BACKS and not scene.watch.call_backs


def _watched(scene: Scene) -> Iterator[Remark]:
    """Without a scenario the provider's truth says what became of the only job."""
    truths, told = scene.watch.truths, scene.told
    if len(truths) != 1 or truths[0].ended_s is None or told not in (Told.DONE, Told.FAILED):
        return
    truth = truths[0]
    if told is Told.DONE or not truth.succeeded:  # a failure told may have come before the end of the job
        ok = (told is Told.DONE) == truth.succeeded
        actual = "" if ok else _said(scene)
        expected = f"the job {'succeeded' if truth.succeeded else 'failed'}, and the client says so"
        bad = None if ok else truth.exchange
        yield Remark(rule=f"{scene.prefix}outcome", ok=ok, expected=expected, actual=actual, bad=bad)


def check_images(scene: Scene) -> Iterator[Remark]:
    """All images of the job were delivered, each once, byte for byte. Judged where the client told digests."""
    given = scene.watch.answer.images
    truths = [truth for truth in scene.watch.truths if truth.succeeded]
    if scene.told is not Told.DONE or given is None or is_broken(scene) or not truths:
        return
    had, known = Counter(given), {digest for truth in truths for digest in truth.images}
    wanted = _wanted(scene, had)
    order = truths[0].exchange
    foreign = Counter({digest: count for digest, count in had.items() if digest not in known})
    missing, surplus = wanted - had, had - foreign - wanted
    details = {"told": ", ".join(given) or "none", "true": ", ".join(wanted.elements())}
    whole = "the images are those of the job, byte for byte"
    if not _nobody_can_tell(scene):
        actual = f"{foreign.total()} of {had.total()} are not: {next(iter(foreign))[:16]}..." if foreign else ""
        yield Remark(
            rule=f"{scene.prefix}bytes",
            ok=not foreign,
            expected=whole,
            actual=actual,
            bad=order if foreign else None,
            details=details,
        )
    short = max(0, missing.total() - foreign.total())
    ok = not short and not surplus and had.total() == wanted.total()
    expected = f"the job has {wanted.total()} images, and each is delivered once"
    actual = "" if ok else f"it delivered {had.total()}" + (f", {surplus.total()} of them again" if surplus else "")
    bad = None if ok else order
    yield Remark(rule=f"{scene.prefix}images", ok=ok, expected=expected, actual=actual, bad=bad, details=details)


def _wanted(scene: Scene, had: Counter[str]) -> Counter[str]:
    """The images that the client should have: those of all jobs, or of the one that fits where it ordered again."""
    truths = [truth for truth in scene.watch.truths if truth.succeeded]
    every = Counter(digest for truth in truths for digest in truth.images)
    named = [truth for truth in truths if truth.task == scene.watch.answer.task]
    expected = scene.watch.scenario.expected.images if scene.watch.scenario else None
    choices = [Counter(truth.images) for truth in (named or truths)]
    if len(truths) > 1 and (expected is None or every.total() == expected):
        choices = [*choices, every] if expected is None else [every]
    elif expected is not None:
        choices = [item for item in choices if item.total() == expected] or choices
    return max(choices, key=lambda item: ((item & had).total() - (item - had).total(), item.total()))


def _nobody_can_tell(scene: Scene) -> bool:
    """Whether the provider serves the image of another job, whole and as it was ordered; all else can be seen."""
    scenario = scene.watch.scenario
    if scenario is None or scenario.expected.outcome is not Outcome.EITHER:
        return False
    return any(fault.what == BrokenResult("foreign") for fault in scenario.faults)
