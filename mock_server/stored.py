"""What is said about a store without naming any kind of store: what work looks up in it, and how it can fail."""

from __future__ import annotations

from typing import NamedTuple


class StoreUnavailableError(Exception):
    """The store can't be reached, or does not answer. The message says what to do."""


class StoreMismatchError(Exception):
    """The store belongs to a mock that was set up in another way. The message says which."""


class StateFileError(Exception):
    """A file of state that can't be used or written. The message says which, why, and what to do."""


class Wanted(NamedTuple):
    """What a piece of work will look up: tasks by id, one job's attempts, an idempotency key, or all there is."""

    tasks: tuple[str, ...] = ()
    job: bytes = b""
    again: str | None = None
    whole: bool = False
