"""The journal of an account that several workers share: exchanges are sent to the store soon after they were kept."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import orjson

from imageproof.mock_server.exchanges import Exchanges
from imageproof.mock_server.journal import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from imageproof.mock_server.journal import Row

ALSO = "also"
LATIN = "latin-1"  # every byte is a letter of it, so bytes can travel as JSON


def written_row(row: Row) -> bytes:
    """An exchange as bytes."""
    entry = Entry(*row)
    headers = [[name.decode(LATIN), value.decode(LATIN)] for name, value in entry.request_headers]
    plain = entry._replace(
        other_headers={str(name): str(value) for name, value in entry.other_headers.items()},
        request_headers=headers,  # type: ignore[arg-type]  # as JSON knows them
        request_body=entry.request_body.decode(LATIN),  # type: ignore[arg-type]  # as above
        response_body=entry.response_body.decode(LATIN),  # type: ignore[arg-type]  # as above
    )
    return orjson.dumps(tuple(plain))


def read_row(data: bytes) -> Entry:
    """The exchange of these bytes."""
    entry = Entry(*orjson.loads(data))
    return entry._replace(
        request_headers=tuple((name.encode(LATIN), value.encode(LATIN)) for name, value in entry.request_headers),  # type: ignore[attr-defined]  # text, as it comes from JSON
        request_body=entry.request_body.encode(LATIN),  # type: ignore[attr-defined]  # as above
        response_body=entry.response_body.encode(LATIN),  # type: ignore[attr-defined]  # as above
        rules=tuple(entry.rules),
    )


def _amended(entry: Entry, changes: list[dict[str, str]]) -> Entry:
    """An exchange with all that was changed of it since; `also` is added to what its note says."""
    for named in changes:
        also = named.pop(ALSO, None)
        if also is not None:
            named["note"] = f"{entry.note}; {also}" if entry.note else also
        entry = entry._replace(**named)  # type: ignore[arg-type]  # by name
    return entry._replace(rules=tuple(entry.rules))


class SharedExchanges(Exchanges):
    """What one worker adds to a shared journal, and the whole of it for the moment in which somebody reads it.

    Until they are read, exchanges have numbers of their worker's own; a reader counts them as they stand in the store.
    """

    __slots__ = ("_amend", "_ids", "_read", "_send")

    def __init__(
        self, maxlen: int, first_id: int, send: Callable[[Row], None], amend: Callable[[int, dict[str, object]], None]
    ) -> None:
        super().__init__(maxlen)
        self._ids = count(first_id)
        self._send = send
        self._amend = amend
        self._read: list[Entry] = []
        self.count = next(self._ids)

    def __len__(self) -> int:
        """How many have been read from the store."""
        return len(self._read)

    def __iter__(self) -> Iterator[Entry]:
        """All that have been read from the store, oldest first."""
        return iter(self._read)

    @property
    def dropped(self) -> int:
        """How many the store has no more."""
        return self._read[0].number - 1 if self._read else 0

    def append(self, row: Row) -> None:
        """Send an exchange to the store, under the number that was told by `count`."""
        self.count = next(self._ids)
        self._send(row)

    def amend(self, number: int, **changes: object) -> None:
        """Change an exchange in the store."""
        self._amend(number, changes)

    def settle(self, number: int, ended: float, note: str | None) -> None:
        """Say in the store when an exchange was over at last, and what there is to note of that."""
        self._amend(number, {"ended": ended} | ({ALSO: note} if note is not None else {}))

    def show(self, rows: list[bytes], amended: list[bytes], ever: int) -> None:
        """Put what the store holds in place for a reader; `ever` is how many it was ever given."""
        first = ever - len(rows) + 1
        changed: dict[int, list[dict[str, str]]] = {}
        for data in amended:
            number, changes = orjson.loads(data)
            changed.setdefault(number, []).append(changes)
        self._read = []
        for number, data in enumerate(rows, first):
            entry = read_row(data)
            self._read.append(_amended(entry, changed.get(entry.number, []))._replace(number=number))

    def hide(self) -> None:
        """Forget what was read."""
        self._read = []

    def clear(self) -> None:
        """Forget what was read; the store drops its own."""
        self._read = []
