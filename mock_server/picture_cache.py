"""What was made before and may be needed again, up to a number of bytes; the longest unused goes first."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Made = TypeVar("Made")
ENTRY_BYTES = 400  # what a key and its place in the table take, roughly


class Recent(Generic[Made]):
    """Keeps what `make` gave for a key, within `limit_bytes` as `size_of` counts them.

    Several threads may ask at once; a thing may then be made twice, which only costs time.
    """

    __slots__ = ("_held", "_kept", "_limit", "_lock", "_size_of")

    def __init__(self, limit_bytes: int, size_of: Callable[[Made], int]) -> None:
        self._kept: OrderedDict[Hashable, tuple[Made, int]] = OrderedDict()
        self._limit = limit_bytes
        self._held = 0
        self._size_of = size_of
        self._lock = Lock()

    @property
    def held_bytes(self) -> int:
        """How many bytes are kept now."""
        return self._held

    def get(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """Give what is kept for the key, or make it."""
        with self._lock:
            if found := self._kept.get(key):
                self._kept.move_to_end(key)
                return found[0]
        made = make()
        self._keep(key, made)
        return made

    def _keep(self, key: Hashable, made: Made) -> None:
        size = self._size_of(made) + ENTRY_BYTES
        if size > self._limit:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = (made, size)
            self._held += size
            while self._held > self._limit:
                _, (_, freed) = self._kept.popitem(last=False)
                self._held -= freed
