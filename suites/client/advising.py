"""What a provider advises its clients, as far as the wire shows it: one judge for each kind of check."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from imageproof.specs.advice import (
    BacksOff,
    KeepsRequestId,
    NoBase64,
    Prefers,
    RatioNotInPrompt,
    TriesAtMost,
    Waits,
    WaitsAtLeast,
)
from imageproof.suites.client.retrying import remark_on_gaps
from imageproof.suites.client.scene import ERROR, SERVER_ERROR, as_json, header
from imageproof.suites.client.tries import retried, told_to_wait
from imageproof.suites.client.watch import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from imageproof.records.lines import Exchange
    from imageproof.specs.advice import Check
    from imageproof.suites.client.scene import Scene

RATIO = re.compile(r"(?<![\d:.])([1-9]\d?\s*:\s*[1-9]\d?)(?![\d:.])|\b(aspect[ -]ratio)\b", re.IGNORECASE)
DATA_URL = re.compile(r"^data:[a-z]+/[a-z0-9.+-]+[;,]", re.IGNORECASE)
BARE_BASE64 = re.compile(r"^[A-Za-z0-9+/\s]{256,}={0,2}$")
WITH_JITTER = 0.5  # of an advised wait: who mixes in chance may wait so much less
ENOUGH_S = 30.0
ENOUGH = 3


def check_advice(scene: Scene) -> Iterator[Remark]:
    """What each advice of the spec that can be checked says of this scenario."""
    for rule, check in scene.spec.checks.items():
        yield from _judge(scene, rule, check)


def _judge(scene: Scene, rule: str, check: Check) -> Iterator[Remark]:
    match check:
        case WaitsAtLeast():
            yield from _waits_at_least(scene, rule, check)
        case TriesAtMost():
            yield from _tries_at_most(scene, rule, check)
        case BacksOff():
            yield from _backs_off(scene, rule, check)
        case Waits():
            yield from _waits(scene, rule, check)
        case Prefers():
            yield from _prefers(scene, rule, check)
        case NoBase64():
            yield from _no_base64(scene, rule)
        case RatioNotInPrompt():
            yield from _ratio_not_in_prompt(scene, rule)
        case KeepsRequestId():
            yield from _keeps_request_id(scene, rule)


# waits and tries


def _is_on(scene: Scene, exchange: Exchange, on: Sequence[str]) -> bool:
    """Whether an answer is what a check is about."""
    status = scene.status(exchange)
    if status is None:
        return "timeout" in on
    if (status >= SERVER_ERROR and "5xx" in on) or (ERROR <= status < SERVER_ERROR and "4xx" in on):
        return True
    names = {item.name for item in scene.error(exchange)}
    return bool(names) and names <= set(on)


def _waits_at_least(scene: Scene, rule: str, check: WaitsAtLeast) -> Iterator[Remark]:
    if not scene.is_timed:
        return
    for create in scene.creates:
        if not scene.is_synchronous(create):
            continue
        waited = scene.ended(create) - scene.began(create)
        slack = scene.tolerance_s(check.seconds)
        enough = waited >= check.seconds - slack
        if not enough and not scene.left(create):
            continue  # answered before: how long it would have waited is not known
        yield Remark(
            rule=rule,
            ok=enough,
            expected=f"the client waits {check.seconds:g} s for the answer",
            actual="" if enough else f"it left after {waited:.1f} s",
            bad=None if enough else create.id,
        )


def _tries_at_most(scene: Scene, rule: str, check: TriesAtMost) -> Iterator[Remark]:
    for run in retried(scene, scene.creates):
        failed = [item for item in run if _is_on(scene, item, check.on)]
        if not failed:
            continue
        ok = len(run) <= check.times
        yield Remark(
            rule=rule,
            ok=ok,
            expected=f"at most {check.times} tries",
            actual="" if ok else f"the same order was sent {len(run)} times",
            bad=None if ok else run[check.times].id,
            good=run[0].id,
            others=tuple(item.id for item in run[:10]),
        )


def _backs_off(scene: Scene, rule: str, check: BacksOff) -> Iterator[Remark]:
    if not scene.is_timed:
        return
    for run in retried(scene, scene.creates):
        if len(run) < ENOUGH or any(told_to_wait(item) for item in run[:-1]):
            continue
        if all(_is_on(scene, item, check.on) for item in run[:-1]):
            yield from remark_on_gaps(scene, run, rule=rule, enough_s=ENOUGH_S)


def _waits(scene: Scene, rule: str, check: Waits) -> Iterator[Remark]:
    if not scene.is_timed:
        return
    for run in retried(scene, scene.creates):
        if len(run) < ENOUGH - 1 or not all(_is_on(scene, item, check.on) for item in run[:-1]):
            continue
        gaps = [scene.began(after) - scene.began(before) for before, after in pairwise(run)]
        least = [wait * WITH_JITTER for wait in check.seconds]
        pairs = [
            (gap, wait, item)
            for gap, wait, item in zip(gaps, least, run[1:], strict=False)
            if scene.grain_s(wait) < wait and told_to_wait(run[run.index(item) - 1]) is None
        ]
        if not pairs:
            continue
        short = next((item for gap, wait, item in pairs if gap < wait - scene.grain_s(wait)), None)
        shown = ", ".join(f"{gap:.2f}" for gap in gaps[:10])
        yield Remark(
            rule=rule,
            ok=short is None,
            expected=f"waits of about {', '.join(f'{wait:g}' for wait in check.seconds)} s",
            actual="" if short is None else f"waits of {shown} s",
            bad=None if short is None else short.id,
            good=run[0].id,
            details={"gaps_s": shown},
        )


# what stands in an order


def _bodies(scene: Scene) -> Iterator[tuple[Exchange, dict[str, object]]]:
    for create in scene.creates:
        content = create.request.body
        tree = as_json(content.text if content and not content.cut else None)
        if isinstance(tree, dict):
            yield create, tree


def _value(body: Mapping[str, object], name: str) -> object:
    """The value of a field; a name with a dot leads into an object."""
    outer, dot, inner = name.partition(".")
    value = body.get(name, body.get(outer) if dot else None)
    return value.get(inner) if dot and name not in body and isinstance(value, dict) else value


def _prefers(scene: Scene, rule: str, check: Prefers) -> Iterator[Remark]:
    """What the order itself asks for is nobody's choice, and is not judged."""
    asked = scene.watch.order.request if scene.watch.order else {}
    for create, body in _bodies(scene):
        if check.within is not None:
            used = _value(body, check.within)
            is_chosen, ok = used not in (None, _value(asked, check.within)), used == check.what
            expected, actual = f"{check.within} is {check.what}", f"it is {used!r}"
        else:
            other = check.over or ""
            ok = _value(body, other) is None
            is_chosen = _value(body, check.what) is not None if ok else _value(asked, other) is None
            expected, actual = f"{check.what} is used, not {other}", f"{other} is used"
        if is_chosen:
            said, bad = ("", None) if ok else (actual, create.id)
            yield Remark(rule=rule, ok=ok, expected=expected, actual=said, bad=bad)


