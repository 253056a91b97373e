"""Judge the provider's side of traffic: every answer for itself, and what a task told over all its polls."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import orjson

from imageproof.proxy.asking import plain
from imageproof.proxy.refusing import Refusals
from imageproof.proxy.streaming import Streams, usage_of
from imageproof.specs.contract import Topic
from imageproof.specs.model import ASKS_FOR_TASK, Does
from imageproof.suites.gateway.ambient import REFUSAL, Ambient
from imageproof.suites.gateway.bench import Seen
from imageproof.suites.gateway.findings import finding_of
from imageproof.suites.gateway.histories import judge_history, settle_names
from imageproof.suites.gateway.reading import read_answer, read_error, state_of, task_id_of
from imageproof.suites.gateway.verdicts import Fault
from imageproof.suites.wire import strict_json

if TYPE_CHECKING:
    from imageproof.proxy.asking import Asked
    from imageproof.proxy.places import Found
    from imageproof.proxy.tape import Tape
    from imageproof.records.lines import Finding
    from imageproof.specs.model import JsonTree, Spec

ECHO = 8  # characters: a shorter key may stand in an answer by chance
AT_ONCE_S = 60.0  # a first poll after this time says nothing about whether a task was found at once
SUCCESS = range(200, 300)


@dataclass(slots=True)
class Life:
    """What was seen of one task: the submit, if anybody watched then, and the polls."""

    submit: Seen | None = None
    polls: list[Seen] = field(default_factory=list)


class Provider:
    """Judges the answers of one provider."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._ambient = Ambient(spec, ())
        self._refusals = Refusals(spec, self._ambient)
        self._streams = Streams(spec, self._ambient)
        self._lives: dict[tuple[str, str], Life] = {}
        self._results: dict[str, str] = {}
        self._known = {rule.id for rule in spec.rules}

    def look(self, tape: Tape, found: Found | None, asked: Asked, keys: tuple[str, ...]) -> Seen | None:
        """Judge one answer. None when there is none, or when it did not come whole."""
        seen = self._seen(tape, found, asked, keys)
        if seen is None:
            return None
        if seen.operation is None:
            return seen
        self._ambient.look(seen, [key for key in keys if len(key) >= ECHO])
        self._refusals.look(seen, asked)
        if seen.is_good:
            self._streams.look(seen)
            self._sums(seen)
        self._remember(seen)
        for url in read_answer(seen.operation, seen.tree).get("image.url", []) if seen.is_good else ():
            self._results.setdefault(_path(str(url)), seen.task or "")
        return seen

    def result_at(self, tape: Tape) -> str | None:
        """The task whose result a request fetches, empty for one without a task; None for another request."""
        return self._results.get(tape.target) if tape.method == "GET" else None

    def _seen(self, tape: Tape, found: Found | None, asked: Asked, keys: tuple[str, ...]) -> Seen | None:
        if tape.status is None or tape.trouble is not None or tape.note or tape.is_ours:
            return None
        body = plain(tape.response_body, tape.answered_packing)
        if body is None:
            return None
        operation = found.operation if found else None
        tree, broken = _tree(body, tape.answered("content-type"))
        codes = [item.code for item in self._spec.errors.values() if item.status == tape.status in SUCCESS]
        refused = bool(codes) and read_error(self._spec, operation, None, tree).code in codes
        good = tape.status in SUCCESS and not refused
        asks = operation is not None and operation.does in ASKS_FOR_TASK
        told = task_id_of(operation, tree) if operation is not None and good else None
        return Seen(
            id=tape.number,
            case=REFUSAL if asked.violations else "traffic",
            operation=operation,
            status=tape.status,
            headers=tape.response_headers,
            body=body,
            tree=tree,
            broken=broken,
            account=hashlib.sha256("\n".join(keys).encode()).hexdigest()[:12],
            began_s=tape.began_s,
            ended_s=tape.ended_s,
            task=(found.task if found and asks else None) or told,
            state=state_of(operation, tree) if operation is not None and good else None,
            is_refusal=refused,
        )

    # tasks

    def _remember(self, seen: Seen) -> None:
        operation = seen.operation
        if seen.task is None or operation is None:
            return
        short = replace(seen, body=b"")
        life = self._lives.setdefault((seen.account, seen.task), Life())
        if operation.does is Does.SUBMIT and seen.is_good:
            life.submit = life.submit or short
        elif operation.does is Does.POLL and (seen.is_good or self._is_unknown(seen)):
            life.polls.append(short)

    def _is_unknown(self, seen: Seen) -> bool:
        """Whether a poll says that there is no such task."""
        answer = self._spec.errors.get("task_not_found")
        return answer is not None and seen.status == answer.status

    def _histories(self) -> None:
        for life in self._lives.values():
            polls: list[Seen] = []
            for poll in sorted(life.polls, key=lambda item: item.began_s):
                if not polls or poll.began_s >= polls[-1].ended_s:
                    polls.append(poll)  # of polls at the same time nobody knows which was answered first
            submit = life.submit
            if submit is None or not polls or not 0 <= polls[0].began_s - submit.ended_s <= AT_ONCE_S:
                submit = None
            judge_history(self._spec, self._ambient, submit, polls)
        settle_names(self._spec, self._ambient)

    # sums

    def _sums(self, seen: Seen) -> None:
        rule = f"{self._spec.name}/{Topic.GENERAL}/usage-sums"
        for usage in usage_of(seen) if rule in self._known else ():
            for total, parts in (
                ("usage.total_tokens", ("usage.input_tokens", "usage.output_tokens")),
                ("usage.input_tokens", ("usage.text_tokens", "usage.image_tokens")),
            ):
                if total not in usage or any(part not in usage for part in parts):
                    continue
                self._ambient.judged(rule, seen.id)
                wanted, name = sum(usage[part] for part in parts), total.removeprefix("usage.")
                if usage[total] != wanted:
                    fault = Fault(expected=f"{name} {wanted}", actual=f"{name} {usage[total]}", bad=seen.id)
                    self._ambient.fault(rule, fault)

    # the end

    def findings(self, *, strict: bool, at_s: float) -> list[Finding]:
        """The verdicts on all rules that something was seen of."""
        self._histories()
        out = []
        for rule in self._spec.rules:
            judgement = self._ambient.judgement(rule.id)
            if judgement.judged or judgement.faults:
                out.append(finding_of(self._spec, rule, judgement, strict=strict, at_s=at_s))
        return out


def _path(url: str) -> str:
    """Path and query: whatever host a result is fetched from, it is the same."""
    return "/" + url.partition("://")[2].partition("/")[2].partition("#")[0]


def _tree(body: bytes, kind: str) -> tuple[JsonTree, str | None]:
    """The JSON of an answer, and why it is none."""
    if not body or kind.startswith("text/event-stream"):
        return None, None
    try:
        return strict_json(body), None
    except ValueError as error:
        return _lenient(body), str(error)


def _lenient(body: bytes) -> JsonTree:
    """What can be read of JSON that has a fault, such as a key twice: one fault should not hide the rest."""
    try:
        tree: JsonTree = orjson.loads(body)
    except orjson.JSONDecodeError:  # said already
        return None
    return tree
