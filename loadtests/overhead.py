"""What the gateway added: the time that the client saw, less the time that the upstream says it held the request.

What is left is the gateway's own time, the network, and the client's own cost of sending and reading: with no gateway
at all it is small, but not nothing. Jobs that go past the gateway measure that floor, and `net` takes it off. A
difference of two clocks may be slightly negative, and stays so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from imageproof.loadtests.books import Call, Job
from imageproof.loadtests.histograms import Histogram
from imageproof.loadtests.intervals import Interval, quantile_difference
from imageproof.loadtests.phases import is_latency

ALL = "overhead"


def overhead_of(call: Call) -> float | None:
    """What one call took beyond the upstream's own time, in seconds; None where the upstream told nothing."""
    return None if call.held_s is None or not is_latency(call) else call.ended_s - call.began_s - call.held_s


def overheads(jobs: Iterable[Job]) -> dict[str, Histogram]:
    """Histograms of all calls (`overhead`) and by their kind (`overhead.submit` ...), without the warm-up."""
    out: dict[str, Histogram] = {}
    for call in (call for job in jobs if not job.warm_up for call in job.calls):
        seconds = overhead_of(call)
        if seconds is not None:
            for name in (ALL, f"{ALL}.{call.kind}"):
                out.setdefault(name, Histogram()).record(seconds)
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """The overhead of a gateway at one percentile, less that of no gateway at all, in seconds."""

    percent: float
    seen_s: float
    floor_s: float
    difference: Interval
    samples: int
    floor_samples: int

    @property
    def seconds(self) -> float:
        """The best guess."""
        return self.seen_s - self.floor_s

    @property
    def is_zero(self) -> bool:
        """Whether it can't be told from none."""
        return self.difference.holds(0.0)

    @property
    def says(self) -> str:
        """One sentence."""
        low, high = self.difference.low * 1000, self.difference.high * 1000
        range_ms = f"{low:+.2f} to {high:+.2f} ms at {self.difference.confidence:.0%}"
        what = (
            f"p{self.percent:g} of the overhead is {self.seconds * 1000:+.2f} ms above that of no gateway ({range_ms}"
        )
        return f"{what}{', which is not distinguishable from none' if self.is_zero else ''})"


def net(
    seen: Histogram, direct: Histogram, percent: float, *, blocks: Interval | None = None, seed: int = 1
) -> Net | None:
    """What a gateway adds beyond what direct jobs of the same kinds show; None where either has no values.

    `blocks` is the interval that whole blocks of time give, where there are such: the wider one counts.
    """
    with_gateway, floor = seen.percentile(percent), direct.percentile(percent)
    if with_gateway is None or floor is None:
        return None
    difference = quantile_difference(direct, seen, percent, seed=seed)
    if blocks is not None:
        low, high = min(difference.low, blocks.low), max(difference.high, blocks.high)
        difference = Interval(low, high, difference.confidence)
    return Net(
        percent=percent,
        seen_s=with_gateway,
        floor_s=floor,
        difference=difference,
        samples=seen.count,
        floor_samples=direct.count,
    )
