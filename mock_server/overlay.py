"""The part of a shared table that is here for the moment, and what has been changed of it."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

K = TypeVar("K")
V = TypeVar("V")


class Overlay(OrderedDict[K, V]):
    """Rows that have been looked up, with a list of the keys that were set or deleted since.

    It is an `OrderedDict` as the tables that it stands for are dictionaries, some of them ordered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.touched: dict[K, None] = {}
        self.known: set[K] = set()

    def fill(self, key: K, value: V) -> None:
        """Put a row there that was looked up."""
        super().__setitem__(key, value)
        self.known.add(key)

    def __setitem__(self, key: K, value: V) -> None:
        """Set a row."""
        super().__setitem__(key, value)
        self.touched[key] = None

    def __delitem__(self, key: K) -> None:
        """Delete a row."""
        super().__delitem__(key)
        self.touched[key] = None

    def pop(self, key: K, default: V | None = None) -> V | None:  # type: ignore[override]  # always with a default
        """Take a row out; the default where there is none."""
        if key not in self:
            return default
        value = self[key]
        del self[key]
        return value

    def changes(self) -> Iterator[tuple[K, V | None, bool]]:
        """Each row that was changed: its key, its value or None for one that is gone, and whether it is new."""
        for key in self.touched:
            value = self.get(key)
            if value is not None or key in self.known:
                yield key, value, key not in self.known

    def wipe(self) -> None:
        """Forget all rows."""
        super().clear()
        self.touched.clear()
        self.known.clear()
