"""What a judge looks at: the exchanges of one scenario, sorted by what they were for, with times in account seconds.

Laws: nothing is read here but what was on the wire and what the provider knows; whatever may not have reached the
client counts as not told to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import orjson

from imageproof.specs.faults import KINDS
from imageproof.specs.model import MAKES_IMAGES, Does, Phase
from imageproof.specs.places import places, read_all, templates_of
from imageproof.suites.client.watch import End, Told
from imageproof.suites.gateway.reading import names_of_states, read_answer, read_error, state_of, task_id_of

if TYPE_CHECKING:
    from imageproof.records.lines import Exchange
    from imageproof.specs.model import ErrorAnswer, Operation, Spec
    from imageproof.suites.client.watch import Truth, Watch

DOWNLOAD = "download"
FLOOR_S = 0.05  # real seconds that any system may be off by
GRAIN_S = 0.01  # real seconds that a timer may be early by
HELD_UP = 10.0  # times what a process takes that does nothing: a step of a shell client is several, and larger ones
BLUR_S = 0.002  # real seconds that the end of one exchange and the beginning of the next may be off by
SHARE = 0.05
GOOD, ERROR, SERVER_ERROR, TIMEOUT, TOO_MANY, NOT_FOUND = 200, 400, 500, 408, 429, 404
UNTOLD = frozenset({"reset", "lost", "half_closed", "silent", "refused"})  # faults after which nothing arrives
DOUBTFUL = UNTOLD | {"slow", "drip", "stall", "json", "content_type", "content_length", "gzip", "field"}
LEAVES = frozenset({"lost", "half_closed", "silent"})  # after which it is the client that ends the connection
LEFT = "client left"  # of the note of an exchange whose client did not wait for the answer
WORD = re.compile(r"[a-z][a-z0-9_]*")


def fault_words(exchange: Exchange) -> frozenset[str]:
    """The names of what was done wrong on purpose in this exchange."""
    return frozenset(word for word in WORD.findall(exchange.fault) if word in KINDS)


def header(exchange: Exchange, name: str) -> str | None:
    """A header of the answer."""
    pairs = exchange.response.headers if exchange.response else ()
    return next((value for key, value in pairs if key.lower() == name.lower()), None)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One watch, ready to be judged."""

    watch: Watch

    # times, in account seconds

    @property
    def is_timed(self) -> bool:
        """Whether intervals mean anything: not where time stood still or was set."""
        return self.watch.scale > 0

    @property
    def slack_s(self) -> float:
        """What an interval may be off by on this machine, without anybody's fault."""
        return (FLOOR_S + self.watch.jitter_s) * self.watch.scale

    @property
    def held_s(self) -> float:
        """For how long this machine may hold up a client between two of its requests, however short it waits."""
        return HELD_UP * self.watch.held_s * self.watch.scale

    def tolerance_s(self, wait_s: float) -> float:
        """How much shorter than `wait_s` a wait may look."""
        return max(FLOOR_S * self.watch.scale, SHARE * wait_s) + self.watch.jitter_s * self.watch.scale

    def grain_s(self, wait_s: float) -> float:
        """How much shorter a wait after an answer may look than it was, counted from when the request arrived.

        The answer came later than that, and the next request arrived later than it was sent: whatever the machine does
        makes such a wait longer. What is left is the grain of the client's clock, and how it rounds.
        """
        return GRAIN_S * self.watch.scale + SHARE * wait_s

    def began(self, exchange: Exchange) -> float:
        """When a request arrived."""
        return exchange.began_s * self.watch.scale if exchange.account_s is None else exchange.account_s

    def ended(self, exchange: Exchange) -> float:
        """When its answer was out."""
        return self.began(exchange) + max(0.0, exchange.ended_s - exchange.began_s) * self.watch.scale

    def is_in_sequence(self, before: Exchange, after: Exchange, *, are_same: bool) -> bool:
        """Whether a request was sent in the knowledge of how another one ended; not when it was under way by then.

        `are_same` says whether it is the same request. When a client has left, the server learns of it a moment later.
        Soon after an answer, on another connection, another request may have been sent before; so may the same one of a
        client that has been seen to send several at once.
        """
        gap = self.began(after) - self.ended(before)
        if self.status(before) is None and (self.left(before) or fault_words(before) & LEAVES):
            return gap >= -self.slack_s
        if gap < -BLUR_S * self.watch.scale:
            return False
        if gap > self.slack_s or (before.connection is not None and before.connection == after.connection):
            return True
        return are_same and not self._sends_several

    @cached_property
    def _sends_several(self) -> bool:
        """Whether the client sent a request while another one, which was answered, was under way."""
        blur = BLUR_S * self.watch.scale
        told = (item for item in self.all if self.is_told(item))
        latest = 0.0
        for item in told:
            if self.began(item) < latest - blur:
                return True
            latest = max(latest, self.ended(item))
        return False

    @cached_property
    def over(self) -> float:
        """When the client was over at the latest."""
        last = max((self.ended(item) for item in self.watch.exchanges), default=0.0)
        return max(last, self.watch.ending.seconds * self.watch.scale)

    # exchanges, by what they are for

    @property
    def spec(self) -> Spec:
        """The contract."""
        return self.watch.spec

    @cached_property
    def all(self) -> tuple[Exchange, ...]:
        """What the client sent, in the order of arrival."""
        own = (item for item in self.watch.exchanges if item.side == "client")
        return tuple(sorted(own, key=lambda item: (self.began(item), item.id)))

    def operation_of(self, exchange: Exchange) -> Operation | None:
        """The operation of an exchange; None for another method at its path, and for what is no operation."""
        operation = self.spec.operations.get(exchange.operation)
        return operation if operation and operation.method == exchange.request.method else None

    def _doing(self, purposes: frozenset[Does]) -> tuple[Exchange, ...]:
        found = ((item, self.operation_of(item)) for item in self.all)
        return tuple(item for item, operation in found if operation and operation.does in purposes)

    @cached_property
    def creates(self) -> tuple[Exchange, ...]:
        """The requests that order images."""
        return self._doing(MAKES_IMAGES)

    @cached_property
    def polls(self) -> dict[str, tuple[Exchange, ...]]:
        """The polls by task."""
        out: dict[str, list[Exchange]] = {}
        for item in self._doing(frozenset({Does.POLL})):
            out.setdefault(item.task or item.request.url, []).append(item)
        return {task: tuple(found) for task, found in out.items()}

    @cached_property
    def downloads(self) -> tuple[Exchange, ...]:
        """The requests that fetch results."""
        return tuple(item for item in self.all if item.operation == DOWNLOAD and item.request.method == "GET")

    def is_synchronous(self, exchange: Exchange) -> bool:
        """Whether the answer to an order holds the images."""
        operation = self.operation_of(exchange)
        return operation is not None and operation.does in (Does.GENERATE, Does.EDIT)

    # what was answered

    def is_told(self, exchange: Exchange) -> bool:
        """Whether an answer came, as far as can be known."""
        if exchange.response is None or exchange.trouble is not None or LEFT in exchange.note:
            return False
        if exchange.id in self._lost and exchange.response.status < ERROR:
            return False
        return not fault_words(exchange) & UNTOLD or exchange.response.status >= ERROR

    @cached_property
    def _lost(self) -> frozenset[int]:
        return frozenset(truth.exchange for truth in self.watch.truths if truth.was_lost)

    def left(self, exchange: Exchange) -> bool:
        """Whether the client went away before the answer, while the server was still there."""
        if LEFT in exchange.note:
            return True
        cut = exchange.id in self._lost or fault_words(exchange) & UNTOLD
        return self.status(exchange) is None and not cut

    def status(self, exchange: Exchange) -> int | None:
        """The status that was answered; None for no answer."""
        return exchange.response.status if exchange.response and self.is_told(exchange) else None

    def body(self, exchange: Exchange) -> object:
        """The JSON of an answer; None where there is none that can be read."""
        content = exchange.response.body if exchange.response else None
        return as_json(content.text if content and not content.cut else None)

    def state(self, exchange: Exchange) -> str | None:
        """The state that an answer tells, in the provider's words; None where it tells none."""
        operation = self.operation_of(exchange)
        status = self.status(exchange)
        if operation is None or status is None or status >= ERROR:
            return None
        body = self.body(exchange)
        return state_of(operation, body) if body is not None else exchange.state

    def phase(self, exchange: Exchange) -> Phase | None:
        """The phase that an answer tells; None where it tells none that is documented."""
        operation = self.operation_of(exchange)
        state = self.state(exchange)
        return names_of_states(self.spec, operation).get(state) if operation and state else None

    def is_passing(self, exchange: Exchange) -> bool:
        """Whether an answer is an error that passes, or none at all."""
        status = self.status(exchange)
        if status is None:
            return True
        known = self.error(exchange)
        if known:
            return all(item.retry == "backoff" for item in known)
        return status in (TIMEOUT, TOO_MANY) or status >= SERVER_ERROR

    def error(self, exchange: Exchange) -> tuple[ErrorAnswer, ...]:
        """The documented errors that an answer may be: those with its status and code. Empty where none fits."""
        status, body = self.status(exchange), self.body(exchange)
        if status is None:
            return ()
        operation = self.operation_of(exchange)
        found = [
            item
            for item in self.spec.errors.values()
            if (item.status == status or status < ERROR)
            and item.code is not None
            and body is not None
            and _same(read_error(self.spec, operation, item, body).code, item.code)
        ]
        return tuple(found)

    def failure_code(self, exchange: Exchange) -> object:
        """The code with which a poll says that a task failed; None where it says none."""
        operation = self.operation_of(exchange)
        if operation is None:
            return None
        return next(iter(read_answer(operation, self.body(exchange), Phase.FAILED).get("failure.code", [])), None)

    def is_whole_end(self, exchange: Exchange, phase: Phase) -> bool:
        """Whether the answer of a finished task holds what the contract has for its end: images, or a reason."""
        operation = self.operation_of(exchange)
        template = templates_of(operation).get(phase) if operation else None
        if template is None:
            return True
        needed = {place.name for place in places(template.tree) if place.name.startswith(("image.", "failure."))}
        found = read_all(self.body(exchange), template)
        return not needed or any(found.get(name) for name in needed)

    def accepted_task(self, exchange: Exchange) -> str | None:
        """The task that an order was answered with."""
        operation, status = self.operation_of(exchange), self.status(exchange)
        if operation is None or status is None or status >= ERROR:
            return None
        return exchange.task or task_id_of(operation, self.body(exchange))

    def order_of(self, task: str) -> Exchange | None:
        """The request that ordered a task."""
        truth = self.truth_of(task)
        for item in self.creates:
            if (truth and item.id == truth.exchange) or item.task == task or self.accepted_task(item) == task:
                return item
        return self.creates[0] if len(self.creates) == 1 else None

    def truth_of(self, task: str | None) -> Truth | None:
        """What the provider knows of a task."""
        return next((item for item in self.watch.truths if item.task == task), None)

    # what the client said

    @property
    def told(self) -> Told | None:
        """What the client said became of the job, also by its exit code; None where it said nothing."""
        if self.watch.answer.told is not Told.SILENT:
            return self.watch.answer.told
        if self.watch.ending.end is End.EXITED:
            return {0: Told.DONE, 2: Told.FAILED}.get(
                self.watch.ending.code if self.watch.ending.code is not None else 1
            )
        return None

    @property
    def has_stopped(self) -> bool:
        """Whether the client ended its work by itself, as far as can be known."""
        return self.watch.ending.end is End.EXITED or self.told in (Told.DONE, Told.FAILED)

    @property
    def prefix(self) -> str:
        """The beginning of the ids of the rules for clients of every provider."""
        return f"{self.spec.name}/client/"


def as_json(text: str | None) -> object:
    """The JSON of a text; None where there is none."""
    try:
        return orjson.loads(text) if text else None
    except orjson.JSONDecodeError:  # it is no JSON: there is nothing to read
        return None


def _same(said: object, documented: object) -> bool:
    return said is not None and str(said) == str(documented)
