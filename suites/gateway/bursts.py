"""Pass a documented rate limit with a key for which it holds; nobody else is hammered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from imageproof.specs.model import Does
from imageproof.suites.bodies import encode_body
from imageproof.suites.gateway.bench import BOUNDARY, LostError
from imageproof.suites.gateway.plain_calls import unknown_id
from imageproof.suites.gateway.refusals import Aspect

if TYPE_CHECKING:
    from imageproof.specs.model import Operation
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.session import Session

REFERENCES = 3
FACTS = {"status": Aspect.STATUS, "code": Aspect.CODE, "type": Aspect.TYPE, "message": None}
UNKNOWN_TASKS = 1
BURST_AT_ONCE = 20
MOST_BURSTS = 4


def empty_body(operation: Operation) -> tuple[str, bytes] | None:
    """A body that must be refused, as it lacks everything; None for operations that take none."""
    if operation.content == "none":
        return None
    if operation.content == "json":
        return "application/json", b"{}"
    return encode_body(operation, {"imageproof": "x"}, boundary=BOUNDARY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Requests sent as fast as possible: how many within how many seconds, and the first refusal for it (a 429)."""

    sent: int
    took_s: float
    refusal: Seen | None


async def burst(session: Session, operation: Operation) -> Burst:
    """Pass the documented rate of an operation with a key for which it holds, after everything else has ended."""
    async with session.quiet.alone():
        return cast("Burst", await session.shared(f"burst {operation.name}", lambda: _burst(session, operation)))


async def _burst(session: Session, operation: Operation) -> Burst:
    limit, status = session.spec.limits[operation.does], session.spec.errors["rate_limited"].status
    key = session.bench.keys_of("own_limited")
    headers = (session.bench.auth_header(key),) if key else ()
    task = unknown_id(session) if operation.does is Does.POLL else None

    async def one() -> Seen | None:
        try:
            seen = await session.bench.call(
                "burst",
                operation,
                data=empty_body(operation),
                task_id=task,
                headers=headers,
                account="own_limited",
                honour_429=False,
            )
        except LostError:
            return None
        return seen if seen.status == status else None

    began, sent = session.now(), 0
    while sent < MOST_BURSTS * (limit.burst + BURST_AT_ONCE):
        sent += BURST_AT_ONCE
        for seen in await asyncio.gather(*(one() for _ in range(BURST_AT_ONCE))):
            if seen is not None:
                return Burst(sent=sent, took_s=session.now() - began, refusal=seen)
    return Burst(sent=sent, took_s=session.now() - began, refusal=None)
