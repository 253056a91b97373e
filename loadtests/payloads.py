"""Large payloads: in which ways a provider has them, and what each megabyte of them costs.

They go there as files of a form, and come back as base64 inside of an answer, or as a file behind a URL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import hypot, sqrt
from typing import TYPE_CHECKING

from msgspec.structs import replace

from imageproof.loadtests.books import Call, End, Job
from imageproof.loadtests.goals import time_text
from imageproof.loadtests.intervals import student_quantile
from imageproof.loadtests.mix import SENTINEL, MixError, kind_of, values_of
from imageproof.loadtests.overhead import overhead_of
from imageproof.specs.model import Does

if TYPE_CHECKING:
    from imageproof.loadtests.options import Share
    from imageproof.specs.model import Spec

MEGABYTE = 1_000_000
SURE = 0.975  # one end of an interval of 95 %
Point = tuple[float, float]


class Way(StrEnum):
    """How a payload travels."""

    MULTIPART = "multipart"
    BASE64 = "base64"
    URL = "url"

    @property
    def says(self) -> str:
        """What is large, in words."""
        return {"multipart": "files sent", "base64": "results as base64", "url": "results by URL"}[self.value]


def ways_of(spec: Spec, base: Share) -> dict[Way, Share]:
    """The ways that a provider has for the model of a share, each with the plainest job that takes it."""
    makes = replace(base, operation="make", references=0)
    out: dict[Way, Share] = {}
    edit = spec.operation_for(Does.EDIT)
    if edit is not None and edit.content == "multipart":
        share = replace(base, operation="edit", references=1)
        if _as_base64(spec, share) is not None:
            out[Way.MULTIPART] = share
    model = spec.models.get(base.model or spec.selector.example)
    shapes = model.shapes.values() if model is not None else ()
    fields = [shape.fields[model.images.kind] for shape in shapes if model and model.images.kind in shape.fields]
    wanted = [
        replace(makes, fields={**makes.fields, field.name: value}) for field in fields for value in values_of(field)
    ]
    for share in (makes, *wanted):
        found = _as_base64(spec, share)
        if found is not None:
            out.setdefault(Way.BASE64 if found else Way.URL, share)
    return out


def _as_base64(spec: Spec, share: Share) -> bool | None:
    """Whether the images of a share come as base64; None where there is no such request."""
    try:
        return kind_of(spec, share, SENTINEL).as_base64
    except MixError:
        return None


def of_size(way: Way, share: Share, size: int) -> Share:
    """The same kind of job with a payload of so many bytes."""
    if way is Way.MULTIPART:
        return replace(share, file_bytes=size)
    return replace(share, words=f"{share.words} [[bytes: {size / MEGABYTE:g}MB]]".strip())


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """How much each megabyte adds, in seconds, by least squares; `error_s` is so much more or less, at 95 %."""

    seconds: float
    error_s: float
    calls: int

    @property
    def says(self) -> str:
        """A phrase."""
        return f"{time_text(self.seconds)} +- {time_text(self.error_s)}"

    def less(self, other: Slope) -> Slope:
        """What is left without another one, which was measured beside it."""
        return Slope(
            seconds=self.seconds - other.seconds,
            error_s=hypot(self.error_s, other.error_s),
            calls=self.calls,
        )


def slope_of(jobs: Iterable[Job]) -> Slope | None:
    """By how much the overhead of the call with the payload grows; None with too few sizes or calls."""
    points = [(size / MEGABYTE, seconds) for job in jobs if job.end is End.DONE for size, seconds in _largest(job)]
    if len(points) < 3:  # noqa: PLR2004  (a line and its error need three points)
        return None
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if not spread:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    left = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    error = sqrt(left / (len(points) - 2) / spread) * student_quantile(SURE, len(points) - 2)
    return Slope(seconds=slope, error_s=error, calls=len(points))


def carrier(job: Job) -> Call | None:
    """The call of a job that carried the most bytes; None for one without calls."""
    return max(job.calls, key=lambda call: call.sent + call.received, default=None)


def _largest(job: Job) -> list[Point]:
    call = carrier(job)
    seconds = overhead_of(call) if call is not None else None
    return [] if call is None or seconds is None else [(float(call.sent + call.received), seconds)]
