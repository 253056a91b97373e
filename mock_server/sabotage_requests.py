"""Sabotages of rules about requests: too lenient, too strict, or refused for the wrong reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import orjson

from imageproof.mock_server.deviations import Deviation
from imageproof.mock_server.sabotage_edit import with_error, with_field, with_rule, with_shape, without_rule
from imageproof.mock_server.sabotage_kinds import Family, Sabotage
from imageproof.specs import kinds as k
from imageproof.specs.check import Checker
from imageproof.specs.model import Does
from imageproof.specs.pairs import pair_for
from imageproof.specs.pairwise import single

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.mock_server.answers import Reply
    from imageproof.mock_server.call import Call
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import ErrorAnswer, Shape, Spec

FEW = 2  # other rules that must share an error answer before a wrong code can be told from a wrong answer
SERVER_ERROR = 500
CRASH = "status 500"  # the name of an error answer that no spec has


def of_requests(spec: Spec) -> Iterator[Sabotage]:
    """All sabotages of the shapes of a spec."""
    shapes = [shape for model in spec.models.values() for shape in model.shapes.values()]
    shared = Counter(_answer(spec, shape, rule) for shape in shapes for rule in shape.rules)
    for shape in (*shapes, *spec.shapes.values()):
        for rule in shape.rules:
            yield from _of_rule(spec, shape, rule, shared)
    yield from _of_selector(spec, shared)


def _answer(spec: Spec, shape: Shape, rule: Rule) -> str:
    name = rule.error or "invalid_param"
    model = spec.models.get(shape.model)
    return model.errors.get(name, name) if model else name


def _of_rule(spec: Spec, shape: Shape, rule: Rule, shared: Counter[str]) -> Iterator[Sabotage]:
    if isinstance(rule.kind, k.Ignored):
        stricter = replace(rule, kind=k.Forbidden(), error="invalid_param")
        yield _made(
            spec, rule, Family.REFUSES, "refuses a field that is to be ignored", with_rule(shape, rule, stricter)
        )
        return
    if isinstance(rule.kind, k.Type):
        if is_unsayable(spec, shape, rule):
            return
        yield from _null(spec, shape, rule)
        yield from _wrong_reasons(spec, shape, rule, shared)
        return
    pair = pair_for(spec, rule)
    if pair is None:
        return
    lenient = without_rule(shape, rule)
    selector = spec.selector if shape.model in spec.models else None
    if not Checker(lenient, selector).check(pair.breaks):
        yield _made(spec, rule, Family.ACCEPTS, "accepts what must be refused", lenient)
    for says, other in _stricter(rule, lambda value: single(shape, selector, rule.field or "", value) is not None):
        yield _made(spec, rule, Family.REFUSES, says, with_rule(shape, rule, replace(rule, kind=other)))
    for says, wider in _wider(rule):
        yield _made(spec, rule, Family.TOO_WIDE, says, with_rule(shape, rule, replace(rule, kind=wider)))
    for says, deeper in _deeper(rule) if not is_unsayable(spec, shape, rule) else ():
        wrong = with_rule(shape, rule, replace(rule, kind=deeper))
        yield _made(spec, rule, Family.TOO_WIDE, says, wrong, slug="too-wide-below")
    yield from _wrong_reasons(spec, shape, rule, shared)


def is_unsayable(spec: Spec, shape: Shape, rule: Rule) -> bool:
    """Whether no body can break a type or a least number of entries: in a form all is text, and no entries no field."""
    is_form = spec.operations[shape.operation].content == "multipart"
    return is_form and (isinstance(rule.kind, k.Items) or _is_text(rule.kind))


def _is_text(kind: object) -> bool:
    return isinstance(kind, k.Type) and kind.name in ("string", "strings")


def _null(spec: Spec, shape: Shape, rule: Rule) -> Iterator[Sabotage]:
    """Null where the type allows none. Other wrong types would meet the other rules of the field."""
    item = shape.fields[rule.field or ""]
    content = spec.operations[shape.operation].content
    if isinstance(rule.kind, k.Type) and not item.nullable and content == "json" and item.type != "object":
        rules = tuple(
            replace(other, kind=replace(rule.kind, nullable=True)) if other == rule else other for other in item.rules
        )
        wrong = with_field(shape, replace(item, nullable=True, rules=rules))
        yield _made(spec, rule, Family.ACCEPTS, "accepts null", wrong)


def _made(spec: Spec, rule: Rule, family: Family, says: str, shape: Shape, *, slug: str = "") -> Sabotage:
    return _lie(rule, family, says, with_shape(spec, shape), slug=slug)


def _stricter(rule: Rule, is_possible: Callable[[k.Plain], bool]) -> Iterator[tuple[str, k.Kind]]:
    """The rule with one documented value fewer, one that other rules allow, or a bound one step nearer."""
    match rule.kind:
        case k.OneOf(values=values) as kind if len(values) > 1:
            lost = next((value for value in reversed(values) if is_possible(value)), None)
            if lost is not None:
                kept = tuple(value for value in values if value != lost)
                yield f"refuses the documented value {lost}", replace(kind, values=kept)
        case k.Range(least=least, most=most) as kind if most - least > 1:
            yield f"refuses {most}, the greatest allowed", replace(kind, most=most - 1)
        case k.Length(most=most) as kind if 1 < most <= 40_000:  # noqa: PLR2004  (longer ones are never sent)
            yield f"refuses {most} characters, as many as are allowed", replace(kind, most=most - 1)
        case k.Items(most=most) as kind if 1 < most <= 64:  # noqa: PLR2004  (as above)
            yield f"refuses {most} entries, as many as are allowed", replace(kind, most=most - 1)
        case k.PixelBudget(most=most) as kind:
            yield "refuses the greatest number of pixels", replace(kind, most=most - 1)
        case k.EdgeLimit(most=most) as kind:
            yield "refuses the longest edge", replace(kind, most=most - 1)
        case k.AllowedWith(among=among) as kind if len(among) > 1:
            yield f"refuses it with {among[-1]}, which is allowed", replace(kind, among=among[:-1])
        case k.FileFormat(formats=formats) as kind if len(formats) > 1:
            yield f"refuses {formats[-1]} files", replace(kind, formats=formats[:-1])
        case _:
            return


def _wider(rule: Rule) -> Iterator[tuple[str, k.Kind]]:
    """The rule with a bound one step further out, or blind for the case of letters."""
    match rule.kind:
        case k.OneOf(values=values, fold_case=False) as kind if any(
            isinstance(value, str) and value.lower() != value.upper() for value in values
        ):
            yield "takes values in any case", replace(kind, fold_case=True)
        case k.Range(most=most) as kind:
            yield f"accepts {most + 1}, one more than allowed", replace(kind, most=most + 1)
        case k.Length(most=most) as kind:
            yield "accepts one character more than allowed", replace(kind, most=most + 1)
        case k.Items(most=most) as kind:
            yield "accepts one entry more than allowed", replace(kind, most=most + 1)
        case k.EdgeMultiple(of=of) as kind if of % 2 == 0:
            yield f"accepts edges that are multiples of {of // 2} only", replace(kind, of=of // 2)
        case _:
            return


def _deeper(rule: Rule) -> Iterator[tuple[str, k.Kind]]:
    """The rule with its lower bound one step further down."""
    match rule.kind:
        case k.Range(least=least) as kind:
            yield f"accepts {least - 1}, one less than allowed", replace(kind, least=least - 1)
        case k.Length(least=least) as kind if least > 0:
            yield "accepts one character less than needed", replace(kind, least=least - 1)
        case k.Items(least=least) as kind if least > 0:
            yield "accepts one entry less than needed", replace(kind, least=least - 1)
        case _:
            return


def _wrong_reasons(spec: Spec, shape: Shape, rule: Rule, shared: Counter[str]) -> Iterator[Sabotage]:
    right = _answer(spec, shape, rule)
    for slug, other in _other_answers(spec, right, shared):
        wrong = with_rule(shape, rule, replace(rule, error=other.name, message=None))
        says = f"refuses with {other.name} instead of {right}"
        yield _made(with_error(spec, other), rule, Family.WRONG_CODE, says, wrong, slug=slug)


def _other_answers(spec: Spec, name: str, shared: Counter[str]) -> Iterator[tuple[str, ErrorAnswer]]:
    """Two answers instead of the right one: the first of the spec that differs in status and code, and status 500."""
    right = spec.errors.get(name)
    if right is None or shared[name] <= FEW:
        return
    for item in spec.errors.values():
        if item.emitted and item.status != right.status and item.code != right.code:
            yield "", item
            break
    if right.status < SERVER_ERROR:
        yield "server-error", replace(right, name=CRASH, status=SERVER_ERROR)


def _of_selector(spec: Spec, shared: Counter[str]) -> Iterator[Sabotage]:
    """The field that names the model: unknown names accepted, none asked for, refused for the wrong reason."""
    name, example = spec.selector.field, spec.models[spec.selector.example]
    for rule in spec.selector.rules if name else ():
        for slug, other in _other_answers(spec, rule.error or "invalid_param", shared):
            says = f"refuses with {other.name} instead of {rule.error or 'invalid_param'}"
            wrong = _with_selector(with_error(spec, other), rule, replace(rule, error=other.name, message=None))
            yield _lie(rule, Family.WRONG_CODE, says, wrong, slug=slug)
        if isinstance(rule.kind, k.OneOf):
            alias = f"{example.name}-x"
            known = replace(rule, kind=replace(rule.kind, values=(*rule.kind.values, alias)))
            wider = _with_selector(spec, rule, known)
            wider = replace(wider, models={**spec.models, alias: replace(example, name=alias)})
            says = f"accepts the model {alias}, which does not exist"
            unlisted = Deviation(reply=_without_entries(alias))
            yield replace(_lie(rule, Family.ACCEPTS, says, wider), deviation=unlisted)
        elif isinstance(rule.kind, k.Required):
            wider = _with_selector(spec, rule, None)
            wider = replace(wider, selector=replace(wider.selector, default=example.name))
            yield _lie(rule, Family.ACCEPTS, "accepts requests that name no model", wider)


def _without_entries(name: str) -> Callable[[Call, Reply], None]:
    """Leave a model out of lists of models, which would give the lie away under another rule."""

    def change(call: Call, reply: Reply) -> None:
        if call.operation.does is not Does.MODELS or name.encode() not in reply.body:
            return
        tree = orjson.loads(reply.body)
        for key, entries in tree.items():
            if isinstance(entries, list):
                tree[key] = [entry for entry in entries if name not in entry.values()]
        reply.body = orjson.dumps(tree)

    return change


def _with_selector(spec: Spec, rule: Rule, other: Rule | None) -> Spec:
    rules = tuple(other if item == rule else item for item in spec.selector.rules)
    return replace(spec, selector=replace(spec.selector, rules=tuple(item for item in rules if item is not None)))


def _lie(rule: Rule, family: Family, says: str, spec: Spec, *, slug: str = "") -> Sabotage:
    return Sabotage(id=f"{rule.id}!{slug or family}", rule=rule.id, family=family, says=says, spec=spec)
