"""One field alone: rules that leave no value, values that can never be sent, a default that breaks its own rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs import kinds as k
from imageproof.specs.check import field_test
from imageproof.specs.lint_combos import is_required, keeps_own_rules
from imageproof.specs.lint_subject import error
from imageproof.specs.nodes import Sequence
from imageproof.specs.problems import did_you_mean
from imageproof.specs.reading import child, items, plain_value
from imageproof.specs.sizing import field_region, widths_of
from imageproof.specs.wording import predicate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.specs.facts import Rule
    from imageproof.specs.lint_subject import Finding, Path, Subject
    from imageproof.specs.model import Field, Shape
    from imageproof.specs.nodes import Node

PIXELS = (k.EdgeMultiple, k.EdgeLimit, k.Aspect, k.PixelBudget)


def params_path(subject: Subject, shape: Shape) -> Path:
    """Where the parameters of a shape stand in the tree."""
    is_of_model = shape.model in subject.spec.models
    return ("models", shape.model, "params") if is_of_model else ("operations", shape.operation, "params")


def check_field(subject: Subject, shape: Shape, item: Field) -> Iterator[Finding]:
    """Every way in which a field of a shape contradicts itself."""
    if item.state == "forbidden":
        yield from _forbidden(item)
        return
    path = (*params_path(subject, shape), item.name)
    yield from _choices(subject, item, path)
    yield from _refused(subject, item, path)
    yield from _sizes(item)
    yield from _files(item)
    yield from _default(subject, item, path)
    yield from _downgraded(subject, item, path)


def is_sound(item: Field) -> bool:
    """Whether a field's own rules leave a value, so that rules between fields can be judged."""
    region = field_region(item)
    if region is not None and not widths_of(region):
        return any(isinstance(rule.kind, k.SizeText) and rule.kind.also for rule in item.rules)
    if item.state == "forbidden":
        return not is_required(item)
    one_of = next((rule.kind for rule in item.rules if isinstance(rule.kind, k.OneOf)), None)
    return one_of is None or any(map(keeps_own_rules(item), one_of.values))


def _forbidden(item: Field) -> Iterator[Finding]:
    for rule in item.rules:
        if isinstance(rule.kind, k.Required):
            message = f"{item.name!r} is required and forbidden, so no request is valid"
            yield error(rule.mark, message, "keep one of the two")


def _listed(subject: Subject, path: Path) -> tuple[Node, ...]:
    """The single values of a list in the tree, written plain or with `is`."""
    node = subject.node(*path)
    inner = child(node, "is")
    values = node if inner is None else inner
    return items(values) if isinstance(values, Sequence) or values is None else (values,)


def _choices(subject: Subject, item: Field, path: Path) -> Iterator[Finding]:
    """Values of `one_of` that another rule of the field forbids."""
    nodes = _listed(subject, (*path, "one_of"))
    own = [rule for rule in item.rules if not isinstance(rule.kind, k.OneOf | k.Refused)]
    broken = [(node, rule) for node in nodes if (rule := _broken(own, plain_value(node))) is not None]
    if nodes and len(broken) == len(nodes):
        message = f"no value of `one_of` can be sent: {item.name} {_says(broken[0][1])}"
        yield error(subject.mark(*path, "one_of"), message, "keep one of the two rules")
        return
    for node, rule in broken:
        yield error(node.mark, f"{plain_value(node)!r} can never be sent: {item.name} {_says(rule)}")


def _broken(rules: list[Rule], value: object) -> Rule | None:
    """The first rule that a value breaks; its type comes first."""
    ordered = sorted(rules, key=lambda rule: not isinstance(rule.kind, k.Type))
    return next((rule for rule in ordered if not field_test(rule.kind)(value)), None)  # type: ignore[arg-type]


def _says(rule: Rule) -> str:
    return predicate(rule.kind)  # type: ignore[arg-type]


def _refused(subject: Subject, item: Field, path: Path) -> Iterator[Finding]:
    """Refused values that another rule refuses anyway, and refusals that leave nothing."""
    nodes = _listed(subject, (*path, "refused"))
    others = [rule for rule in item.rules if not isinstance(rule.kind, k.Refused)]
    known = [str(value) for rule in others if isinstance(rule.kind, k.OneOf) for value in rule.kind.values]
    for node in nodes:
        value = plain_value(node)
        rule = _broken(others, value)
        if rule is not None:
            message = f"refusing {value!r} says nothing new: {item.name} {_says(rule)}"
            yield error(node.mark, message, did_you_mean(str(value), known) or "`refused` holds values of `one_of`")
    choices = {value for rule in others if isinstance(rule.kind, k.OneOf) for value in rule.kind.values}
    if choices and choices <= {plain_value(node) for node in nodes}:
        message = f"every value of {item.name!r} is refused"
        yield error(subject.mark(*path, "refused"), message, "write `forbidden: true`")


def _sizes(item: Field) -> Iterator[Finding]:
    region = field_region(item)
    if region is None or widths_of(region):
        return
    rules = [rule for rule in item.rules if isinstance(rule.kind, PIXELS)]
    says = "; ".join(_says(rule) for rule in rules)
    yield error(rules[0].mark, f"no size keeps all pixel rules of {item.name!r}: {says}")


def _files(item: Field) -> Iterator[Finding]:
    formats = next((rule.kind.formats for rule in item.rules if isinstance(rule.kind, k.FileFormat)), ())
    alpha = next((rule for rule in item.rules if isinstance(rule.kind, k.FileAlpha)), None)
    if alpha is not None and formats == ("jpeg",):
        yield error(alpha.mark, f"no file can be sent as {item.name!r}: a JPEG has no alpha channel")


def _default(subject: Subject, item: Field, path: Path) -> Iterator[Finding]:
    if item.default is None or item.state != "allowed":
        return
    rule = _broken(list(item.rules), item.default)
    node = subject.node(*path, "default")
    mark = (child(node, "is") or node or subject.tree).mark
    if rule is not None:
        words = [str(value) for each in item.rules if isinstance(each.kind, k.OneOf) for value in each.kind.values]
        message = f"the default {item.default!r} breaks a rule of its own field: {item.name} {_says(rule)}"
        yield error(mark, message, did_you_mean(str(item.default), words))
    elif is_required(item):
        yield error(mark, f"{item.name!r} is required, so its default never holds", "keep one of the two")


def _downgraded(subject: Subject, item: Field, path: Path) -> Iterator[Finding]:
    keeps = keeps_own_rules(item)
    for asked in item.downgraded:
        if not keeps(asked):
            mark = subject.mark(*path, "downgraded", asked)
            if subject.node(*path, "downgraded", "is") is not None:
                mark = subject.mark(*path, "downgraded", "is", asked)
            yield error(mark, f"{asked!r} is never downgraded, as it is refused")
