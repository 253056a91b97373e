"""Bodies as bytes: what a generator meant, what is sent, and what a provider reads are the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest

from imageproof.mock_server.wire import parse_json, parse_multipart
from imageproof.specs.check import Checker, check_selector
from imageproof.specs.choices import Seeded
from imageproof.specs.facts import Rule
from imageproof.specs.files import FileFacts, encode
from imageproof.specs.forms import typed
from imageproof.specs.generate import Maker, UnbreakableError
from imageproof.specs.kinds import Ignored
from imageproof.specs.library import load, shipped
from imageproof.specs.model import Operation, Selector, Shape, Spec
from imageproof.suites.bodies import as_sent, encode_body, is_sayable, violations

Body = dict[str, object]

MIB = 1 << 20
BOUNDARY = "cut-here"
PNG = FileFacts(format="png", width=2, height=3, has_alpha=False, size=300, name="fox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One shape of one spec."""

    spec: Spec
    shape: Shape

    @property
    def operation(self) -> Operation:
        return self.spec.operations[self.shape.operation]

    @property
    def selector(self) -> Selector | None:
        return self.spec.selector if self.shape.model in self.spec.models else None

    @property
    def maker(self) -> Maker:
        return Maker(self.shape, self.selector)

    @property
    def rules(self) -> list[Rule]:
        return [rule for rule in self.shape.rules if not isinstance(rule.kind, Ignored)]  # no value breaks these

    def as_the_mock_reads_it(self, content_type: str, data: bytes) -> Body:
        """The second route to the same truth: the parsers that serve the mock."""
        if self.operation.content != "multipart":
            return parse_json(data, content_type)
        return typed(asyncio.run(parse_multipart(data, {"Content-Type": content_type})), self.shape)[0]

    def broken_by(self, body: Body) -> list[str]:
        named = [found.rule.id for found in check_selector(self.selector, body)] if self.selector else []
        return named or [found.rule.id for found in Checker(self.shape, self.selector).check(body)]


def cases() -> Iterator[Case]:
    for name in shipped():
        spec = load(name)
        for model in spec.models.values():
            for shape in model.shapes.values():
                yield Case(spec=spec, shape=shape)
        for shape in spec.shapes.values():
            yield Case(spec=spec, shape=shape)


def is_big(body: Body) -> bool:
    """Whether making its uploads takes seconds; what is told of small ones holds for these."""
    return any(isinstance(item, FileFacts) and item.size > MIB for value in body.values() for item in listed(value))


def listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def named(case: Case) -> str:
    return f"{case.spec.name}/{case.shape.operation}/{case.shape.model}"


EACH = pytest.mark.parametrize("case", list(cases()), ids=named)
FORM = next(case for case in cases() if case.operation.content == "multipart" and case.selector is not None)
JSON = next(case for case in cases() if case.operation.content == "json" and case.selector is not None)


@EACH
def test_a_valid_body_is_still_valid_when_it_has_arrived(case: Case) -> None:
    bodies = [case.maker.least(), *(case.maker.valid(Seeded(Random(seed))) for seed in range(6))]
    assert is_sayable(case.operation, bodies[0])
    for body in bodies:
        if is_sayable(case.operation, body):
            kind, data = encode_body(case.operation, body, boundary=BOUNDARY)
            assert violations(case.spec, case.operation, case.shape, kind, data) == []
            assert as_sent(case.operation, case.shape, kind, data) == case.as_the_mock_reads_it(kind, data)


@EACH
def test_a_body_breaks_on_the_wire_what_the_mock_finds_broken(case: Case) -> None:
    seen = 0
    for rule in case.rules:
        try:
            body = case.maker.breaking(rule, Seeded(Random(rule.id)))
        except UnbreakableError:
            continue
        if not is_sayable(case.operation, body) or is_big(body):
            continue
        kind, data = encode_body(case.operation, body, boundary=BOUNDARY)
        found = violations(case.spec, case.operation, case.shape, kind, data)
        assert found == case.broken_by(case.as_the_mock_reads_it(kind, data))
        if case.operation.content == "json":
            assert found == [rule.id]
        seen += 1
    assert seen > 0


def test_the_rule_of_the_models_name_comes_first() -> None:
    body = {**JSON.maker.least(), "no_such_field": 1}
    assert JSON.selector is not None
    assert JSON.selector.field is not None
    body[JSON.selector.field] = "no-such-model"
    kind, data = encode_body(JSON.operation, body, boundary=BOUNDARY)
    (found,) = violations(JSON.spec, JSON.operation, JSON.shape, kind, data)
    assert found in {rule.id for rule in JSON.selector.rules}


def test_the_same_body_gives_the_same_bytes() -> None:
    body = FORM.maker.least()
    assert encode_body(FORM.operation, body, boundary=BOUNDARY) == encode_body(FORM.operation, body, boundary=BOUNDARY)


