"""How many files, and so how many connections, this process may have open: as many as the machine lets it have."""

from __future__ import annotations

import sys

MOST = 1 << 20
USUAL_MOST = 10_240  # what systems that name no limit take at most
FEW = 4096


def raised(soft: int, hard: int, unlimited: int) -> list[int]:
    """The soft limits to try, the best one first, to get as many open files as may be; none where they are there."""
    best = MOST if hard == unlimited else min(hard, MOST)
    return [] if soft == unlimited else [limit for limit in (best, USUAL_MOST) if soft < limit <= best]


def raise_open_files() -> int | None:
    """Raise the soft limit of open files of this process to the hard one; the limit now, None for none at all."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415  (not on every system)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in raised(soft, hard, resource.RLIM_INFINITY):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
        except (ValueError, OSError):  # a system whose true limit is lower than the one that it names
            continue
        return limit
    return None if soft == resource.RLIM_INFINITY else soft


def too_few(limit: int | None) -> str | None:
    """A warning where few clients can be connected at a time; None where there is room for many."""
    if limit is None or limit >= FEW:
        return None
    return f"warning: at most {limit} files may be open, one for each connection: raise the hard limit (ulimit -Hn)"
