"""Every documented value of every parameter over the wire: valid ones are taken, others are refused as their rule says.

Nothing is listed here: all follows from the contracts. A test collects all differences of one shape and shows them
together.
"""

from __future__ import annotations

from collections.abc import Iterator

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from imageproof.specs import kinds as k
from imageproof.specs.facts import Rule
from imageproof.specs.model import MAKES_IMAGES
from imageproof.specs.sizes import parse_size
from tests.counterparts.documented import body_with, breaking, differs, is_unsayable, refusal_of, taken
from tests.counterparts.sending import Body, Case, can_be_sent, cases, result_of, send, served
from tests.counterparts.watching import charges, exchanges, kind_of

CASES = list(cases())
PICTURED = [case for case in CASES if case.operation.does in MAKES_IMAGES]
each_shape = pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in CASES])
each_picture = pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in PICTURED])


@pytest.fixture(scope="module")
def everything() -> Iterator[Mock]:
    """A mock of every contract and of every profile of it."""
    with Mock(*served(), clock="jump", start=1_795_000_000.0) as running:
        yield running


@pytest.fixture
def account(everything: Mock, case: Case) -> MockAccount:
    return everything.account(case.spec.name)


@pytest.fixture
def http(account: MockAccount) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=account.base_url, headers=account.headers, timeout=60) as client:
        yield client


def shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 90 else f"{text[:60]}... ({len(text)} characters)"


@each_shape
def test_every_documented_value_is_taken(case: Case, account: MockAccount, http: httpx.Client) -> None:
    problems: list[str] = []
    tried = 0
    for field in case.shape.fields.values():
        for value in taken(field):
            if case.operation.content == "multipart" and not _fits_a_form(value):
                continue
            body = body_with(case, {field.name: value})
            if body is None:
                problems.append(f"{field.name}={shown(value)}: no valid request holds it")
                continue
            tried += 1
            answer = send(http, case, body)
            rules = exchanges(account)[-1]["rules"]
            if answer.status_code != case.operation.answer.status or rules:
                problems.append(f"{field.name}={shown(value)}: {answer.status_code} {rules} {answer.text[:200]}")
    assert not problems, "\n".join(problems)
    assert tried > 0


def _fits_a_form(value: object) -> bool:
    return value is not None and not isinstance(value, float | dict) and value != []


@each_shape
def test_every_rule_refuses_what_breaks_it(case: Case, account: MockAccount, http: httpx.Client) -> None:
    problems: list[str] = []
    for rule in case.shape.rules:
        if isinstance(rule.kind, k.Ignored) or is_unsayable(case, rule):
            continue
        bodies = breaking(case, rule)
        if not bodies:
            problems.append(f"{rule.id}: no request breaks it and no other rule")
        problems += _refusals(case, rule, bodies, account, http)
    for rule in case.selector.rules if case.selector else ():
        problems += _refusals(case, rule, _wrong_models(case, rule), account, http)
    assert not problems, "\n".join(problems)
    assert charges(account) == []
    assert account.tasks() == []


def _wrong_models(case: Case, rule: Rule) -> list[Body]:
    """Bodies that break a rule of the field that names the model."""
    name, body = rule.field or "", case.maker.least()
    if isinstance(rule.kind, k.Required):
        return [{key: value for key, value in body.items() if key != name}]
    wrong = ("gpt-image-0", "", f"{case.shape.model} ", None, 1)
    bodies: list[Body] = [{**body, name: value} for value in wrong]
    return [body for body in bodies if can_be_sent(case, body) and case.broken(body) == [rule.id]]


