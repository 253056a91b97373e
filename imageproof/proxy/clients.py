"""Judge the clients' side of traffic: one watch for each key, as nobody may mix the polls of two clients."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from imageproof.proxy.relay import ENDED
from imageproof.specs.client import client_rules
from imageproof.specs.facts import How, Level
from imageproof.specs.model import MAKES_IMAGES, Phase
from imageproof.suites.client.findings import findings
from imageproof.suites.client.judging import judge
from imageproof.suites.client.watch import Answer, End, Ending, Told, Truth, Watch
from imageproof.suites.gateway.reading import names_of_states

if TYPE_CHECKING:
    from imageproof.proxy.asking import Asked
    from imageproof.proxy.tape import Tape
    from imageproof.records.lines import Content, Exchange, Finding
    from imageproof.specs.facts import Rule
    from imageproof.specs.model import Spec

IN_MEMORY = 16_384  # characters of a body that are kept for the judges; the record has more
RESET = "reset"  # the kind of fault after which nobody knows what a client was told


@dataclass(slots=True)
class _Client:
    """What one key was used for. `orders` and `ends` hold by task the exchanges that ordered it, or told its end."""

    exchanges: list[Exchange] = field(default_factory=list)
    orders: dict[str, Exchange] = field(default_factory=dict)
    ends: dict[str, tuple[Exchange, bool]] = field(default_factory=dict)


class Clients:
    """Keeps what each client sent, and judges it at the end."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._clients: dict[str, _Client] = {}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that hold for clients and for nobody else."""
        known = {rule.id for rule in self._spec.rules}
        return tuple(rule for rule in client_rules(self._spec) if rule.id not in known)

    def take(self, exchange: Exchange, tape: Tape, asked: Asked, key: str) -> None:
        """Keep an exchange of a client, which is told by its key. What is no business of the provider's is left out."""
        if not exchange.operation or tape.note == ENDED:
            return
        short = _short(exchange)
        sure = [item.rule for item in asked.violations if item.rule.source.how is not How.ASSUMED]
        short = replace(short, rules=tuple(rule.id for rule in sure if rule.level is Level.MUST))
        if tape.is_ours:
            short = replace(short, trouble=None)  # the client was answered, if only by the proxy
        elif tape.trouble is not None:
            short = replace(short, fault=RESET)  # nobody left: the other side ended it
        client = self._clients.setdefault(key, _Client())
        client.exchanges.append(short)
        self._note_task(client, short)

    def _note_task(self, client: _Client, exchange: Exchange) -> None:
        operation = self._spec.operations.get(exchange.operation)
        if operation is None or exchange.task is None:
            return
        if operation.does in MAKES_IMAGES:
            client.orders.setdefault(exchange.task, exchange)
        phase = names_of_states(self._spec, operation).get(exchange.state or "")
        if phase is not None and phase.is_final:
            client.ends.setdefault(exchange.task, (exchange, phase is Phase.SUCCEEDED))

    def findings(self, *, strict: bool, at_s: float) -> list[Finding]:
        """The verdicts on all rules for clients that something was seen of."""
        watches = [self._watch(client, at_s) for client in self._clients.values()]
        found = findings(self._spec, [(watch, judge(watch)) for watch in watches], strict=strict)
        return [replace(item, at_s=round(at_s, 6)) for item in found if item.verdict.is_judged]

    def _watch(self, client: _Client, at_s: float) -> Watch:
        return Watch(
            spec=self._spec,
            exchanges=tuple(client.exchanges),
            truths=tuple(_truths(client)),
            answer=Answer(told=Told.SILENT),
            ending=Ending(end=End.WATCHED, seconds=at_s),
        )


def _truths(client: _Client) -> list[Truth]:
    """The jobs whose end was told, as far as the wire shows them."""
    return [
        Truth(
            task=task,
            exchange=order.id,
            began_s=order.began_s,
            ended_s=client.ends[task][0].began_s,
            succeeded=client.ends[task][1],
            images=(),
            micro_usd=order.micro_usd,
        )
        for task, order in client.orders.items()
        if task in client.ends
    ]


def _short(exchange: Exchange) -> Exchange:
    """An exchange as it is kept in memory."""
    request, response = exchange.request, exchange.response
    return replace(
        exchange,
        request=replace(request, body=_shorter(request.body)),
        response=replace(response, body=_shorter(response.body)) if response is not None else None,
        curl="",
    )


def _shorter(body: Content | None) -> Content | None:
    if body is None or body.text is None or len(body.text) <= IN_MEMORY:
        return body
    return replace(body, text=body.text[:IN_MEMORY], cut=True)
