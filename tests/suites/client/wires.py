"""Exchanges written by hand, for judges: what was on the wire, at which account second, with which answer."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from imageproof.records.lines import Content, Exchange, Request, Response, Trouble
from imageproof.specs.library import load
from imageproof.specs.model import MAKES_IMAGES, Does, Phase
from imageproof.specs.problems import Mark
from imageproof.specs.scenario import Expected, Job, Order, Outcome, Scenario
from imageproof.suites.client.judging import judge
from imageproof.suites.client.watch import Answer, End, Ending, Told, Truth, Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from imageproof.specs.faults import Fault
    from imageproof.specs.model import JsonTree, Operation, Polling
    from imageproof.suites.client.watch import Remark

Given = Any  # parts of an exchange by name, whichever a test is about
TASK = "task_1"
IMAGE = "a" * 64
OTHER = "b" * 64
IMAGE_VALUES = {
    "image.url": "http://127.0.0.1:1/files/1.png",
    "image.base64": "iVBORw0KGgo=",
    "image.index": 0,
    "revised": None,
}
KEY = (("authorization", "Bearer [key]"),)
BODY: dict[str, JsonTree] = {"model": "gpt-image-2", "prompt": "a lighthouse"}
DONE = Answer(told=Told.DONE, images=(IMAGE,))
FAILED = Answer(told=Told.FAILED)
SILENT = Answer(told=Told.SILENT)
EXITED = Ending(end=End.EXITED, code=0)


class Wire:
    """The exchanges of one client with one provider. Times are account seconds since the first request."""

    def __init__(self, name: str = "reapi", scale: float = 1.0) -> None:
        self.spec = load(name)
        self.scale = scale
        self.exchanges: list[Exchange] = []
        self.truths: list[Truth] = []

    @property
    def polling(self) -> Polling:
        """The advised cadence."""
        assert self.spec.tasks is not None
        assert self.spec.tasks.polling is not None
        return self.spec.tasks.polling

    # what a client sends

    def send(self, operation: str, method: str, url: str, at: float, **more: Given) -> Exchange:
        """Any request. `took` is how long its answer took, in account seconds; `status` None: no answer."""
        took, status = more.pop("took", 0.01), more.pop("status", 200)
        headers, answer = more.pop("answered", ()), more.pop("answer", None)
        sent = more.pop("sent", None)
        text = sent if isinstance(sent, str) else orjson.dumps(sent).decode()
        response = Response(status=status, headers=headers, body=_content(answer)) if status else None
        real = self.scale or 1.0
        exchange = Exchange(
            id=len(self.exchanges) + 1,
            case="test",
            operation=operation,
            request=Request(
                method=method,
                url=f"http://127.0.0.1:1{url}",
                headers=more.pop("headers", KEY),
                body=Content(size=len(text), kind="application/json", text=text) if sent is not None else None,
            ),
            response=response,
            trouble=None if response else Trouble(kind="reset", says="no answer was sent"),
            began_s=at / real,
            ended_s=(at + took) / real,
            account_s=at,
            **{"connection": 1, **more},
        )
        self.exchanges.append(exchange)
        return exchange

    def create(self, at: float = 0.0, *, task: str | None = TASK, **more: Given) -> Exchange:
        """An order; answered with the task unless `status` or `answer` say otherwise."""
        operation = next(item for item in self.spec.operations.values() if item.does in MAKES_IMAGES)
        status = more.get("status", 200)
        if status == 200:
            more.setdefault("answer", self._good(operation, Phase.QUEUED, task))
            more.setdefault("task", task)
        more.setdefault("sent", BODY)
        return self.send(operation.name, operation.method, operation.path, at, **more)

    def poll(
        self, at: float, phase: Phase | str | None = Phase.RUNNING, *, task: str = TASK, **more: Given
    ) -> Exchange:
        """A poll, answered with a phase, or with a state in other words."""
        operation = next(item for item in self.spec.operations.values() if item.does is Does.POLL)
        if phase is not None:
            more.setdefault("answer", self._good(operation, phase, task))
        url = operation.path.replace("{task_id}", task)
        return self.send(operation.name, operation.method, url, at, task=task, **more)

    def polls(self, *times: float, **more: Given) -> None:
        """Polls of a running task."""
        for at in times:
            self.poll(at, **more)

    def download(self, at: float, *, task: str = TASK, **more: Given) -> Exchange:
        """The fetching of a result, without the key."""
        more.setdefault("headers", ())
        return self.send("download", "GET", "/files/1.png", at, task=task, **more)

    def truth(self, *, succeeded: bool = True, exchange: int = 1, task: str = TASK, **more: Given) -> Truth:
        """A job of the provider."""
        values: dict[str, Any] = {
            "began_s": 0.0,
            "ended_s": 60.0,
            "images": (IMAGE,) if succeeded else (),
            "micro_usd": 1,
            **more,
        }
        truth = Truth(task=task, exchange=exchange, succeeded=succeeded, **values)
        self.truths.append(truth)
        return truth

    def refused(self, name: str) -> dict[str, Any]:
        """The parts of an answer that is a documented error, for `create` and `poll`."""
        error = self.spec.errors[name]
        context = _context(code=error.code, type=error.type, message=error.message)
        return {"status": error.status, "answer": (error.envelope or self.spec.envelope).plain(context)}

    def failed(self, name: str) -> JsonTree:
        """The body of the poll of a task that failed so."""
        operation, tasks = self.spec.operation_for(Does.POLL), self.spec.tasks
        assert operation is not None
        assert tasks is not None
        failure = tasks.failures[name]
        context = _context(
            state=tasks.states[Phase.FAILED],
            **{"failure.code": failure.code, "failure.message": failure.message},
        )
        return operation.answer.by_phase[Phase.FAILED].plain(context)

    def _good(self, operation: Operation, phase: Phase | str, task: str | None) -> JsonTree:
        states = operation.states or self.spec.tasks.states if self.spec.tasks else {}
        known = phase if isinstance(phase, Phase) and phase in states else Phase.RUNNING
        state = states.get(known) if isinstance(phase, Phase) else phase
        template = operation.answer.body or operation.answer.by_phase.get(known)
        context = _context(state=state, images=[{**IMAGE_VALUES}])
        context |= {"task.id": task, "failure.code": 1, "failure.message": "it failed"}
        assert template is not None
        return template.plain(context)

    # what comes of it

    def watch(
        self,
        answer: Answer = DONE,
        ending: Ending = EXITED,
        *,
        scenario: Scenario | None = None,
        jitter_s: float = 0.02,
        order: Order | None = None,
    ) -> Watch:
        """All of it, as a watch."""
        return Watch(
            spec=self.spec,
            exchanges=tuple(self.exchanges),
            truths=tuple(self.truths),
            answer=answer,
            ending=ending,
            scenario=scenario,
            order=order,
            scale=self.scale,
            jitter_s=jitter_s,
        )

    def judged(self, rule: str, answer: Answer = DONE, ending: Ending = EXITED, **more: Given) -> list[Remark]:
        """The remarks about one rule: a slug of the common rules, or the end of an id."""
        found = judge(self.watch(answer, ending, **more))
        return [
            remark for remark in found if remark.rule.removeprefix(f"{self.spec.name}/") in (rule, f"client/{rule}")
        ]

    def verdict(self, rule: str, answer: Answer = DONE, ending: Ending = EXITED, **more: Given) -> bool | None:
        """Whether a rule was kept; None where nothing was said of it."""
        found = self.judged(rule, answer, ending, **more)
        for remark in found:
            assert remark.ok or (remark.expected and remark.actual), remark
        return all(remark.ok for remark in found) if found else None


def scene(
    outcome: str = "done",
    *,
    faults: Sequence[Fault] = (),
    within_s: float = 600.0,
    name: str = "test",
    **expected: Given,
) -> Scenario:
    """A scenario; what is expected besides the outcome by name."""
    return Scenario(
        name=name,
        teaches="a lesson",
        needs=frozenset(),
        only=(),
        plan="",
        faults=tuple(faults),
        job=Job(fields={}),
        expected=Expected(outcome=Outcome(outcome), **expected),
        limits=False,
        real_time=False,
        within_s=within_s,
        mark=Mark("test.yaml", 1, 1),
    )


def order(prompt: str = "a lighthouse", **request: JsonTree) -> Order:
    """An order for one image; fields of its request by name."""
    return Order(
        provider="reapi",
        scenario="test",
        operation="submit",
        method="POST",
        path="/",
        content="json",
        model="gpt-image-2",
        prompt=prompt,
        images=1,
        size=None,
        stream=False,
        request=request,
        files={},
    )


def whole_life(name: str = "reapi", scale: float = 1.0) -> Wire:
    """A good client of a provider with tasks: order, polls as advised, one download."""
    wire = Wire(name, scale)
    polling = wire.polling
    wire.create(0.0)
    at = polling.first_s + 0.5
    for _ in range(4):
        wire.poll(at)
        at += polling.phases[0].every_s[0] + 0.2
    wire.poll(at, Phase.SUCCEEDED)
    wire.download(at + 0.1)
    wire.truth(ended_s=at - 0.5)
    return wire


def changed(wire: Wire, number: int, **more: Given) -> None:
    """Change one exchange, by its id."""
    wire.exchanges[number - 1] = _replaced(wire.exchanges[number - 1], more)


def _replaced(exchange: Exchange, more: Mapping[str, Any]) -> Exchange:
    values = {name: getattr(exchange, name) for name in exchange.__struct_fields__}
    return Exchange(**{**values, **more})


def _content(answer: object) -> Content | None:
    if answer is None:
        return None
    text = answer if isinstance(answer, str) else orjson.dumps(answer).decode()
    return Content(size=len(text), kind="application/json", text=text)


def _context(**values: object) -> dict[str, object]:
    context: dict[str, object] = defaultdict(lambda: None, {"images": []})
    context.update(values)
    return context


def at_jitter(watch: Watch, jitter_s: float) -> Watch:
    """The same watch on another machine."""
    return replace(watch, jitter_s=jitter_s)
