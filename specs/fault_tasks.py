"""Faults of whole jobs: their tasks, their results, their streams and call backs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from imageproof.specs.fault_base import FaultError, Lasting, OneOf, What

if TYPE_CHECKING:
    from imageproof.specs.model import JsonTree

# tasks


@dataclass(frozen=True, slots=True)
class Stuck(OneOf):
    """A task that never leaves a state."""

    KEY = "stuck"
    WRITE = "{stuck: running}"
    DOES = "the task stays waiting or running for ever"
    PLACE = None
    HOWS = {"waiting": "it never begins to run", "running": "it never ends"}  # noqa: RUF012  (never changed)
    how: str


@dataclass(frozen=True, slots=True)
class Fails(What):
    """A task that ends with a documented failure (a synchronous call answers with it)."""

    KEY = "fail"
    WRITE = "{fail: upstream_failed}"
    DOES = "the job ends with this documented failure; `any` takes the first one of the spec"
    PLACE = None
    name: str

    @classmethod
    def read(cls, value: JsonTree) -> Self:
        """Read the name of the failure. Raises FaultError."""
        if not isinstance(value, str) or not value:
            raise FaultError(f"expected the name of a failure, got {value!r}")
        return cls(value)


@dataclass(frozen=True, slots=True)
class Vanishes(Lasting):
    """A task that is not known any more."""

    KEY = "vanishes"
    WRITE = "{vanishes: 20s}"
    DOES = "so long after the submit the task is not known any more"
    PLACE = None
    seconds: float


@dataclass(frozen=True, slots=True)
class NoResult(What):
    """A task that has succeeded and has no result."""

    KEY = "no_result"
    WRITE = "{no_result: true}"
    DOES = "the task succeeds, but its answer holds no image"
    PLACE = None


@dataclass(frozen=True, slots=True)
class FewerImages(What):
    """A result with one image less than was asked for."""

    KEY = "fewer"
    WRITE = "{fewer: true}"
    DOES = "one image less is delivered than was asked for"
    PLACE = None


@dataclass(frozen=True, slots=True)
class ErrorInSuccess(What):
    """An answer of status 200 that holds an error."""

    KEY = "error_in_200"
    WRITE = "{error_in_200: internal, on: submit}"
    DOES = "status 200, and in the body the error answer of this name"
    PLACE = "submit"
    name: str

    @classmethod
    def read(cls, value: JsonTree) -> Self:
        """Read the name of the error answer. Raises FaultError."""
        if not isinstance(value, str) or not value:
            raise FaultError(f"expected the name of an error answer, got {value!r}")
        return cls(value)


@dataclass(frozen=True, slots=True)
class Flips(What):
    """A result that becomes another one."""

    KEY = "flips"
    WRITE = "{flips: true}"
    DOES = "polls after the end lead to another result than the first one"
    PLACE = None


@dataclass(frozen=True, slots=True)
class GoesBack(What):
    """A state that goes back once."""

    KEY = "goes_back"
    WRITE = "{goes_back: true}"
    DOES = "the second poll of a running task says that it waits again, the next ones go on"
    PLACE = None


@dataclass(frozen=True, slots=True)
class Hidden(Lasting):
    """A task that is found only some time after its submit."""

    KEY = "hidden"
    WRITE = "{hidden: 2s}"
    DOES = "so long after the submit polls do not find the task"
    PLACE = None
    seconds: float


@dataclass(frozen=True, slots=True)
class Unreadable(Lasting):
    """A result that can be fetched only some time after the end."""

    KEY = "unreadable"
    WRITE = "{unreadable: 3s}"
    DOES = "the task has succeeded, but its results answer 404 for so long"
    PLACE = None
    seconds: float


@dataclass(frozen=True, slots=True)
class ShortLived(Lasting):
    """A result that can be fetched only for some time after the end."""

    KEY = "lifetime"
    WRITE = "{lifetime: 10m}"
    DOES = "results can be fetched for so long after the end and no longer; answers that tell until when say so"
    PLACE = None
    seconds: float


@dataclass(frozen=True, slots=True)
class LateDetail(What):
    """A failure whose reason is told only by the result."""

    KEY = "late_detail"
    WRITE = "{late_detail: true}"
    DOES = "the poll of a failed task says only that it failed; code and message come with the next answer"
    PLACE = None


# results, streams, call backs


@dataclass(frozen=True, slots=True)
class BrokenResult(OneOf):
    """A result URL that does not give the image."""

    KEY = "result"
    WRITE = "{result: truncated}"
    DOES = "the URL of a result is missing, forbidden, expired, truncated, html, format, size or foreign"
    PLACE = "download"
    HOWS = {  # noqa: RUF012  (never changed)
        "missing": "404",
        "forbidden": "403",
        "expired": "the answer for a result whose lifetime is over",
        "truncated": "half of the image, with the length of the whole",
        "html": "a page, with status 200",
        "format": "an image of another format under the same type",
        "size": "an image of half the size",
        "foreign": "the image of another task",
    }
    how: str


@dataclass(frozen=True, slots=True)
class BrokenStream(OneOf):
    """A stream of server-sent events that goes wrong."""

    KEY = "stream"
    WRITE = "{stream: cut}"
    DOES = "server-sent events: cut, out_of_order, error, incomplete, comments, split or crlf"
    PLACE = "generate"
    HOWS = {  # noqa: RUF012  (never changed)
        "cut": "the connection ends in the middle of an event",
        "out_of_order": "partial images come in another order",
        "error": "an event holds an error, and the stream ends",
        "incomplete": "the stream ends without its completed event",
        "comments": "comments and keep-alive lines stand between the events, which is allowed",
        "split": "events arrive in pieces of a few bytes, which is allowed",
        "crlf": "lines end in CRLF, which is allowed",
    }
    how: str


@dataclass(frozen=True, slots=True)
class BrokenWebhook(OneOf):
    """Call backs that go wrong."""

    KEY = "webhook"
    WRITE = "{webhook: duplicated}"
    DOES = "call backs: unsigned, forged, duplicated, reordered, late or never"
    PLACE = None
    HOWS = {  # noqa: RUF012  (never changed)
        "unsigned": "without a signature",
        "forged": "while the task runs one says that it has failed, signed by somebody else",
        "duplicated": "each comes twice",
        "reordered": "an older event comes after a newer one",
        "late": "ten minutes after the end",
        "never": "none comes",
    }
    how: str
