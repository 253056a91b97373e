"""Start fast: no garbage collection while modules and contracts are loaded, which makes many objects and no garbage."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


SELDOM = 250_000  # objects: a mock makes next to no garbage that only the collector finds


def collect_seldom() -> None:
    """Never look again at what is there now, as it lives as long as the process; and look seldom at what comes.

    Each look at some thousand calls that are held would keep all of them waiting for tens of milliseconds.
    """
    gc.freeze()
    gc.set_threshold(SELDOM, *gc.get_threshold()[1:])


@contextmanager
def collector_paused() -> Iterator[None]:
    """Switch the garbage collector off inside, if it is on."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
