"""What the tests of shipped contracts share: which rules a body breaks, and files to upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imageproof.specs.check import Checker, check_selector
from imageproof.specs.files import FileFacts
from imageproof.specs.library import load

if TYPE_CHECKING:
    from collections.abc import Iterable

    from imageproof.specs.facts import Rule

Body = dict[str, object]
Case = tuple[str, Body, list[str]]
"""The `spec/operation/model` of a shape, a body, and the rules that it breaks, in the order of the spec."""


def case(shape: str, body: Body, *rules: str) -> Case:
    """A body that breaks these rules, or none."""
    return (shape, body, list(rules))


def each(shape: str, field: str, values: Iterable[object], *rules: str) -> list[Case]:
    """A case for each value of one field."""
    return [case(shape, {field: value}, *rules) for value in values]


def broken(shape: str, body: Body) -> list[str]:
    """The ids of the rules that a body breaks, without the `spec/operation/model` that names its shape."""
    name, operation, model = shape.split("/")
    spec = load(name)
    sent = {"model": model, **body}
    assert check_selector(spec.selector, sent) == []
    found = Checker(spec.models[model].shapes[operation], spec.selector).check(sent)
    return [violation.rule.id.removeprefix(f"{shape}/") for violation in found]


def rule_of(rule_id: str) -> Rule:
    """The rule of this id."""
    (rule,) = (rule for rule in load(rule_id.partition("/")[0]).rules if rule.id == rule_id)
    return rule


def picture(
    *, file_format: str = "png", width: int = 1024, height: int = 1024, alpha: bool = False, size: int = 1_000
) -> FileFacts:
    """An uploaded image with these facts."""
    return FileFacts(format=file_format, width=width, height=height, has_alpha=alpha, size=size)
