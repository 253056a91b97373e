"""What a ledger's file says: its lines, and what they come to. Pure; the file itself is `ledger.py`'s.

A reservation is on the disk before its request goes out, so a last line that was cut off belongs to a request that
never did. Its price counts all the same, as far as it can be read: a ledger that errs shall err towards the purse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

_TORN = re.compile(rb'\{"line":"reserved","micro_usd":(\d+),')

Amount = Annotated[int, msgspec.Meta(ge=0)]


class LedgerError(Exception):
    """A file that is no ledger, belongs to another run, is in use or can't be written. The message says what to do."""


class Owner(msgspec.Struct, frozen=True, tag="owner", tag_field="line"):
    """The first line: whose money it is."""

    identity: tuple[str, ...]


class Reserved(msgspec.Struct, frozen=True, tag="reserved", tag_field="line"):
    """A request that was about to be sent. Its price stands first, so that a line that was cut off still tells it."""

    micro_usd: Amount
    key: str
    what: str


class Settled(msgspec.Struct, frozen=True, tag="settled", tag_field="line", omit_defaults=True):
    """What a reserved request came to."""

    micro_usd: Amount
    key: str
    note: str = ""


Line = Owner | Reserved | Settled
Entry = Reserved | Settled


def written(line: Line) -> bytes:
    """A line as it stands in the file."""
    return msgspec.json.encode(line) + b"\n"


@dataclass(slots=True)
class Book:
    """What is booked, in micro-dollars by key; `out` are the keys that are not settled yet."""

    booked: dict[str, int] = field(default_factory=dict)
    out: set[str] = field(default_factory=set)

    def take(self, line: Entry) -> None:
        """Add a line. Raises ValueError for one that does not follow from those before it, and adds nothing then."""
        if isinstance(line, Reserved):
            if line.key in self.booked:
                raise ValueError(f"{line.key!r} is reserved a second time")
            self.out.add(line.key)
        elif line.key not in self.out:
            before = "settled a second time" if line.key in self.booked else "settled, but was not reserved"
            raise ValueError(f"{line.key!r} is {before}")
        else:
            self.out.remove(line.key)
        self.booked[line.key] = line.micro_usd

    @property
    def spent(self) -> int:
        """All of it, in micro-dollars: what is not settled counts in full."""
        return sum(self.booked.values())

    @property
    def reserved(self) -> int:
        """The part that is not settled, in micro-dollars."""
        return sum(self.booked[key] for key in self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file holds, and how to mend its end: keep so many bytes, then append these."""

    book: Book
    keep: int
    append: bytes = b""


def read_book(data: bytes, path: Path, identity: tuple[str, ...]) -> Found:
    """What a file comes to; an empty one gets its owner. Raises LedgerError for a line that is wrong."""
    whole, newline, rest = data.rpartition(b"\n")
    if not newline:
        owner = written(Owner(identity))
        if not owner.startswith(rest):
            raise LedgerError(f"expected a ledger at {path}, got a file that begins otherwise: choose another --out")
        return Found(book=Book(), keep=len(rest), append=owner[len(rest) :])
    first, *lines = whole.split(b"\n")
    _require_owner(first, path, identity)
    book = Book()
    for number, text in enumerate(lines, start=2):
        _take(book, text, f"{path}:{number}")
    return _ending(book, rest, len(whole) + 1)


def _require_owner(text: bytes, path: Path, identity: tuple[str, ...]) -> None:
    try:
        owner = msgspec.json.decode(text, type=Owner)
    except (msgspec.DecodeError, ValueError):
        raise LedgerError(
            f"{path}:1: expected the owner of a ledger, got something else: choose another --out"
        ) from None
    if owner.identity != identity:
        raise LedgerError(
            f"expected the ledger of {' '.join(identity)}, got that of {' '.join(owner.identity)} in {path}: "
            "choose another --out"
        )


def _take(book: Book, text: bytes, place: str) -> None:
    try:
        book.take(msgspec.json.decode(text, type=Entry))
    except (msgspec.DecodeError, ValueError) as error:
        raise LedgerError(
            f"{place}: expected a line of a ledger, got something else: {error}; nobody can say any more what was "
            "spent, so begin anew with another --out"
        ) from None


def _ending(book: Book, rest: bytes, at: int) -> Found:
    """Bring a last line without its end to one; `at` is where it begins. A settlement that lacks it does not count."""
    if not rest:
        return Found(book=book, keep=at)
    try:
        book.take(msgspec.json.decode(rest, type=Reserved))
    except (msgspec.DecodeError, ValueError):
        found = _TORN.match(rest)
    else:
        return Found(book=book, keep=at + len(rest), append=b"\n")
    if found is None:
        return Found(book=book, keep=at)
    torn = Reserved(int(found[1]), f"cut off at byte {at}", "a line that was cut off")
    book.take(torn)
    return Found(book=book, keep=at, append=written(torn))
