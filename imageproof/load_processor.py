"""How much of a core the upstream takes, where it is a process of this machine that we may look at."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import psutil  # of the `load` extra: Locust needs it

if TYPE_CHECKING:
    from collections.abc import Iterable

EVERY_S = 0.5
PORTS = {"http": 80, "https": 443}
HERE = ("127.", "localhost", "::1")
GONE = (psutil.NoSuchProcess, psutil.AccessDenied)


@dataclass(slots=True)
class Processor:
    """Looks now and then at what processes have used. `share` is of the busiest one, over the time that was asked for.

    Without a process that we may look at it stays None.
    """

    processes: list[psutil.Process] = field(default_factory=list)
    seen: list[tuple[float, dict[int, float]]] = field(default_factory=list)

    def look(self) -> None:
        """Note what each has used so far, unless that was done just before."""
        now = monotonic()
        if not self.processes or (self.seen and now - self.seen[-1][0] < EVERY_S):
            return
        used = {}
        for process in self.processes:
            try:
                times = process.cpu_times()
            except GONE:  # it has ended: the others may go on
                continue
            used[process.pid] = times.user + times.system
        self.seen.append((now, used))

    def share(self, begin: float, end: float) -> float | None:
        """The share of a core that the busiest one took between two times of the monotonic clock."""
        inside = [item for item in self.seen if begin <= item[0] <= end]
        if len(inside) < 2:  # noqa: PLR2004  (a difference needs two)
            return None
        (first_at, first), (last_at, last) = inside[0], inside[-1]
        shares = [(last[pid] - first[pid]) / (last_at - first_at) for pid in first.keys() & last.keys()]
        return max(shares, default=None)


def of_process(pid: int) -> Processor:
    """Look at a process and its children."""
    return Processor(with_children([pid]))


def of_listener(url: str) -> Processor:
    """Look at whoever listens at the port of a URL of this machine; at nobody where that can't be seen."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, 0)
    if not host.startswith(HERE):
        return Processor()
    try:
        listening = [item for item in psutil.net_connections("tcp") if item.status == psutil.CONN_LISTEN]
    except (psutil.Error, OSError):  # some systems tell it to their administrator only
        return Processor()
    pids = {item.pid for item in listening if item.pid is not None and item.laddr[1:] == (port,)}
    return Processor(with_children(pids))


def with_children(pids: Iterable[int]) -> list[psutil.Process]:
    """The processes and all their children, each once."""
    out: dict[int, psutil.Process] = {}
    for pid in pids:
        try:
            process = psutil.Process(pid)
            out |= {item.pid: item for item in (process, *process.children(recursive=True))}
        except GONE:  # it has just ended
            continue
    return list(out.values())
