"""Bodies of requests that have been read before: who orders the same thing again sends the same bytes.

Clients that try again do so, and tools that make load with one request. What the contract says of a body follows from
its bytes, so a valid one is parsed and checked twice and then known. What was learned of it is never changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imageproof.mock_server.triggers import HEADER, NOTHING
from imageproof.specs.stamp import digest_of

if TYPE_CHECKING:
    from imageproof.mock_server.call import Call
    from imageproof.mock_server.record import Mould
    from imageproof.specs.model import Model, Shape
    from imageproof.specs.outcome import Outcome
    from imageproof.specs.template import Template

MOST = 1024
LONGEST = 4096
AGAIN = 2


@dataclass(slots=True)
class Understood:
    """What was learned of a valid body without test cards; `content_type` came with it.

    `digest` is that of the prompt. What all of its jobs have in common is added when the first of them is taken: the
    `mould` of their records, and the `answer` with all but what is of one job.
    """

    content_type: str
    raw: bytes
    body: dict[str, object]
    model: Model
    shape: Shape
    asked: dict[str, object]
    prompt: str
    outcome: Outcome
    job: bytes
    digest: bytes
    mould: Mould | None = None
    answer: Template | None = None


class Bodies:
    """The bodies that a service knows, by the endpoint that they were sent to."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], Understood] = {}

    def recall(self, call: Call) -> bool:
        """Put what is known of its body into a call; False, with nothing done, for one that has to be read and checked.

        Then nothing but the balance of its account can be said against it.
        """
        account, headers = call.account, call.headers
        known = self._known.get((id(call.endpoint), call.raw))
        if known is None or account.limited or account.script is not NOTHING:
            return False
        if HEADER in headers or known.content_type != headers.get("Content-Type", ""):
            return False
        call.raw = known.raw  # one and the same for the journal, so that it is kept once
        call.known, call.body, call.job, call.asked = known, known.body, known.job, known.asked
        call.model, call.shape, call.prompt, call.outcome = known.model, known.shape, known.prompt, known.outcome
        return True

    def note(self, call: Call) -> None:
        """Keep what was learned of a valid body, should it have come before."""
        if call.attempt < AGAIN or len(call.raw) > LONGEST or call.script is not NOTHING:
            return
        if call.outcome is None or call.model is None or call.shape is None or call.operation.content != "json":
            return
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[id(call.endpoint), call.raw] = Understood(
            call.headers.get("Content-Type", ""),
            call.raw,
            call.body,
            call.model,
            call.shape,
            call.asked,
            call.prompt,
            call.outcome,
            call.job,
            digest_of(call.prompt),
        )
