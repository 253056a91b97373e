"""What is known of one scenario once it is over: the wire, what the client told its caller, and the truth behind it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imageproof.records.lines import Exchange
    from imageproof.specs.model import Spec
    from imageproof.specs.scenario import Order, Scenario


class Told(StrEnum):
    """What a client said of a job. `silent` said nothing that can be read."""

    DONE = "done"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    SILENT = "silent"


class End(StrEnum):
    """How a client's work on a scenario ended."""

    EXITED = "exited"
    CRASHED = "crashed"
    HUNG = "hung"
    FLOODED = "flooded"
    NOT_STARTED = "not started"
    UNANSWERED = "unanswered"
    WATCHED = "watched"  # it is no process of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a client told its caller. `images` are SHA-256 digests of the bytes it delivered, None: it did not say."""

    told: Told
    images: tuple[str, ...] | None = None
    kind: str | None = None
    code: str | None = None
    message: str | None = None
    task: str | None = None
    request_ids: tuple[str, ...] = ()
    gave_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How the process, or its part in this scenario, ended. `seconds` are real ones; `output` is the last of stderr."""

    end: End
    code: int | None = None
    seconds: float = 0.0
    output: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """One job as the provider knows it. Times are the account's own seconds since its first request.

    `exchange` is the id of the exchange that ordered it, `images` the digests of what it delivers, `micro_usd` what it
    costs in the end, `was_lost` whether the answer to the order never reached the client.
    """

    task: str
    exchange: int
    began_s: float
    ended_s: float | None
    succeeded: bool
    images: tuple[str, ...]
    micro_usd: int
    was_lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """One scenario, over. `scale` is how many account seconds pass in a real one; 0 where time stood still.

    `call_backs` is how many were answered by anybody. `jitter_s` is how late this machine may wake somebody, and
    `held_s` how long it takes to start a process that does nothing, in real seconds, as measured at worst meanwhile.
    `scenario` and `order` are None where a client was only watched.
    """

    spec: Spec
    exchanges: tuple[Exchange, ...]
    truths: tuple[Truth, ...]
    answer: Answer
    ending: Ending
    scenario: Scenario | None = None
    order: Order | None = None
    scale: float = 1.0
    call_backs: int = 0
    jitter_s: float = 0.02
    held_s: float = 0.0

    @property
    def name(self) -> str:
        """The name of the scenario, or of what was watched."""
        return self.scenario.name if self.scenario else "watched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What one scenario says of one rule. `ok` says whether the client did right.

    `rule` is a whole id. `expected` and `actual` are one sentence each; `bad` is the exchange that shows it, `good` one
    to compare it with, `details` raw numbers such as intervals.
    """

    rule: str
    ok: bool
    expected: str = ""
    actual: str = ""
    bad: int | None = None
    good: int | None = None
    others: tuple[int, ...] = ()
    details: Mapping[str, str] | None = None