def _no_base64(scene: Scene, rule: str) -> Iterator[Remark]:
    fields = {name for model in scene.spec.models.values() for name in model.images.references}
    for create, body in _bodies(scene):
        values = [value for name in fields for value in _texts(_value(body, name))]
        if not values:
            continue
        wrong = [value for value in values if DATA_URL.match(value) or BARE_BASE64.match(value)]
        yield Remark(
            rule=rule,
            ok=not wrong,
            expected="references are URLs",
            actual=f"{len(wrong)} of {len(values)} are the bytes themselves: {wrong[0][:30]}..." if wrong else "",
            bad=create.id if wrong else None,
        )


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, list) else [value]
    values = [inner for item in values for inner in (item.values() if isinstance(item, dict) else (item,))]
    return [item for item in values if isinstance(item, str)]


def _ratio_not_in_prompt(scene: Scene, rule: str) -> Iterator[Remark]:
    asked = scene.watch.order.prompt if scene.watch.order else ""
    fields = {model.images.prompt for model in scene.spec.models.values()}
    for create, body in _bodies(scene):
        prompts = [value for name in fields if isinstance(value := _value(body, name), str)]
        if not prompts:
            continue
        found = next((match for text in prompts if (match := RATIO.search(text))), None)
        ok = found is None or found[0].casefold() in asked.casefold()
        actual = "" if ok or found is None else f"the prompt says {found[0]!r}"
        expected = "the prompt does not say the ratio"
        yield Remark(rule=rule, ok=ok, expected=expected, actual=actual, bad=None if ok else create.id)


# what is told of the ids


def _keeps_request_id(scene: Scene, rule: str) -> Iterator[Remark]:
    name, kept = scene.spec.request_id_header, scene.watch.answer.request_ids
    if name is None or not kept:
        return
    given = {item.id: value for item in scene.all if (value := header(item, name)) is not None}
    if not given:
        return
    foreign = [value for value in kept if value not in given.values()]
    orders = [item.id for item in scene.creates if item.id in given and scene.is_told(item)]
    lost = orders[-1] if orders and given[orders[-1]] not in kept else None
    actual = f"that of the order, {given[lost]!r}, is not among them" if lost is not None else ""
    yield Remark(
        rule=rule,
        ok=not foreign and lost is None,
        expected=f"the ids that the client tells are those of {name}, that of the last answer to its order among them",
        actual=f"{foreign[0]!r} is none of them" if foreign else actual,
        bad=next(iter(given)) if foreign else lost,
        details={"given": ", ".join(given.values()), "told": ", ".join(kept)},
    )
