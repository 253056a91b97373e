"""What an earlier part of a run has sent and paid for, read back from its record."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from imageproof.suites.gateway.bench import Seen

if TYPE_CHECKING:
    from imageproof.records.lines import Exchange
    from imageproof.records.reading import Run
    from imageproof.specs.model import Operation, Spec

JOB = "job "


def paid_before(spec: Spec, run: Run) -> dict[str, Seen]:
    """The answers to billable requests by the keys of their jobs; those whose record was cut are left out."""
    out: dict[str, Seen] = {}
    for exchange in run.exchanges.values():
        operation = spec.operations.get(exchange.operation)
        if exchange.micro_usd and operation is not None and exchange.case.startswith(JOB):
            seen = _seen(exchange, operation)
            if seen is not None:
                out.setdefault(exchange.case.removeprefix(JOB), seen)
    return out


def _seen(exchange: Exchange, operation: Operation) -> Seen | None:
    response = exchange.response
    if response is None or response.body is None or response.body.cut or response.body.text is None:
        return None
    try:
        tree = orjson.loads(response.body.text)
    except orjson.JSONDecodeError:  # no JSON came then, so there is no task in it
        return None
    return Seen(
        id=exchange.id,
        case=exchange.case,
        operation=operation,
        status=response.status,
        headers=response.headers,
        body=response.body.text.encode(),
        tree=tree,
        broken=None,
        account="own",
        began_s=exchange.began_s,
        ended_s=exchange.ended_s,
        task=exchange.task,
        state=exchange.state,
    )
