"""When the next request may go out: a rate of the user's choice, and the pauses that a target asks for.

Nothing here waits or knows what time it is: times are told, in seconds since the start of the run.
"""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1 << 20
SHARED = 4  # refusals that count as one while others are answered
FORGETS = 0.95  # how much of the distance that a target has taught is left after each answer that is no refusal

WORTH_S = 1.0  # a shorter pause says when one more request is welcome, and nothing about those after it


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a target is treated.

    At most `concurrency` requests at once and `per_second` in a second, over the whole run. An exchange may take
    `patience_s` in all, its first byte `first_byte_s`, the whole run `total_s`. An answer has at most `max_body` bytes.
    A request that is refused with 429 and a pause is sent up to `retry_429` times more; refusals while others were
    answered count a quarter, as a limit that is shared hits somebody.
    """

    concurrency: int = 16
    per_second: float | None = None
    patience_s: float = 60.0
    first_byte_s: float | None = None
    max_body: int = 64 * MIB
    total_s: float | None = None
    retry_429: int = 3


class Gate:
    """Keeps all requests of a run to one rate.

    A target that asks for a pause is left alone until it is over. From then on it is asked as often as it has just
    answered, so that sixteen requests don't run into the same limit again; each answer lets it go a little faster.
    """

    __slots__ = ("_answers", "_distance_s", "_least_s", "_next_s", "_paused_s")

    def __init__(self, per_second: float | None) -> None:
        self._least_s = 1 / per_second if per_second else 0.0
        self._next_s = 0.0
        self._distance_s = 0.0
        self._answers = 0
        self._paused_s = 0.0

    def wait_s(self, now_s: float) -> float:
        """The seconds until a request may go out; zero or less: now."""
        return self._next_s - now_s

    def take(self, now_s: float) -> None:
        """Note that a request goes out."""
        self._next_s = max(self._next_s, now_s) + max(self._least_s, self._distance_s)

    def answered(self) -> None:
        """Note an answer that asks for no pause."""
        self._answers += 1
        self._distance_s *= FORGETS

    def pause(self, wait_s: float, *, began_s: float, now_s: float) -> None:
        """Note that the request that went out at `began_s` was told to come back in `wait_s` seconds.

        Requests that were under way together are refused together, and teach one lesson.
        """
        if began_s >= self._paused_s:
            granted_s = (now_s + wait_s - self._paused_s) / max(1, self._answers)
            self._distance_s = min(granted_s, max(wait_s, self._distance_s, WORTH_S))
            self._answers, self._paused_s = 0, now_s
        self._next_s = max(self._next_s, now_s + wait_s)
