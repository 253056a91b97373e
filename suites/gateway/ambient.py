"""What is true of every answer, whatever it was asked for: looked at as answers arrive, from whichever test.

An observer never raises: it counts what it judged for a rule, and keeps what was wrong.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from imageproof.specs.answers_schema import answer_schema
from imageproof.specs.contract import Topic
from imageproof.specs.model import ASKS_FOR_TASK, MAKES_IMAGES, Phase
from imageproof.specs.places import Step, places, templates_of
from imageproof.specs.schema import validator
from imageproof.suites.gateway.reading import names_of_states, read_answer
from imageproof.suites.gateway.verdicts import Fault, Judgement

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jsonschema import ValidationError

    from imageproof.specs.model import JsonTree, Operation, Spec
    from imageproof.specs.schema import Judge
    from imageproof.suites.gateway.bench import Seen

REFUSAL = "refusal"  # the case of requests that must be refused: what is accepted of them is another rule's fault
MOST_FAULTS = 20  # of one rule: further ones say nothing new
STORABLE = re.compile(r"(?:s-)?max-age\s*=\s*([0-9]+)", re.IGNORECASE)
SHOWN = 200


class Ambient:
    """Judges every answer by the rules that hold for all of them."""

    def __init__(self, spec: Spec, secrets: Iterable[str]) -> None:
        self._spec = spec
        self._secrets = [secret.encode() for secret in secrets]
        self._judges: dict[tuple[str, Phase | None], Judge] = {}
        self._faults: dict[str, list[Fault]] = defaultdict(list)
        self._judged: Counter[str] = Counter()
        self._ended: set[str] = set()
        self.phases: set[Phase] = set()  # that were met under their right names
        self.unnamed: list[Seen] = []  # polls in states that nothing tells anything of yet
        self._shown: dict[str, list[int]] = defaultdict(list)

    def fault(self, rule: str, fault: Fault) -> None:
        """Keep what was wrong, once for the same words."""
        known = self._faults[rule]
        if len(known) < MOST_FAULTS and not any(item.actual == fault.actual for item in known):
            known.append(fault)

    def judged(self, rule: str, exchange: int) -> None:
        """Count that a rule was looked at."""
        self._judged[rule] += 1
        if len(self._shown[rule]) < 3:  # noqa: PLR2004  (a few are enough to show it)
            self._shown[rule].append(exchange)

    def judgement(self, rule: str) -> Judgement:
        """What has been seen of a rule so far."""
        return Judgement(
            judged=self._judged[rule], faults=tuple(self._faults.get(rule, ())), seen=tuple(self._shown.get(rule, ()))
        )

    def broken(self) -> set[str]:
        """The rules that something was wrong with."""
        return {rule for rule, faults in self._faults.items() if faults}

    # the observer

    def look(self, seen: Seen, secrets: Iterable[str] | None = None) -> None:
        """Judge one answer; `secrets` are the keys that this one was sent with, where they are not always the same."""
        self._secret(seen, self._secrets if secrets is None else [secret.encode() for secret in secrets])
        if seen.operation is None:
            return
        self._json(seen)
        self._request_id(seen)
        if seen.is_good and seen.content_type != "text/event-stream" and seen.case != REFUSAL:
            self._status(seen, seen.operation)
            self._body(seen, seen.operation)
        if seen.operation.does in ASKS_FOR_TASK and seen.is_good:
            self._fresh(seen, seen.operation)

    def _id(self, *parts: str) -> str:
        return "/".join((self._spec.name, *parts))

    def _secret(self, seen: Seen, secrets: list[bytes]) -> None:
        if not secrets:
            return
        rule = self._id(Topic.GENERAL, "secret")
        self.judged(rule, seen.id)
        heads = b"\n".join(value.encode("utf-8", "replace") for _, value in seen.headers)
        for secret in secrets:
            if secret in seen.body or secret in heads:
                where = "body" if secret in seen.body else "headers"
                expected = "an answer without the key that was sent"
                self.fault(
                    rule, Fault(expected=expected, actual=f"the {where} of the answer hold the key", bad=seen.id)
                )

    def _json(self, seen: Seen) -> None:
        rule = self._id(Topic.GENERAL, "json")
        kind = seen.content_type
        is_json = kind == "application/json" or kind.endswith("+json")
        looks = seen.body[:1] in (b"{", b"[") and kind != "text/event-stream"
        if not is_json and not looks:
            return
        self.judged(rule, seen.id)
        if seen.broken is not None:
            expected = "valid JSON with each key once"
            self.fault(rule, Fault(expected=expected, actual=f"no valid JSON: {seen.broken}", bad=seen.id))
        elif not is_json:
            actual = f"JSON sent as {kind or 'no content type at all'}"
            self.fault(rule, Fault(expected="JSON sent as application/json", actual=actual, bad=seen.id))

    def _request_id(self, seen: Seen) -> None:
        header = self._spec.request_id_header
        if header is None:
            return
        rule = self._id(Topic.ANSWERS, "request-id")
        self.judged(rule, seen.id)
        if not seen.header(header):
            actual = f"an answer with status {seen.status} lacks it"
            self.fault(rule, Fault(expected=f"the header {header} on each answer", actual=actual, bad=seen.id))

    def _status(self, seen: Seen, operation: Operation) -> None:
        named = self._id(Topic.ANSWERS, operation.name, "status")
        known = {rule.id for rule in self._spec.rules}
        rule = named if named in known else self._id(Topic.ANSWERS, operation.name)
        self.judged(rule, seen.id)
        if seen.status != operation.answer.status:
            expected = f"status {operation.answer.status} for a good {operation.name}"
            self.fault(rule, Fault(expected=expected, actual=f"status {seen.status}", bad=seen.id))

    def _fresh(self, seen: Seen, operation: Operation) -> None:
        phase = names_of_states(self._spec, operation).get(seen.state or "")
        if phase is None or phase.is_final:
            return
        rule = self._id(Topic.GENERAL, "fresh-status")
        self.judged(rule, seen.id)
        control = (seen.header("cache-control") or "").lower()
        if "no-store" in control or "no-cache" in control:
            return
        age = STORABLE.search(control)
        if (age and int(age[1]) > 0) or "immutable" in control:
            expected = "an unfinished state that no cache keeps (no-store, no-cache or max-age=0)"
            self.fault(rule, Fault(expected=expected, actual=f"Cache-Control: {control}", bad=seen.id))

    # bodies

    def _body(self, seen: Seen, operation: Operation) -> None:
        rule = self._id(Topic.ANSWERS, operation.name)
        phase = self._phase(seen, operation)
        if operation.answer.by_phase and phase is None and operation.does in ASKS_FOR_TASK:
            return  # a state that is not known: the rules of states say so
        if seen.broken is not None and seen.tree is None:
            return  # no JSON at all: the rule of JSON says so
        if self._is_risen(seen, phase):
            return  # a task that had ended tells another state: the rule of ends says so
        self.judged(rule, seen.id)
        for error in self._errors(operation, phase, seen.tree):
            self._route(seen, operation, phase, error, rule)
        self._identified(seen, operation)

    def _is_risen(self, seen: Seen, phase: Phase | None) -> bool:
        """Whether a task tells a state of its life after its end was told."""
        if seen.task is None or phase is None:
            return False
        if phase.is_final:
            self._ended.add(seen.task)
        return not phase.is_final and seen.task in self._ended

    def _identified(self, seen: Seen, operation: Operation) -> None:
        if self._spec.tasks is not None and "task.id" in read_answer(operation, seen.tree):
            self.judged(self._id(Topic.STATES, "id"), seen.id)

    def _phase(self, seen: Seen, operation: Operation) -> Phase | None:
        phase = names_of_states(self._spec, operation).get(seen.state or "")
        shown = operation.answer.by_phase
        return Phase.RUNNING if phase is Phase.QUEUED and phase not in shown and Phase.RUNNING in shown else phase

    def _errors(self, operation: Operation, phase: Phase | None, tree: JsonTree) -> list[ValidationError]:
        known = phase if phase in operation.answer.by_phase else None
        judge = self._judges.get((operation.name, known))
        if judge is None:
            judge = self._judges[operation.name, known] = validator(answer_schema(self._spec, operation, known))
        return list(judge.iter_errors(tree))

    def _route(self, seen: Seen, operation: Operation, phase: Phase | None, error: ValidationError, rule: str) -> None:
        """Give a difference to the rule that says most about it: the form of ids, a state, a code, or the answer."""
        name = _placeholder(operation, phase, tuple(error.absolute_path))
        wrong = str(error.message)
        shown = wrong if len(wrong) <= SHOWN else f"{wrong[:SHOWN]}..."
        at = "/".join(str(part) for part in error.absolute_path) or "the body"
        if name == "state" and error.validator == "enum":
            if operation.does in MAKES_IMAGES and not isinstance(error.instance, str):
                self.fault(rule, Fault(expected=f"a state at {at}", actual=shown, bad=seen.id))
            elif operation.does in MAKES_IMAGES:
                rule = self._state_rule()
                self.fault(rule, Fault(expected="a documented state", actual=f"state {error.instance!r}", bad=seen.id))
            return
        if name == "task.id" and error.validator == "pattern":
            rule = self._id(Topic.STATES, "id")
        elif name == "task.progress":
            rule = self._progress_rule(rule)
        elif name == "failure.code":
            return  # the rules of failures know which one was planned
        self.fault(rule, Fault(expected=f"{at} as documented", actual=f"at {at}: {shown}", bad=seen.id))

    def _state_rule(self) -> str:
        states = self._spec.tasks.states if self._spec.tasks else {}
        return self._id(Topic.STATES, Phase.QUEUED if Phase.QUEUED in states else Phase.RUNNING)

    def _progress_rule(self, rule: str) -> str:
        own = self._id(Topic.STATES, "progress")
        return own if any(item.id == own for item in self._spec.rules) else rule


def _placeholder(operation: Operation, phase: Phase | None, path: tuple[str | int, ...]) -> str | None:
    """The name of the value that stands at a path of an answer."""
    templates = templates_of(operation)
    chosen = [templates[phase]] if phase in templates else list(templates.values())
    for template in chosen:
        for place in places(template.tree):
            steps = [step for step in place.path if step is not Step.JSON]
            if len(steps) == len(path) and all(
                step == part or (step is Step.EACH and isinstance(part, int))
                for step, part in zip(steps, path, strict=True)
            ):
                return place.name
    return None
