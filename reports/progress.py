"""What a run says while it runs: one line that changes on a terminal, a plain line now and then everywhere else."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from imageproof.reports.amounts import counted, lasted, usd
from imageproof.reports.wire_text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

BETWEEN_LINES_S = 10.0  # in a log, which keeps every line
BETWEEN_SIGHTS_S = 0.1  # on a terminal: the eye sees no more


class Progress:
    """Shows how far a run is. `total` is the number of `things`, None while it is not known.

    `now` is a monotonic clock in seconds. Nothing is written when `quiet`. Not safe for use from several threads.
    """

    __slots__ = ("_console", "_last_s", "_live", "_now", "_quiet", "_things", "_total")

    def __init__(
        self,
        console: Console,
        total: int | None,
        *,
        quiet: bool = False,
        things: str = "rule",
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console, self._total, self._quiet, self._now = console, total, quiet, now
        self._things = things
        self._last_s: float | None = None
        is_live = console.is_terminal and not console.is_dumb_terminal and not quiet
        self._live = (
            Live(console=console, auto_refresh=False, transient=True, redirect_stdout=False, redirect_stderr=False)
            if is_live
            else None
        )
        if self._live:
            self._live.start()

    def update(  # noqa: PLR0913  (one number each, by name)
        self,
        *,
        done: int,
        failed: int = 0,
        requests: int = 0,
        billable: int = 0,
        micro_usd: int = 0,
        seconds_left: float | None = None,
        says: str = "",
    ) -> None:
        """Show where the run is; too soon after the last time it does nothing, except at the very end."""
        if self._quiet or not self._is_due(done):
            return
        spent = f"{billable:,} billable, {usd(micro_usd)}" if billable or micro_usd else ""
        left = f"{lasted(seconds_left)} left" if seconds_left is not None else ""
        things = self._things
        of = f"{done:,} of {counted(self._total, things)}" if self._total is not None else counted(done, things)
        parts = [of, f"{failed:,} failed", counted(requests, "request"), spent, left, one_line(says)]
        self._show(", ".join(part for part in parts if part), is_bad=failed > 0)

    def close(self) -> None:
        """Take the live line away. May be called more than once."""
        if self._live:
            self._live.stop()

    def _is_due(self, done: int) -> bool:
        now = self._now()
        between = BETWEEN_SIGHTS_S if self._live else BETWEEN_LINES_S
        is_end = self._total is not None and done >= self._total
        if self._last_s is not None and now - self._last_s < between and not is_end:
            return False
        self._last_s = now
        return True

    def _show(self, line: str, *, is_bad: bool) -> None:
        text = Text(line, style="red" if is_bad else "", no_wrap=True, overflow="ellipsis")
        if self._live:
            self._live.update(text, refresh=True)
        else:
            self._console.print(text, soft_wrap=True, highlight=False)
