"""Every request shape of every shipped contract, and how a body of it goes over the wire: as JSON or as a form."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import httpx2 as httpx

from imageproof import MockAccount
from imageproof.specs.check import Checker, check_selector
from imageproof.specs.files import FileFacts, encode
from imageproof.specs.forms import Form, facts_of, typed
from imageproof.specs.generate import Maker
from imageproof.specs.library import load, shipped
from imageproof.specs.model import Does, Operation, Selector, Shape, Spec

Body = dict[str, object]

POLLS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One shape of one spec, and the names by which a mock serves it."""

    served: str
    spec: Spec
    shape: Shape
    selector: Selector | None

    @property
    def id(self) -> str:
        """What the case is called in a report."""
        return f"{self.spec.name}/{self.shape.operation}/{self.shape.model}"

    @property
    def operation(self) -> Operation:
        """The operation that takes bodies of this shape."""
        return self.spec.operations[self.shape.operation]

    @property
    def maker(self) -> Maker:
        """What makes bodies of this shape."""
        return Maker(self.shape, self.selector)

    def broken(self, body: Body) -> list[str]:
        """The rules that a body breaks when it has arrived, those of the model's name first."""
        if self.operation.content == "multipart":
            body, _ = typed(as_form(body), self.shape)
        named = [found.rule.id for found in check_selector(self.selector, body)] if self.selector else []
        return named or [found.rule.id for found in Checker(self.shape, self.selector).check(body)]


def served() -> list[str]:
    """Every shipped contract, and every other profile of it, by the name under which a mock serves it."""
    return [*shipped(), *(f"{name}@{profile}" for name in shipped() for profile in load(name).profiles[1:])]


def cases() -> Iterator[Case]:
    """Each model of each operation of each contract, and the operations that know no model."""
    for name in served():
        spec = load(name)
        for model in spec.models.values():
            for shape in model.shapes.values():
                yield Case(served=name, spec=spec, shape=shape, selector=spec.selector)
        for shape in spec.shapes.values():
            yield Case(served=name, spec=spec, shape=shape, selector=None)


def can_be_sent(case: Case, body: Body) -> bool:
    """Whether a form can say it: it has texts and files, and no null, list, or object."""
    if case.operation.content == "json":
        return True
    return all(
        isinstance(item, str | int | float | FileFacts)
        for value in body.values()
        for item in (value if isinstance(value, list) and value else [value])
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def as_form(body: Body) -> Form:
    """The parts of a form in the order of the body; a list is as many parts of one name."""
    form = Form()
    for name, value in body.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, FileFacts):
                data = encode(item)
                form.files.append((name, facts_of(data, item.name), data))
            else:
                form.texts.append((name, _text(item)))
    return form


def send(http: httpx.Client, case: Case, body: Body) -> httpx.Response:
    """Send a body as the contract says."""
    path = case.operation.path
    if case.operation.content == "json":
        return http.post(path, json=body)
    form = as_form(body)
    texts = [(name, (None, text.encode(), None)) for name, text in form.texts]
    files = [(name, (facts.name, data, "application/octet-stream")) for name, facts, data in form.files]
    if not texts and not files:  # httpx sends no form at all then
        return http.post(path, content=b"--end--\r\n", headers={"Content-Type": "multipart/form-data; boundary=end"})
    return http.post(path, files=cast("list[tuple[str, tuple[str, bytes, str]]]", [*texts, *files]))


def result_of(http: httpx.Client, case: Case, account: MockAccount, answer: httpx.Response) -> list[bytes]:
    """The images of a job that was accepted: those in the answer, or those that its task ends with."""
    if case.operation.does is not Does.SUBMIT:
        return list(_images(http, account, answer.json()))
    poll = case.spec.operation_for(Does.POLL)
    assert poll is not None
    path = poll.path.replace("{task_id}", str(answer.json()["id"]))
    for _ in range(POLLS):
        found = list(_images(http, account, http.get(path).json()))
        if found:
            return found
    raise AssertionError(f"{case.id}: the task has no result after {POLLS} polls")


def _images(http: httpx.Client, account: MockAccount, tree: object, key: str = "") -> Iterator[bytes]:
    """Every image that an answer holds or links to."""
    if isinstance(tree, dict):
        for name, item in tree.items():
            yield from _images(http, account, item, name)
    elif isinstance(tree, list):
        for item in tree:
            yield from _images(http, account, item, key)
    elif isinstance(tree, str) and key == "b64_json":
        yield base64.b64decode(tree.rpartition(",")[2], validate=True)
    elif isinstance(tree, str) and tree.startswith(account.base_url):
        got = http.get(tree)
        assert got.status_code == 200, (tree, got.text)
        yield got.content
