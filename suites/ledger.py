"""The money of a run, on disk: every billable request is written down before it is sent, and none is sent twice.

A file is one line that says whose money it is, then a line for each reservation and each settlement. What was reserved
and never settled counts in full: the run was killed while the request was out.
"""

from __future__ import annotations

import os
import threading
from typing import IO, TYPE_CHECKING, Self

import msgspec

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

MICRO = 1_000_000


class LedgerError(Exception):
    """A file that is no ledger, belongs to another run, or is in use. The message says which, and what to do."""


class BudgetError(Exception):
    """The next request would cross the limit."""


class AlreadySpentError(Exception):
    """The request was paid for before; nothing is ever sent twice."""


class _Owner(msgspec.Struct, frozen=True, tag="owner", tag_field="line"):
    identity: tuple[str, ...]


class _Reserved(msgspec.Struct, frozen=True, tag="reserved", tag_field="line"):
    key: str
    micro_usd: int
    what: str


class _Settled(msgspec.Struct, frozen=True, tag="settled", tag_field="line"):
    key: str
    micro_usd: int


_Line = _Owner | _Reserved | _Settled


class Ledger:
    """An open ledger. Amounts are micro-dollars; safe to use from several threads."""

    def __init__(self, file: IO[bytes], limit_micro_usd: int | None, booked: dict[str, int]) -> None:
        self._file = file
        self._limit = limit_micro_usd
        self._booked = booked
        self._lock = threading.Lock()

    @classmethod
    def open(
        cls, path: Path, *, limit_micro_usd: int | None, identity: tuple[str, ...], resume: bool = False
    ) -> Ledger:
        """Open a new ledger, or with `resume` one that is there. Raises LedgerError."""
        if path.exists() and not resume:
            raise LedgerError(
                f"expected no ledger at {path} yet, got one: go on with it by --resume, or choose another --out"
            )
        file = path.open("a+b", buffering=0)
        try:
            _lock(file, path)
            booked = _read(file, path, identity)
            if file.seek(0, os.SEEK_END) == 0:
                _append(file, _Owner(identity))
        except LedgerError:
            file.close()
            raise
        return cls(file, limit_micro_usd, booked)

    @property
    def spent_micro_usd(self) -> int:
        """What has been spent, or may have been."""
        return sum(self._booked.values())

    def has(self, key: str) -> bool:
        """Whether a request was sent before."""
        return key in self._booked

    def reserve(self, key: str, micro_usd: int, what: str) -> None:
        """Book a request that is about to be sent. Raises AlreadySpentError and BudgetError, and books nothing then."""
        with self._lock:
            if key in self._booked:
                raise AlreadySpentError(f"{what}: was paid for in an earlier part of this run, and is not sent again")
            spent = sum(self._booked.values())
            if self._limit is not None and spent + micro_usd > self._limit:
                left = self._limit - spent
                raise BudgetError(
                    f"the budget has ended: {what} costs ${micro_usd / MICRO:.4f}, and ${left / MICRO:.4f} is left"
                )
            _append(self._file, _Reserved(key, micro_usd, what))
            self._booked[key] = micro_usd

    def settle(self, key: str, micro_usd: int) -> None:
        """Book what a reserved request came to: 0 for one that was refused, never more than was reserved."""
        with self._lock:
            amount = min(micro_usd, self._booked.get(key, micro_usd))
            _append(self._file, _Settled(key, amount))
            self._booked[key] = amount

    def close(self) -> None:
        """Close the file, and let others have it."""
        self._file.close()

    def __enter__(self) -> Self:
        """Give the ledger itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self.close()


def _append(file: IO[bytes], line: _Line) -> None:
    """Write a line, and wait until it is on the disk."""
    file.write(msgspec.json.encode(line) + b"\n")
    os.fsync(file.fileno())


def _lock(file: IO[bytes], path: Path) -> None:
    """Keep other processes out. Raises LedgerError when one is in."""
    try:
        import fcntl  # noqa: PLC0415  (does not exist on Windows)
    except ImportError:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise LedgerError(
            f"expected {path} to be free, got a ledger that another run has open: wait for its end"
        ) from None


def _read(file: IO[bytes], path: Path, identity: tuple[str, ...]) -> dict[str, int]:
    """What is booked by key. A last line that was cut off is taken out: its request was never sent."""
    file.seek(0)
    data = file.read()
    whole, _, rest = data.rpartition(b"\n")
    if rest:
        file.truncate(len(data) - len(rest))
    booked: dict[str, int] = {}
    for number, text in enumerate(whole.split(b"\n") if whole else [], start=1):
        try:
            line = msgspec.json.decode(text, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LedgerError(f"{path}:{number}: expected a line of a ledger, got something else: {error}") from None
        if isinstance(line, _Owner):
            if line.identity != identity:
                raise LedgerError(
                    f"expected the ledger of {' '.join(identity)}, got that of {' '.join(line.identity)} in {path}: "
                    "choose another --out"
                )
        elif isinstance(line, _Reserved):
            booked[line.key] = line.micro_usd
        else:
            booked[line.key] = line.micro_usd
    return booked
