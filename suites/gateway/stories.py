"""What became of one job, from the submit to the last image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imageproof.specs.model import Phase
    from imageproof.suites.gateway.bench import Seen
    from imageproof.suites.gateway.events import Event
    from imageproof.suites.gateway.jobs import Job
    from imageproof.suites.gateway.pictures import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A job that was sent. `phase` is where it came to; `lost` says why nobody knows.

    `final` is the answer that told the end: the last poll, the result, or the answer itself. `events` are those of a
    stream. `odd` names a state that the spec does not know. `unreachable` are results that could not be fetched,
    `again` the first image fetched once more where a later poll links elsewhere.
    """

    job: Job
    submit: Seen
    polls: tuple[Seen, ...] = ()
    phase: Phase | None = None
    final: Seen | None = None
    images: tuple[Image, ...] = ()
    events: tuple[Event, ...] = ()
    unreachable: tuple[tuple[str, int], ...] = ()
    again: tuple[Image, ...] = ()
    lost: str = ""
    odd: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the request was taken."""
        return self.submit.is_good

    @property
    def end(self) -> Seen:
        """The last answer about it."""
        return self.final or (self.polls[-1] if self.polls else self.submit)
