"""What only the garbage collector frees, counted in bytes: the collector counts objects, and looks seldom."""

from __future__ import annotations

import gc

MOST_BYTES = 32 << 20


class Leftovers:
    """Bodies of clients that left before the end of them: each is held by the error that told of it, in a circle."""

    __slots__ = ("held",)

    def __init__(self) -> None:
        self.held = 0

    def add(self, size: int) -> None:
        """Count the bytes of one body, and have the garbage collected when there are many."""
        self.held += size
        if self.held >= MOST_BYTES:
            self.held = 0
            gc.collect()


LEFTOVERS = Leftovers()
