"""What a lying mock says on the wire, against an honest one of the same seed that is asked the very same things."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import httpx2 as httpx
import pytest

from imageproof import Mock, MockAccount
from imageproof.mock_server.sabotage import Family, Sabotage, UnknownSabotageError, sabotages
from imageproof.mock_server.triggers import HEADER
from imageproof.specs.check import Checker
from imageproof.specs.generate import Maker
from imageproof.specs.library import load
from imageproof.specs.model import Does, Model, Operation, Shape, Spec
from imageproof.specs.pairs import shape_of
from imageproof.specs.sizes import parse_size
from tests.mock_server.test_sabotage import OUTCOMES, rule_of, topic_of

NAMES = ("reapi", "toapis", "apiyi")
START = 1_795_000_000.0
KEPT = ("content-type", "cache-control", "retry-after")
URL = re.compile(r'https?://[^"\\]+/media[^"\\]*|https?://127[^"\\]+\.(?:png|jpg|webp)')
Answered = tuple[str, httpx.Response]
Said = tuple[str, int, tuple[str, ...], bytes]


def on_the_wire() -> list[Sabotage]:
    """The first sabotage of each family and topic that is neither about requests nor about outcomes."""
    found: dict[object, Sabotage] = {}
    for name in NAMES:
        spec = load(name)
        for item in sabotages(spec):
            topic = topic_of(spec, item)
            is_request = rule_of(spec, item) in spec.selector.rules or shape_of(spec, rule_of(spec, item)) is not None
            if not is_request and (item.deviation is not None or topic not in OUTCOMES):
                is_general = item.id.count("/general/")
                found.setdefault((item.rule if is_general else topic, item.family, item.id.rpartition("!")[2]), item)
    return list(found.values())


def said(name: str, label: str, account: MockAccount, answer: httpx.Response) -> Said:
    """An answer without what differs from run to run: the port and the date."""
    heads = [f"{key}: {value}" for key, value in answer.headers.items() if key in KEPT or key.startswith("x-")]
    body = answer.content.replace(account.mock.url.encode(), name.encode())
    return label, answer.status_code, tuple(sorted(heads)), body


@dataclass(frozen=True, kw_only=True)
class Talk:
    """An account that asks, and somebody without a key. Clients are made once, as making one takes long."""

    spec: Spec
    account: MockAccount
    own: httpx.Client
    bare: httpx.Client

    def create(self, card: str = "", /, **fields: object) -> httpx.Response:
        """Ask for the plainest job of the example model, with some fields more and a test card."""
        body = {**least_of(self.spec, self.spec.selector.example), **fields}
        instant = card if self.spec.tasks or "instant" in card else "; ".join(filter(None, ("instant", card)))
        return self.own.post(makes(self.spec).path, json=body, headers={HEADER: instant} if instant else {})


def of(spec: Spec, *does: Does) -> list[Operation]:
    return [operation for operation in spec.operations.values() if operation.does in does]


def makes(spec: Spec) -> Operation:
    (operation,) = of(spec, Does.SUBMIT, Does.GENERATE)
    return operation


def least_of(spec: Spec, model: str) -> dict[str, object]:
    return Maker(spec.models[model].shapes[makes(spec).name], spec.selector).least()


def asked(talk: Talk) -> Iterator[Answered]:
    """Ask for all that a contract has, in the same order each time."""
    yield from jobs(talk)
    yield from failures(talk)
    yield from refusals(talk)
    if talk.spec.operation_for(Does.GENERATE):
        yield "stream", talk.create(stream=True, partial_images=2, size="1280x512")
    if talk.spec.idempotency_header:
        talk.own.headers[talk.spec.idempotency_header] = "once"
        yield from (("repeated", talk.create("instant")) for _ in range(2))
    for operation in of(talk.spec, Does.BALANCE, Does.MODELS):
        yield operation.name, talk.own.get(operation.path)


def jobs(talk: Talk) -> Iterator[Answered]:
    """Three plain jobs, and for each model one that says what it can, from the start to what comes after the end."""
    plain: list[dict[str, object]] = [{"prompt": f"a red fox {number}"} for number in range(3)]
    for fields in (*plain, *(bold(talk.spec, model) for model in talk.spec.models)):
        made = talk.create(**fields)
        yield "job", made
        yield from life(talk, made) if talk.spec.tasks and made.status_code < 400 else ()


def bold(spec: Spec, name: str) -> dict[str, object]:
    """The fields that change what comes out of a model, each with a value that is not its default."""
    model, body = spec.models[name], least_of(spec, name)
    shape = model.shapes[makes(spec).name]
    wanted: dict[str, list[object]] = {
        str(model.images.count): [2],
        str(model.pixels.exact): ["1296x1008", *sizes(shape, model)],
    }
    wanted |= {item.name: [next(iter(item.downgraded))] for item in shape.fields.values() if item.downgraded}
    for field, values in wanted.items():
        bolder = ({**body, field: value} for value in values if field in shape.fields)
        body = next((more for more in bolder if not Checker(shape, spec.selector).check(more)), body)
    return body


def sizes(shape: Shape, model: Model) -> list[object]:
    """The sizes that a model lists."""
    field = shape.fields.get(model.pixels.exact or "")
    listed = [value for rule in (field.rules if field else ()) for value in getattr(rule.kind, "values", ())]
    return [value for value in listed if parse_size(str(value))]


def life(talk: Talk, made: httpx.Response) -> Iterator[Answered]:
    """Each state of a task twice, its pictures twice, and what somebody else is told of it."""
    tree = made.json()
    told = {**tree, **tree["data"]} if isinstance(tree.get("data"), dict) else tree
    path = of(talk.spec, Does.POLL)[0].path.replace("{task_id}", str(told.get("task_id", told.get("id"))))
    stranger = talk.account.mock.account(talk.account.provider, f"{talk.account.key}-stranger").headers
    yield "stranger", talk.bare.get(f"{talk.account.base_url}{path}", headers=stranger)
    for step in ("0s", "0s", "next", "0s", "1h", "0s"):
        talk.account.advance_to_next() if step == "next" else talk.account.advance(step)
        answer = talk.own.get(path)
        yield "poll", answer
        yield from (("picture", talk.bare.get(url)) for url in URL.findall(answer.text))


def failures(talk: Talk) -> Iterator[Answered]:
    """A task for each way to fail."""
    for failure in talk.spec.tasks.failures if talk.spec.tasks else ():
        made = talk.create(f"instant; fail: {failure}")
        yield failure, made
        yield from life(talk, made)


def refusals(talk: Talk) -> Iterator[Answered]:
    """Every error answer there is, and requests that are refused without a card."""
    for name, answer in talk.spec.errors.items():
        if answer.emitted:
            yield name, talk.create(f"error: {name}", prompt=f"refused with {name}")
    yield "no key", talk.bare.post(f"{talk.account.base_url}{makes(talk.spec).path}", json={})
    yield "invalid", talk.own.post(makes(talk.spec).path, json={})


def transcript(name: str, sabotage: str | None = None, *, burst: int = 0) -> list[Said]:
    """What a mock says to all questions, or only to `burst` jobs with a key for which the limits hold."""
    with Mock(name, clock="manual", start=START, sabotage=sabotage, pictures="plain") as mock:
        account = mock.account(name)
        if burst:
            account = mock.account(name, f"{account.key}_limited")
        with httpx.Client(timeout=20) as bare:
            own = httpx.Client(base_url=account.base_url, headers=account.headers, timeout=20)
            talk = Talk(spec=load(name), account=account, own=own, bare=bare)
            answers = asked(talk) if not burst else (("limited", talk.create("instant")) for _ in range(burst))
            told = [said(name, label, account, answer) for label, answer in answers]
            own.close()
        return [*told, ("ledger", 0, (), repr(account.ledger()["movements"]).encode())]


@cache
def honest(name: str, burst: int) -> list[Said]:
    return transcript(name, burst=burst)


def burst_of(item: Sabotage) -> int:
    """How many jobs show that a limit is not kept; none where that is not the question."""
    limits = load(item.spec.name).limits.values()
    return 1 + min(limit.burst for limit in limits) if item.family is Family.UNLIMITED else 0


@pytest.mark.parametrize("name", NAMES)
def test_the_same_questions_get_the_same_answers_from_an_honest_mock(name: str) -> None:
    assert transcript(name) == honest(name, 0)


@pytest.mark.parametrize("item", on_the_wire(), ids=lambda item: item.id)
def test_a_mock_that_lies_says_something_else(item: Sabotage) -> None:
    name, burst = item.spec.name, burst_of(item)
    is_different = transcript(name, item.id, burst=burst) != honest(name, burst)
    assert is_different, item.says


def test_only_the_named_one_of_several_contracts_lies() -> None:
    with Mock("reapi", "toapis", sabotage="reapi/auth/header!open", clock="manual", start=START) as mock:
        told = {name: httpx.post(f"{mock.url}/{name}{path_of(name)}", json={}).status_code for name in NAMES[:2]}
    assert told == {"reapi": 400, "toapis": 401}


def path_of(name: str) -> str:
    return makes(load(name)).path


def test_an_unknown_id_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UnknownSabotageError, match="did you mean 'reapi/auth/header!open'"):
        Mock("reapi", sabotage="reapi/auth/header!opn")
    with pytest.raises(ValueError, match="belongs to another spec"):
        Mock("toapis", sabotage="reapi/auth/header!open")