def _refusals(case: Case, rule: Rule, bodies: list[Body], account: MockAccount, http: httpx.Client) -> Iterator[str]:
    """What is wrong with the refusals of bodies that break a rule."""
    expected = refusal_of(case, rule)
    for body in bodies:
        answer = send(http, case, body)
        said = f"{rule.id} with {shown(body.get(rule.field or ''))}:"
        if answer.status_code != expected.status:
            yield f"{said} expected {expected.status}, got {answer.status_code} {answer.text[:200]}"
        elif (rules := exchanges(account)[-1]["rules"]) != [rule.id]:
            yield f"{said} the journal says {rules}"
        elif difference := differs(case, rule, expected, answer.json()):
            yield f"{said} {difference}"


def _sizes(case: Case) -> Iterator[tuple[Body, tuple[int, int]]]:
    """Every cell of the pixel table, every size that is listed, and the corners of what the pixel rules allow."""
    pixels = case.spec.models[case.shape.model].pixels
    for cell, size in pixels.table.cells.items() if pixels.table else ():
        yield dict(zip(pixels.table.by if pixels.table else (), cell, strict=True)), size
    if pixels.table is None and pixels.exact is None:
        yield {}, pixels.fallback
    field = case.shape.fields.get(pixels.exact or "")
    for value in taken(field) if field else ():
        size_of_text = parse_size(value)
        if size_of_text is not None:
            yield {str(pixels.exact): value}, size_of_text


@each_picture
def test_every_size_gives_exactly_its_pixels(case: Case, account: MockAccount, http: httpx.Client) -> None:
    problems: list[str] = []
    for values, size in _sizes(case):
        body = body_with(case, {**values, "prompt": "[[instant]] a red fox"})
        if body is None:
            problems.append(f"{values}: no valid request holds it")
            continue
        images = [kind_of(data)[1] for data in result_of(http, case, account, send(http, case, body))]
        if set(images) != {size}:
            problems.append(f"{values}: expected {size}, got {images}")
    assert not problems, "\n".join(problems)


@each_picture
def test_every_combination_of_size_words_has_a_size(case: Case) -> None:
    """No accepted request falls through the table to the size for anything else."""
    pixels = case.spec.models[case.shape.model].pixels
    if pixels.table is None:
        return
    words = {
        name: [value for value in taken(case.shape.fields[name]) if isinstance(value, str) and value not in pixels.auto]
        for name in pixels.table.by
    }
    known = {tuple(part.lower() for part in cell) for cell in pixels.table.cells}
    first, *others = ([(word,) for word in words[name]] for name in pixels.table.by)
    combinations = [(*head, *tail) for head in first for tail in (others[0] if others else [()])]
    missing = [
        combination
        for combination in combinations
        if tuple(word.lower() for word in combination) not in known
        and body_with(case, dict(zip(pixels.table.by, combination, strict=True)), without=pixels.exact) is not None
    ]
    assert missing == []


@each_picture
def test_every_format_and_count_is_real(case: Case, account: MockAccount, http: httpx.Client) -> None:
    images = case.spec.models[case.shape.model].images
    by_format, by_count = case.shape.fields.get(images.format), case.shape.fields.get(str(images.count))
    forms = taken(by_format) if by_format else [images.format]
    counts = [value for value in taken(by_count) if isinstance(value, int)] if by_count else [images.count]
    problems: list[str] = []
    for form, count in [*((form, counts[0]) for form in forms), *((forms[0], count) for count in counts)]:
        if form is None:
            continue
        asked: Body = {"prompt": "[[instant]] a red fox"}
        asked |= {by_format.name: form} if by_format else {}
        asked |= {by_count.name: count} if by_count else {}
        body = body_with(case, asked)
        assert body is not None
        got = [kind_of(data)[0] for data in result_of(http, case, account, send(http, case, body))]
        if got != [str(form).upper()] * int(str(count)):
            problems.append(f"{form} x {count}: got {got}")
    assert not problems, "\n".join(problems)


def test_every_kind_of_content_is_among_the_cases() -> None:
    assert {case.operation.content for case in CASES} == {"json", "multipart"}
    assert {case.spec.name for case in CASES} == {*served()}
