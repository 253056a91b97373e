"""Bodies of requests that have been read before: who orders the same thing again sends the same bytes.

Clients that try again do so, and tools that make load with one request. What the contract says of a body follows from
its bytes, so a valid one is parsed and checked twice and then known. What was learned of it is never changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from imageproof.mock_server.call import Call
    from imageproof.specs.model import Model, Shape
    from imageproof.specs.outcome import Outcome

MOST = 1024
LONGEST = 4096
AGAIN = 2


class Understood(NamedTuple):
    """What was learned of a valid body, but for what else its request says; `content_type` came with it."""

    content_type: str
    body: dict[str, object]
    model: Model
    shape: Shape
    asked: dict[str, object]
    prompt: str
    outcome: Outcome
    job: bytes


class Bodies:
    """The bodies that a service knows, by the endpoint that they were sent to."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], Understood] = {}

    def find(self, call: Call) -> Understood | None:
        """What is known of the body of a call; None for one that has to be read."""
        known = self._known.get((id(call.endpoint), call.raw))
        return known if known is not None and known.content_type == call.headers.get("Content-Type", "") else None

    def note(self, call: Call) -> None:
        """Keep what was learned of a valid body, should it have come for the second time."""
        if call.attempt != AGAIN or call.known is not None or len(call.raw) > LONGEST:
            return
        if call.outcome is None or call.model is None or call.shape is None or call.operation.content != "json":
            return
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[id(call.endpoint), call.raw] = Understood(
            call.headers.get("Content-Type", ""),
            call.body,
            call.model,
            call.shape,
            call.asked,
            call.prompt,
            call.outcome,
            call.job,
        )
