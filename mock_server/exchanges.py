"""The last exchanges of an account, kept so that keeping them costs a request as little as can be.

Ten thousand exchanges are some two hundred thousand small objects all over the memory; to touch one that is no longer
in a cache for each request took a fifth of the time of a poll. So all but the newest are packed in blocks, in a sixth
of the room.
"""

from __future__ import annotations

import pickle
from collections import deque
from typing import TYPE_CHECKING

from imageproof.mock_server.journal import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imageproof.mock_server.journal import Row

BLOCK = 32


def _packed(rows: list[Row]) -> bytes:
    return pickle.dumps(rows, 5)


def _unpacked(block: bytes) -> list[Row]:
    rows: list[Row] = pickle.loads(block)  # noqa: S301  (packed by the function above, never read in)
    return rows


class Exchanges:
    """At most `maxlen` entries, oldest first; `count` says how many ever came, `dropped` how many are gone."""

    __slots__ = ("_base", "_blocks", "_open", "count", "maxlen")

    def __init__(self, maxlen: int) -> None:
        self.maxlen = maxlen
        self.count = 0
        self._base = 0  # the count before the first one of those that are held, some of which may be too old
        self._blocks: deque[bytes] = deque()
        self._open: list[Row] = []

    def __len__(self) -> int:
        """How many are kept."""
        return min(self.count - self._base, self.maxlen)

    @property
    def _gone(self) -> int:
        """How many are held no longer than until their block can go."""
        return max(0, self.count - self._base - self.maxlen)

    @property
    def dropped(self) -> int:
        """How many were kept once, and are no more."""
        return self.count - len(self)

    def __iter__(self) -> Iterator[Entry]:
        """All that are kept, oldest first."""
        whole, part = divmod(self._gone, BLOCK)
        newest = self._open
        for block in [*self._blocks][whole:]:
            for row in _unpacked(block)[part:]:
                yield Entry(*row)
            part = 0
        for row in newest[part:]:
            yield Entry(*row)

    def append(self, row: Row) -> None:
        """Keep an exchange, whose number is the new count; the oldest one goes when there is no room."""
        newest = self._open
        newest.append(row)
        self.count += 1
        if len(newest) == BLOCK:
            self._blocks.append(_packed(newest))
            self._open = []
            while self._blocks and self._gone >= BLOCK:
                self._blocks.popleft()
                self._base += BLOCK

    def amend(self, number: int, **changes: object) -> None:
        """Change the entry of this number, counted from 1 over all that ever came, if it is still kept."""
        index = number - 1 - self.dropped
        if not 0 <= index < len(self):
            return
        place, within = divmod(index + self._gone, BLOCK)
        rows = self._open if place == len(self._blocks) else _unpacked(self._blocks[place])
        rows[within] = tuple(Entry(*rows[within])._replace(**changes))  # type: ignore[arg-type,assignment]  # by name
        if place < len(self._blocks):
            self._blocks[place] = _packed(rows)

    def settle(self, number: int, ended: float, note: str | None) -> None:
        """Say when the exchange of this number was over at last, and what there is to note of that."""
        self.amend(number, ended=ended)
        if note is None:
            return
        told = next((entry.note for entry in self if entry.number == number), None)
        self.amend(number, note=f"{told}; {note}" if told else note)

    def first(self) -> Entry | None:
        """The oldest entry that is kept."""
        return next(iter(self), None)

    def state(self) -> tuple[list[Row], int]:
        """All that is kept and how many ever came, as plain values, for another process to go on with."""
        rows = [*(row for block in self._blocks for row in _unpacked(block)), *self._open][self._gone :]
        plain: list[Row] = []
        for row in rows:
            headers = {str(name): str(value) for name, value in row[12].items()}
            plain.append((*row[:12], headers, *row[13:]))
        return plain, self.count

    def set_state(self, rows: list[Row], count: int) -> None:
        """Go on with what was kept; what there is no room for is dropped."""
        self.clear()
        if not self.maxlen:
            return
        self._base = self.count = count - len(rows)
        for row in rows:
            self.append(row)

    def clear(self) -> None:
        """Forget them all."""
        self._blocks.clear()
        self._open = []
        self._base = self.count
