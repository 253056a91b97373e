"""What the own path takes, measured beside the target, and what is left of the overhead without it.

Some jobs go straight to the upstream, past the target, all through the run: from the same processes, in the same
seconds, to the same mock. What they take beyond the time that it held them is the floor: the client, the loopback, and
what the mock does not count. It is no part of the gateway, and is taken off percentile by percentile.

Percentiles may be subtracted where the floor is the same for all, or small. The error that is told is that of chance:
the wider one of two intervals, of which one takes the calls as independent, and the other draws whole blocks of time,
both sides together, as a busy second is bad for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from imageproof.loadtests.books import Job
from imageproof.loadtests.bootstrap import FEWEST_BLOCKS, block_of, paired
from imageproof.loadtests.histograms import Histogram
from imageproof.loadtests.intervals import Interval
from imageproof.loadtests.overhead import ALL, Net, net, overheads

BLOCKS = 10
USUAL = (50.0, 90.0, 99.0)
FEWEST = 10  # calls on either side, before a percentile of them is told at all
DRAWS = 500

Blocks = Sequence[tuple[Histogram, Histogram]]


def floors(direct: Iterable[Job]) -> dict[str, Histogram]:
    """Histograms of the own path: of all calls (`overhead`) and by their kind, without the warm-up."""
    return overheads(direct)


def blocks_of(jobs: Sequence[Job], direct: Sequence[Job], name: str) -> Blocks:
    """The floor and the overhead by block of time, for `overhead` or the overhead of one kind of call."""
    kept = [[job for job in side if not job.warm_up and job.calls] for side in (direct, jobs)]
    if not all(kept):
        return []
    times = [job.intended_s for side in kept for job in side]
    begin, length = min(times), (max(times) - min(times)) / BLOCKS
    parts: list[tuple[list[Job], list[Job]]] = [([], []) for _ in range(BLOCKS)]
    for at, side in enumerate(kept):
        for job in side:
            block = min(BLOCKS - 1, int((job.intended_s - begin) / length)) if length else 0
            parts[block][at].append(job)
    return [(block_of(floor, name), block_of(seen, name)) for floor, seen in parts]


def nets(
    jobs: Sequence[Job],
    direct: Sequence[Job],
    seen: Mapping[str, Histogram],
    *,
    percents: Iterable[float] = USUAL,
    seed: int = 1,
) -> dict[tuple[str, float], Net]:
    """What the target added, by name and percentile, where both sides have calls enough."""
    floor = floors(direct)
    out: dict[tuple[str, float], Net] = {}
    for name in sorted(seen.keys() & floor.keys(), key=lambda item: (item != ALL, item)):
        if min(seen[name].count, floor[name].count) < FEWEST:
            continue
        blocks = blocks_of(jobs, direct, name)
        for percent in sorted({*percents}):
            found = net(seen[name], floor[name], percent, blocks=_interval(blocks, percent, seed), seed=seed)
            if found is not None:
                out[name, percent] = found
    return out


def _interval(blocks: Blocks, percent: float, seed: int) -> Interval | None:
    """The interval by blocks; None where too few of them have calls of both sides."""
    full = [pair for pair in blocks if all(side.count for side in pair)]
    if len(full) < FEWEST_BLOCKS:
        return None
    found = paired(full, percent, seed=seed, draws=DRAWS)
    return found.interval if found is not None else None
