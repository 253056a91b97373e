"""What the rules of a contract document: each value that must be taken, and the refusal of each that must not be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from random import Random

from imageproof.specs import kinds as k
from imageproof.specs.choices import Seeded
from imageproof.specs.facts import Rule
from imageproof.specs.files import FileFacts
from imageproof.specs.generate import UnbreakableError
from imageproof.specs.model import ErrorAnswer, Field
from imageproof.specs.sizing import field_region, widths_of
from imageproof.specs.template import PLACEHOLDER, sole_placeholder
from imageproof.specs.values import URLS
from tests.counterparts.sending import Body, Case, can_be_sent

SEEDS = 60
FEW = 3
A_FILE = FileFacts(format="png", width=64, height=48, has_alpha=False, size=0)
ANY_VALUES = ("x", 1, True, None, ["x"], {"a": 1})


def taken(field: Field) -> list[object]:
    """Every documented value of a field, both ends of every span, and what JSON allows besides."""
    refused = {value for rule in field.rules if isinstance(rule.kind, k.Refused) for value in rule.kind.values}
    found = [value for rule in field.rules for value in _taken(rule.kind, field)]  # type: ignore[arg-type]  # of fields
    return [value for value in found if not (isinstance(value, str) and value in refused)]


def _taken(kind: k.FieldKind, field: Field) -> list[object]:  # noqa: C901  (a table over the kinds)
    match kind:
        case k.Type(name=name, nullable=nullable, integral_float=integral_float):
            plain: list[object] = [None] if nullable else []
            plain += [True, False] if name == "boolean" else []
            return plain + ([1.0] if name == "integer" and integral_float else [])
        case k.OneOf(values=values, fold_case=fold_case):
            texts = [value for value in values if isinstance(value, str)]
            return [*values, *((text.upper() for text in texts) if fold_case else ())]
        case k.Range(least=least, most=most):
            return [least, most]
        case k.Length(least=least, most=most):
            return ["x" * least, "x" * most, "\u4e2d" * most, "\U0001f600" * most]
        case k.Items(least=least, most=most):
            one: object = A_FILE if field.type == "files" else URLS[0]
            return [[one] * least, [one] * most]
        case k.Url():
            return [list(URLS)] if field.type == "strings" else list(URLS)
        case k.SizeText(also=also):
            return [*also, *_sizes(field)]
        case k.FileFormat(formats=formats):
            return [_files(field, replace(A_FILE, format=name)) for name in formats]
        case k.FileBytes(most=most):
            return [_files(field, replace(A_FILE, size=most))]
        case k.FileAlpha():
            return [_files(field, replace(A_FILE, has_alpha=True))]
        case k.Ignored():
            return list(ANY_VALUES)
        case _:
            return []


def _files(field: Field, facts: FileFacts) -> object:
    return [facts] if field.type == "files" else facts


def _sizes(field: Field) -> Iterator[str]:
    """Sizes at the corners of what the pixel rules allow: the least and the greatest edges, areas and ratios."""
    region = field_region(field)
    if region is None:
        return
    widths = widths_of(region)
    for width in (widths[0], widths[len(widths) // 2], widths[-1]):
        heights = region.heights(width)
        yield from dict.fromkeys(f"{width}x{height}" for height in (heights[0], heights[-1]))


def body_with(case: Case, values: Body, *, without: str | None = None) -> Body | None:
    """A body that holds these values and breaks no rule when it arrives, or None when none was found."""
    maker = case.maker
    for seed in range(-1, SEEDS):
        body = maker.least() if seed < 0 else maker.valid(Seeded(Random(seed)))
        body = {name: value for name, value in body.items() if name != without} | values
        if "prompt" in body and "prompt" not in values:
            body["prompt"] = "a red fox"
        body = _fitting(body)
        if can_be_sent(case, body) and not case.broken(body):
            return body
    return None


def _fitting(body: Body) -> Body:
    """The body, its mask of the shape of the first image and with alpha, as most contracts want it."""
    mask, images = body.get("mask"), body.get("image")
    if isinstance(mask, FileFacts) and isinstance(images, list) and images and isinstance(images[0], FileFacts):
        first = images[0]
        alike = replace(mask, width=first.width, height=first.height)
        return body | {"mask": alike if first.format == "jpeg" else replace(alike, format=first.format, has_alpha=True)}
    return body


def breaking(case: Case, rule: Rule) -> list[Body]:
    """Some bodies that break this rule and no other when they have arrived."""
    maker, found = case.maker, []
    for seed in range(SEEDS):
        try:
            body = maker.breaking(rule, Seeded(Random(seed)))
        except UnbreakableError:
            continue
        if can_be_sent(case, body) and case.broken(body) == [rule.id]:
            found.append(body)
        if len(found) == FEW:
            break
    return found


def is_unsayable(case: Case, rule: Rule) -> bool:
    """Whether a form cannot break a rule: all that it says is text, so no text is of a wrong type."""
    return case.operation.content == "multipart" and isinstance(rule.kind, k.Type) and rule.kind.name == "string"


def refusal_of(case: Case, rule: Rule) -> ErrorAnswer:
    """The error answer that a rule names, or the one that stands for it on this model."""
    name = rule.error or "invalid_param"
    model = case.spec.models.get(case.shape.model)
    return case.spec.errors[model.errors.get(name, name) if model else name]


def differs(case: Case, rule: Rule, answer: ErrorAnswer, got: object) -> str | None:
    """What is wrong with the body of a refusal, or None when it is what the rule, its answer and its envelope say."""
    envelope = answer.envelope or case.operation.envelope or case.spec.envelope
    said: dict[str, object] = {
        "code": answer.code,
        "type": answer.type,
        "status": answer.status,
        "message": rule.message or answer.message,
    }
    return _differs(envelope.tree, got, said, "")


def _differs(tree: object, got: object, said: dict[str, object], where: str) -> str | None:
    if isinstance(tree, dict):
        names = {name.removesuffix("?"): item for name, item in tree.items()}
        if not isinstance(got, dict) or not set(got) <= set(names):
            return f"{where or 'the body'}: expected the keys {sorted(names)}, got {got!r}"
        found = (_differs(item, got.get(name), said, f"{where}/{name}") for name, item in names.items())
        return next((text for text in found if text), None)
    if isinstance(tree, str):
        return _text_differs(tree, got, said, where)
    return None if tree == got else f"{where}: expected {tree!r}, got {got!r}"


def _text_differs(text: str, got: object, said: dict[str, object], where: str) -> str | None:
    name = sole_placeholder(text)
    if name == "message":
        pattern = _pattern(str(said["message"]))
        return None if re.fullmatch(pattern, str(got), re.DOTALL) else f"{where}: expected {pattern!r}, got {got!r}"
    if name is not None:
        return None if name not in said or said[name] == got else f"{where}: expected {said[name]!r}, got {got!r}"
    return None if re.fullmatch(_pattern(text), str(got), re.DOTALL) else f"{where}: expected {text!r}, got {got!r}"


def _pattern(text: str) -> str:
    """A template of a message as a pattern: whatever is filled in is there, and has left no braces behind."""
    out, end = "", 0
    for match in PLACEHOLDER.finditer(text):
        out += re.escape(text[end : match.start()]) + (r".*?" if match[1] else re.escape(match[0][0]))
        end = match.end()
    return out + re.escape(text[end:])
