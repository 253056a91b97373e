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

BLOCK = 128


def _packed(rows: list[Row]) -> bytes:
    return pickle.dumps(rows, 5)


def _unpacked(block: bytes) -> list[Row]:
    rows: list[Row] = pickle.loads(block)  # noqa: S301  (packed by the function above, never read in)
    return rows


class Exchanges:
    """At most `maxlen` entries, oldest first; `count` says how many ever came, `dropped` how many are gone."""

    __slots__ = ("_blocks", "_gone", "_open", "_room", "count", "maxlen")

    def __init__(self, maxlen: int) -> None:
        self.maxlen = maxlen
        self.count = 0
        self._room = maxlen  # the count at which the oldest one has to go
        self._blocks: deque[bytes] = deque()
        self._gone = 0  # how many of the oldest block have been dropped
        self._open: list[Row] = []

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._blocks) * BLOCK - self._gone + len(self._open)

    @property
    def dropped(self) -> int:
        """How many were kept once, and are no more."""
        return self.count - len(self)

    def __iter__(self) -> Iterator[Entry]:
        """All that are kept, oldest first."""
        skipped = self._gone
        for block in [*self._blocks]:
            for row in _unpacked(block)[skipped:]:
                yield Entry(*row)
            skipped = 0
        for row in self._open[skipped:]:
            yield Entry(*row)

    def append(self, row: Row) -> None:
        """Keep an exchange, whose number is the new count; the oldest one goes when there is no room."""
        newest = self._open
        newest.append(row)
        self.count += 1
        if len(newest) == BLOCK:
            self._blocks.append(_packed(newest))
            self._open = []
        if self.count > self._room:
            self._room = self.count
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        if not self._blocks:
            del self._open[0]
            return
        self._gone += 1
        if self._gone == BLOCK:
            self._blocks.popleft()
            self._gone = 0

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
        rows = [row for block in self._blocks for row in _unpacked(block)][self._gone :] + self._open
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
        self.count = count - len(rows)
        self._room = self.count + self.maxlen
        for row in rows:
            self.append(row)

    def clear(self) -> None:
        """Forget them all."""
        self._blocks.clear()
        self._open = []
        self._gone = 0
        self._room = self.count + self.maxlen