def test_a_form_says_values_as_client_libraries_do() -> None:
    body: Body = {"n": 2, "yes": True, "no": False, "half": 1.5, "text": "ä\r\nb", "list": ["a", "b"]}
    kind, data = encode_body(FORM.operation, body, boundary=BOUNDARY)
    form = asyncio.run(parse_multipart(data, {"Content-Type": kind}))
    assert form.texts == [
        ("n", "2"),
        ("yes", "true"),
        ("no", "false"),
        ("half", "1.5"),
        ("text", "ä\r\nb"),
        ("list", "a"),
        ("list", "b"),
    ]


def test_a_file_arrives_with_its_facts_and_its_bytes() -> None:
    kind, data = encode_body(FORM.operation, {"image": [PNG, PNG]}, boundary=BOUNDARY)
    form = asyncio.run(parse_multipart(data, {"Content-Type": kind}))
    assert [(name, content) for name, _, content in form.files] == [("image", encode(PNG))] * 2
    facts = form.files[0][1]
    assert (facts.format, facts.width, facts.height, facts.size, facts.name) == ("png", 2, 3, 300, "fox.png")
    assert b"Content-Type: image/png\r\n" in data


def test_a_text_that_holds_the_boundary_does_not_end_its_part() -> None:
    body: Body = {**FORM.maker.least(), "prompt": f"a\r\n--{BOUNDARY}--\r\nb"}
    kind, data = encode_body(FORM.operation, body, boundary=BOUNDARY)
    assert as_sent(FORM.operation, FORM.shape, kind, data)["prompt"] == body["prompt"]


def test_a_name_can_not_leave_its_quotes() -> None:
    body: Body = {'a"; filename="x.png\r\n\r\nb': "c"}
    kind, data = encode_body(FORM.operation, body, boundary=BOUNDARY)
    assert as_sent(FORM.operation, None, kind, data) == {"a%22; filename=%22x.png%0D%0A%0D%0Ab": "c"}


@pytest.mark.parametrize("value", [None, [], [[]], {}, {"a": 1}, ["a", None], "half \ud800"])
def test_a_form_can_not_say(value: object) -> None:
    assert not is_sayable(FORM.operation, {"x": value})


@pytest.mark.parametrize("value", ["", "a", 1, 1.5, True, ["a", "b"], PNG, [PNG]])
def test_a_form_can_say(value: object) -> None:
    assert is_sayable(FORM.operation, {"x": value})


@pytest.mark.parametrize("value", [PNG, [PNG], float("nan"), float("-inf"), {"a": [float("inf")]}, "half \udfff"])
def test_json_can_not_say(value: object) -> None:
    assert not is_sayable(JSON.operation, {"x": value})


@pytest.mark.parametrize("value", [None, [], [[]], {"a": 1}, "ä😀", 2**63, -0.0, 1e300])
def test_json_can_say(value: object) -> None:
    assert is_sayable(JSON.operation, {"x": value})
    kind, data = encode_body(JSON.operation, {"x": value}, boundary=BOUNDARY)
    assert as_sent(JSON.operation, None, kind, data) == {"x": value}


def test_json_never_holds_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode_body(JSON.operation, {"x": float("nan")}, boundary=BOUNDARY)


def test_an_image_that_can_not_be_is_refused() -> None:
    glass = FileFacts(format="jpeg", width=2, height=3, has_alpha=True, size=0)
    with pytest.raises(ValueError, match="alpha"):
        encode_body(FORM.operation, {"image": glass}, boundary=BOUNDARY)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("multipart/form-data", b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1'),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n--x--\r\n'),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"),
    ],
)
def test_half_a_form_is_refused(kind: str, data: bytes) -> None:
    with pytest.raises(ValueError, match="expected"):
        as_sent(FORM.operation, FORM.shape, kind, data)


@pytest.mark.parametrize("data", [b"", b"[1]", b"null", b'{"a": 1', b'{"a": NaN}'])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        as_sent(JSON.operation, JSON.shape, "application/json", data)


def test_an_empty_form_is_one() -> None:
    kind, data = encode_body(FORM.operation, {}, boundary=BOUNDARY)
    assert as_sent(FORM.operation, FORM.shape, kind, data) == {}


def test_bytes_without_a_file_name_are_an_upload() -> None:
    """Some clients send files so; the mock takes them for files too."""
    data = b'--x\r\nContent-Disposition: form-data; name="image"\r\n\r\n' + encode(PNG) + b"\r\n--x--\r\n"
    kind = "multipart/form-data; boundary=x"
    assert as_sent(FORM.operation, FORM.shape, kind, data) == FORM.as_the_mock_reads_it(kind, data)
